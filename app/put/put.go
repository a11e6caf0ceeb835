// Package put uploads a file of any size in the terminal, by the REST API that apps
// use: a small one at once, others in parts, several at a time. What is there
// already is noted in a file, so that the next run goes on after whatever ended
// this one. Package oss is the service behind it.
package put

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/app/client"
	"parley/oss"
	"parley/pkg/auth"
	"parley/pkg/fault"
)

// Options say who uploads what, and where to.
type Options struct {
	Key  auth.Key
	File string
	// URL is the base of the REST API.
	URL  string
	App  string // appId
	Type string // ossType; empty for the default of the app
	// Object is the key of the object; empty for one that
	// has the day, a random word and the name of the file.
	Object string
	// Part is the size of a part in bytes. It is raised for a file that would need
	// more than oss.MaxParts.
	Part     int64
	Parallel int // how many parts are sent at once
	// State is the file that says what was uploaded already; empty for one in the
	// user's folder for caches.
	State string
	// Err gets the progress and everything else that is said.
	Err io.Writer
	// Width is how wide the terminal is to which Err writes; nil where it is none.
	Width func() int

	// pause is how long to wait after the nth try that failed; nil for pauseAfter.
	pause func(n int) time.Duration
	// patience is how long a request may stand still; 0 for defaultPatience.
	patience time.Duration
}

// defaultObject is the key of a file for which none was given: the day, a random
// word, so that no two files meet and nobody else has the key, and its name.
func defaultObject(file string, now time.Time) string {
	return fmt.Sprintf("%s/%s/%s", now.Format("2006/01/02"), word(), filepath.Base(file))
}

// upload is one run.
type upload struct {
	Options
	api  api
	path string // of the file, absolute
	file *os.File
	// size and modified are those of the file when the run began.
	size     int64
	modified time.Time
	kept     *stateFile
	bar      *progress
}

// newUpload returns a run that has touched nothing yet.
func newUpload(o Options) (*upload, error) {
	path, err := filepath.Abs(o.File)
	if err != nil {
		return nil, err
	}
	if o.pause == nil {
		o.pause = pauseAfter
	}
	u := &upload{Options: o, path: path}
	u.api, err = newAPI(o)
	return u, err
}

// Run uploads a file and returns the url of the object. Where an earlier run of the
// same ended in the middle, it goes on. When ctx ends it stops at once.
func Run(ctx context.Context, o Options) (url string, err error) {
	u, err := newUpload(o)
	if err != nil {
		return "", err
	}
	defer u.api.client.CloseIdleConnections()
	if err := u.open(); err != nil {
		return "", err
	}
	defer u.file.Close()
	if o.Object != "" {
		if err := checkObject(o.Object); err != nil {
			return "", err
		}
	}
	u.bar = newProgress(o.Err, o.Width, u.size)
	defer func() { u.bar.end(err == nil) }()
	state, stateErr := u.statePath()
	if u.size > 0 && u.size <= u.Part && !exists(state) {
		return u.whole(ctx)
	}
	if stateErr != nil {
		return "", stateErr
	}
	if u.kept, err = openState(state); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, u.kept.close()) }()
	return u.inParts(ctx)
}

// open opens the file.
func (u *upload) open() (err error) {
	// A pipe would keep a plain open waiting for its other end.
	info, err := os.Stat(u.path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", u.File)
	}
	if u.file, err = os.Open(u.path); err != nil {
		return err
	}
	if info, err = u.file.Stat(); err != nil {
		return errors.Join(err, u.file.Close())
	}
	u.size, u.modified = info.Size(), info.ModTime()
	return nil
}

func checkObject(key string) error {
	if err := oss.Key(key).Check(); err != nil {
		return fmt.Errorf("the key %q: %w; choose another with -key", key, err)
	}
	return nil
}

// object returns the key of an object that is new.
func (u *upload) object() (string, error) {
	if u.Object != "" {
		return u.Object, nil
	}
	key := defaultObject(u.path, time.Now())
	return key, checkObject(key)
}

// whole uploads a small file at once.
func (u *upload) whole(ctx context.Context) (url string, err error) {
	key, err := u.object()
	if err != nil {
		return "", err
	}
	err = u.try(ctx, func() (err error) {
		url, err = u.api.upload(ctx, key, u.section(0, u.size))
		return err
	})
	switch {
	case err == nil:
		if err := u.unchanged(); err != nil {
			return "", err
		}
		return url, nil
	case ctx.Err() != nil:
		return "", errors.New("interrupted: nothing was kept")
	}
	return "", u.explained(err, u.size)
}

// section is a piece of the file as it is sent once.
func (u *upload) section(from, size int64) *piece {
	return &piece{in: io.NewSectionReader(u.file, from, size), name: filepath.Base(u.path), left: size, size: size, bar: u.bar}
}

// errChanged says that the file is not what it was, so that its parts would be of
// two files.
var errChanged = errors.New("the file changed while it was sent; try again when nobody writes to it")

// unchanged returns errChanged if the file was written to since the run began.
func (u *upload) unchanged() error {
	info, err := u.file.Stat()
	if err == nil && (info.Size() != u.size || !info.ModTime().Equal(u.modified)) {
		err = errChanged
	}
	return err
}

// Abort drops the unfinished upload of a file, which may be gone.
func Abort(ctx context.Context, o Options) (err error) {
	u, err := newUpload(o)
	if err != nil {
		return err
	}
	defer u.api.client.CloseIdleConnections()
	path, err := u.statePath()
	if err != nil {
		return err
	}
	u.bar = newProgress(o.Err, o.Width, 0)
	defer u.bar.end(false)
	nothing := func() error {
		u.bar.say("there is no unfinished upload of " + u.File)
		return nil
	}
	if !exists(path) {
		return nothing()
	}
	if u.kept, err = openState(path); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.kept.close()) }()
	s, err := u.resume()
	if err != nil {
		return err
	}
	if s == nil {
		return nothing()
	}
	if err := u.try(ctx, func() error { return u.api.abort(ctx, s) }); err != nil {
		return fmt.Errorf("drop the upload of %s: %w", u.File, err)
	}
	u.bar.say("dropped the upload of " + u.File)
	return u.kept.remove()
}

// hasCode reports whether an error is an answer with a code.
func hasCode(err error, code fault.Code) bool {
	answer := (*client.CodeError)(nil)
	return errors.As(err, &answer) && answer.Code == code
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return path != "" && err == nil
}

// trimURL returns a base without the slash at its end.
func trimURL(base string) string { return strings.TrimRight(base, "/") }
