package local

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"parley/oss"
)

// MinPart is how many bytes a part has at least, but for the last: as in S3.
const MinPart = 5 << 20

// Complete implements oss.Provider. It is done in an order in which it can stop
// anywhere and be begun again:
//
//  1. The object is made aside, from the files that the parts are at this moment;
//     a part that is sent again meanwhile is another file.
//  2. The upload's folder gets the name of a completed one. From here on no part
//     can be sent and nothing be aborted, but a repeat of Complete finds it.
//  3. The object gets its name.
//  4. The parts are removed.
//
// Two who do it at once make the same object twice. The one who is late in step 2
// finds that done, and who comes after step 4 finds the object, which says what
// upload it was made of.
func (b *bucket) Complete(ctx context.Context, key oss.Key, id string, parts []oss.Part) error {
	const op = "complete an upload"
	etag, ok := combine(parts)
	for {
		u, err := b.find(key, id)
		if errors.Is(err, oss.ErrNoUpload) {
			return b.completed(key, id, etag)
		}
		if err != nil {
			return err
		}
		if !ok {
			return oss.ErrWrongPart
		}
		err = b.complete(ctx, u, etag, parts)
		if err == nil || ctx.Err() != nil {
			return err
		}
		// Parts go missing when somebody else completes or aborts the upload,
		// which happens at most twice. Then what was found is moot.
		if _, statErr := os.Stat(u.folder); errors.Is(statErr, fs.ErrNotExist) {
			continue
		}
		if errors.Is(err, oss.ErrWrongPart) || errors.Is(err, oss.ErrPartTooSmall) {
			return err
		}
		return broken(op, err)
	}
}

// completed says whether an upload that is not there was completed with the same
// parts, and its object is still the one of the key.
func (r root) completed(key oss.Key, id, etag string) error {
	l, err := labelOf(r.object(key))
	switch {
	case err == nil && l.Upload == id && l.ETag == etag:
		return nil
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return oss.ErrNoUpload
	}
	return broken("complete an upload", err)
}

func (r root) complete(ctx context.Context, u upload, etag string, parts []oss.Part) error {
	sizes, err := u.verify(ctx, parts)
	if err != nil {
		return err
	}
	d, err := r.draft()
	if err != nil {
		return err
	}
	defer d.drop()
	l := label{Key: u.Key, ContentType: u.ContentType, ETag: etag, Upload: u.Upload}
	for i, p := range parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := u.appendPart(d, p, sizes[i]); err != nil {
			return err
		}
		l.Size += sizes[i]
	}
	if err := d.seal(l); err != nil {
		return err
	}
	done := r.uploadPath(u.Upload) + doneSuffix
	if !u.done {
		if err := os.Rename(u.folder, done); err != nil {
			return err
		}
		if err := syncFolder(r.uploads()); err != nil {
			return err
		}
	}
	if err := r.placeObject(d, oss.Key(u.Key)); err != nil {
		return err
	}
	// The object is there: that its parts are, too, is for Sweep to mend.
	_ = r.discard(done)
	return nil
}

// verify compares the parts with what their files say, and returns their sizes.
// It reads labels only, so that what is wrong is found before anything is copied.
func (u upload) verify(ctx context.Context, parts []oss.Part) ([]int64, error) {
	sizes := make([]int64, len(parts))
	small := false
	for i, p := range parts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, size, err := u.open(p)
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
		sizes[i] = size
		small = small || size < MinPart && i < len(parts)-1
	}
	if small {
		return nil, oss.ErrPartTooSmall
	}
	return sizes, nil
}

// open opens a part that is as the caller says.
func (u upload) open(p oss.Part) (*os.File, int64, error) {
	f, l, err := openLabelled(filepath.Join(u.folder, partName(p.Number)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, oss.ErrWrongPart
	}
	if err != nil {
		return nil, 0, err
	}
	if !strings.EqualFold(l.ETag, p.ETag) {
		return nil, 0, errors.Join(oss.ErrWrongPart, f.Close())
	}
	return f, l.Size, nil
}

// appendPart copies a part to the end of an object. The kernel does it, where it
// can, without that the bytes come here; so they are not hashed again, nor need
// they be: they were when they came, and then flushed to the disk.
func (u upload) appendPart(d *draft, p oss.Part, size int64) error {
	f, now, err := u.open(p)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if now != size {
		return oss.ErrWrongPart // sent again since it was verified, with the same MD5
	}
	n, err := io.Copy(d.File, io.LimitReader(f, size))
	if err == nil && n != size {
		err = fmt.Errorf("%s: %w", f.Name(), io.ErrUnexpectedEOF)
	}
	return err
}

// combine returns the ETag of an object made of parts, as S3 does: the MD5 of the
// parts' MD5s, and how many there are. It reports whether the parts could be an
// object at all.
func combine(parts []oss.Part) (string, bool) {
	h := md5.New()
	for i, p := range parts {
		sum, err := hex.DecodeString(p.ETag)
		if err != nil || len(sum) != md5.Size || p.Number < 1 || p.Number > maxPart || i > 0 && p.Number <= parts[i-1].Number {
			return "", false
		}
		_, _ = h.Write(sum)
	}
	return fmt.Sprintf("%s-%d", hex.EncodeToString(h.Sum(nil)), len(parts)), len(parts) > 0
}
