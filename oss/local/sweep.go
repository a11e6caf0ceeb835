package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Sweep removes uploads to which no part has come for longer than older, and files
// that somebody died over, and returns how many. It may run beside everything else,
// and several times at once: what it takes from under a body that has been coming
// for so long without a byte is refused in the end, and never half there.
func (s *Store) Sweep(ctx context.Context, older time.Duration) (int, error) {
	before := time.Now().Add(-older)
	buckets, err := os.ReadDir(s.folder)
	if err != nil {
		return 0, fmt.Errorf("sweep the object store: %w", err)
	}
	swept := 0
	var failures []error
	for _, e := range buckets {
		if len(e.Name()) != 2*sha256.Size {
			continue // what the system or somebody put there, such as lost+found
		}
		r := root{s, filepath.Join(s.folder, e.Name())}
		// A part has its name from a rename, which touches the upload's folder: its
		// time is that of the newest part.
		for _, c := range []struct {
			folder string
			remove func(string) error
		}{{r.uploads(), r.discard}, {r.tmp(), os.RemoveAll}} {
			n, err := sweepFolder(ctx, c.folder, before, c.remove)
			swept += n
			failures = append(failures, err)
		}
	}
	if err := errors.Join(failures...); err != nil {
		return swept, fmt.Errorf("sweep the object store: %w", err)
	}
	return swept, nil
}

// sweepFolder removes what was changed before a time.
func sweepFolder(ctx context.Context, folder string, before time.Time, remove func(string) error) (int, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	swept := 0
	var failures []error
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return swept, err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.ModTime().Before(before) {
			continue
		}
		if err == nil {
			err = remove(filepath.Join(folder, e.Name()))
		}
		if err != nil {
			failures = append(failures, err)
			continue
		}
		swept++
	}
	return swept, errors.Join(failures...)
}
