// Package secret reads secrets that the configuration keeps in files of their own.
package secret

import (
	"fmt"
	"os"
	"strings"
)

// Read returns what is in a file that the key of the configuration names. White space
// at its end does not count. No file is no secret.
func Read(key, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	return strings.TrimRight(string(text), " \t\r\n"), nil
}
