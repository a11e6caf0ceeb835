package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/zeromicro/go-zero/core/logx"

	"parley/app/call"
	"parley/app/call/tencent"
)

const (
	// developmentApp is the sdkAppId of the application that no cloud knows.
	developmentApp = 1
	// developmentSecret is the file in the data folder with its secret.
	developmentSecret = "call-secret"
)

// issuer returns what makes the tickets of calls, or nil where no call can be
// started: an empty secret would sign without an error.
func (a *App) issuer() (call.Issuer, error) {
	c := a.config.Call
	secret, err := c.secret()
	if err != nil {
		return nil, err
	}
	switch {
	case c.AppID != 0 && secret == "":
		return nil, errors.New("Call.SecretFile: the file is empty")
	case c.AppID != 0:
		return tencent.New(c.AppID, secret, c.TicketExpire), nil
	case a.hasServer():
		logx.Error("no call can be started: Call.AppID and Call.SecretFile are not set, with which tickets are signed")
		return nil, nil
	}
	file := filepath.Join(a.config.Data, developmentSecret)
	if secret, err = readOrMake(file); err != nil {
		return nil, fmt.Errorf("secret of calls for development: %w", err)
	}
	logx.Infof("calls have tickets of an application for development, with the secret in %s: no cloud takes them", file)
	return tencent.New(developmentApp, secret, c.TicketExpire), nil
}

// readOrMake returns the secret in a file, which it makes if it is not there. The
// data folder is this process's own.
func readOrMake(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil && len(strings.TrimSpace(string(text))) > 0 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	secret := rand.Text() + rand.Text()
	return secret, os.WriteFile(file, []byte(secret+"\n"), 0o600)
}
