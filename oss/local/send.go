package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"parley/oss"
)

// Send implements oss.Carrier for what buckets of this store sign.
func (s *Store) Send(ctx context.Context, signed oss.Signed, body io.Reader, size int64) (string, error) {
	const op = "send a body"
	p, err := parsePlace(signed)
	switch {
	case err != nil:
		return "", refusal(op, 400, "InvalidRequest", err.Error())
	case !time.Now().Before(p.expires):
		return "", refusal(op, 403, "AccessDenied", "the request has expired")
	case size != p.size:
		return "", refusal(op, 400, "EntitySizeMismatch", fmt.Sprintf("the body has %d bytes, but %d were signed", size, p.size))
	}
	r := s.root(p.bucket)
	if p.upload == "" {
		return r.write(ctx, body, size, label{Key: string(p.key), ContentType: p.contentType}, func(d *draft) error {
			return r.placeObject(d, p.key)
		})
	}
	if err := r.sendable(p); err != nil {
		return "", err
	}
	part := label{Key: string(p.key), Upload: p.upload}
	return r.write(ctx, body, size, part, func(d *draft) error { return r.placePart(d, p) })
}

// write makes a file of a body and its label, and lets put give it its name. It
// returns the ETag, which is the MD5 of the body.
func (r root) write(ctx context.Context, body io.Reader, size int64, l label, put func(*draft) error) (string, error) {
	const op = "write a file"
	d, err := r.draft()
	if err != nil {
		return "", broken(op, err)
	}
	defer d.drop()
	l.Size = size
	l.ETag, err = receive(ctx, d, body, size)
	if errors.Is(err, errWrite) {
		return "", broken(op, err)
	}
	if err != nil {
		return "", err
	}
	if err := d.seal(l); err != nil {
		return "", broken(op, err)
	}
	// A caller who is told that it was cancelled shall find nothing written.
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := put(d); errors.Is(err, oss.ErrNoUpload) {
		return "", err
	} else if err != nil {
		return "", broken(op, err)
	}
	return l.ETag, nil
}

// placeObject makes a sealed file the object of a key.
func (r root) placeObject(d *draft, key oss.Key) error {
	path := r.object(key)
	return r.in(filepath.Dir(path), func() error { return d.place(path) })
}

// sendable says before the body is read whether it will be in vain.
func (r root) sendable(p place) error {
	u, err := r.find(p.key, p.upload)
	if err == nil && u.done {
		return oss.ErrNoUpload
	}
	return err
}

// placePart makes a sealed file a part. That its folder is not there any more
// says that the upload was completed or aborted while the body came.
func (r root) placePart(d *draft, p place) error {
	folder := r.uploadPath(p.upload)
	err := d.place(filepath.Join(folder, partName(p.number)))
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Stat(folder); errors.Is(statErr, fs.ErrNotExist) {
			return oss.ErrNoUpload
		}
	}
	return err
}
