package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"parley/oss"
)

// upload is an upload in parts: a folder with its parts and a file that tells
// what it is of. The folder ends in one of two ways, of which a rename decides:
// Abort moves it to tmp, Complete gives it the name of a completed one. So of an
// abort and a completion at once only one takes place.
type upload struct {
	label
	folder string
	done   bool // it is being completed
}

const (
	aboutName  = "about"
	doneSuffix = ".done"
)

func partName(number int32) string { return fmt.Sprintf("%05d", number) }

func (r root) uploadPath(id string) string { return filepath.Join(r.uploads(), id) }

// find returns an upload of a key, or oss.ErrNoUpload.
func (r root) find(key oss.Key, id string) (upload, error) {
	if !validUpload(id) {
		return upload{}, oss.ErrNoUpload
	}
	// In the order in which the names are given, so as not to miss it in between.
	for _, suffix := range []string{"", doneSuffix} {
		folder := r.uploadPath(id) + suffix
		l, err := labelOf(filepath.Join(folder, aboutName))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return upload{}, broken("find an upload", err)
		}
		if l.Key != string(key) {
			break
		}
		return upload{label: l, folder: folder, done: suffix != ""}, nil
	}
	return upload{}, oss.ErrNoUpload
}

// Start implements oss.Provider. The folder of the upload is made aside, so that
// there is none that does not tell what it is of.
func (b *bucket) Start(ctx context.Context, key oss.Key, contentType string) (string, error) {
	const op = "start an upload"
	if !validContentType(contentType) || key.Check() != nil {
		return "", refusal(op, 400, "InvalidArgument", errPlace.Error())
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	id := newID()
	if err := b.start(id, label{Key: string(key), ContentType: contentType, Upload: id}); err != nil {
		return "", broken(op, err)
	}
	return id, nil
}

func (r root) start(id string, l label) error {
	about, err := r.draft()
	if err != nil {
		return err
	}
	defer about.drop()
	if err := about.seal(l); err != nil {
		return err
	}
	aside := filepath.Join(r.tmp(), id)
	if err := os.Mkdir(aside, folderMode); err != nil {
		return err
	}
	err = about.place(filepath.Join(aside, aboutName))
	if err == nil {
		err = r.in(r.uploads(), func() error {
			if err := os.Rename(aside, r.uploadPath(id)); err != nil {
				return err
			}
			return syncFolder(r.uploads())
		})
	}
	if err != nil {
		_ = os.RemoveAll(aside)
	}
	return err
}

// Abort implements oss.Provider. Of an upload that is just being completed it
// drops nothing.
func (b *bucket) Abort(ctx context.Context, key oss.Key, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	u, err := b.find(key, id)
	if errors.Is(err, oss.ErrNoUpload) || err == nil && u.done {
		return nil
	}
	if err != nil {
		return err
	}
	if err := b.discard(u.folder); err != nil {
		return broken("abort an upload", err)
	}
	return nil
}

// discard removes a folder of an upload. It is gone at once, if it is at all.
// That it is gone already is no error.
func (r root) discard(folder string) error {
	aside := filepath.Join(r.tmp(), newID())
	err := r.in(r.tmp(), func() error { return os.Rename(folder, aside) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := syncFolder(r.uploads()); err != nil {
		return err
	}
	// What cannot be removed now is no upload any more; Sweep tries it again.
	_ = os.RemoveAll(aside)
	return nil
}
