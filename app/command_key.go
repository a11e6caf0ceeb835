package app

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"parley/pkg/auth"
)

// keyVariable is the environment variable with the private key for `parley
// token`.
const keyVariable = "PARLEY_KEY"

// key prints a new key pair, in the form that token reads.
func (c *command) key() error {
	if err := c.parse(flag.NewFlagSet("key", flag.ContinueOnError)); err != nil {
		return err
	}
	key, err := auth.NewKey()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "private key: %s\npublic key:  %s\nuid:         %s\n", key.Hex(), key.PublicHex(), key.UID())
	return err
}

// token prints a fresh token.
func (c *command) token() error {
	flags := flag.NewFlagSet("token", flag.ContinueOnError)
	given := flags.String("key", "", "")
	suffix := flags.String("suffix", "", "")
	if err := c.parse(flags); err != nil {
		return err
	}
	key, err := c.findKey(*given)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, key.Token(time.Now(), *suffix))
	return err
}

// findKey reads a private key: given is its hex or a file, and without it the
// environment has its hex. Hex on a command line can be seen by others on the
// same machine; it is for keys that protect nothing.
func (c *command) findKey(given string) (auth.Key, error) {
	if given == "" {
		hex := c.env[keyVariable]
		if hex == "" {
			return auth.Key{}, fmt.Errorf("which key? give -key with a file or a private key in hex, or set %s: %w", keyVariable, errUsage)
		}
		key, err := auth.ParseKey(hex)
		if err != nil {
			return auth.Key{}, fmt.Errorf("environment %s: %w", keyVariable, err)
		}
		return key, nil
	}
	if key, err := auth.ParseKey(given); err == nil {
		return key, nil
	}
	key, err := readKey(given)
	if errors.Is(err, os.ErrNotExist) {
		return auth.Key{}, errors.New("-key is neither a private key of 64 hex digits nor a file that exists")
	}
	return key, err
}

// readKey reads a private key from a file: the output of the key command, or the
// bare hex.
func readKey(file string) (auth.Key, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return auth.Key{}, fmt.Errorf("read a private key: %w", err)
	}
	for word := range strings.FieldsSeq(string(text)) {
		if key, err := auth.ParseKey(word); err == nil {
			return key, nil
		}
	}
	return auth.Key{}, fmt.Errorf("there is no private key of 64 hex digits in %s", file)
}
