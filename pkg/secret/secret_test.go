package secret

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhiteSpaceAtTheEndIsNoPartOfASecret(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	for text, want := range map[string]string{"": "", "hunter2": "hunter2", " hunter 2 \t\r\n\n": " hunter 2"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Read("Key", file); err != nil || got != want {
			t.Errorf("of %q it reads %q (%v), want %q", text, got, err, want)
		}
	}
}

func TestNoFileIsNoSecretAndAnAbsentOneIsAnErrorWithTheKey(t *testing.T) {
	t.Parallel()
	if got, err := Read("Key", ""); got != "" || err != nil {
		t.Errorf("without a file it reads %q (%v)", got, err)
	}
	_, err := Read("Redis.PasswordFile", filepath.Join(t.TempDir(), "absent"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "Redis.PasswordFile: ") {
		t.Errorf("the error is %v, want one with the key", err)
	}
}
