package oss

import (
	"context"
	"errors"
	"mime"
	"strings"
	"time"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// Whole is an object that is to be uploaded in one piece.
type Whole struct {
	Object
	Size        int64  // in bytes, exact
	ContentType string // as the client gave it, or ""
	// Ends is when the request with the bytes is over at the latest.
	Ends time.Time
	// Previous is the upload of a try that has failed, or "".
	Previous string
}

// SignUpload claims a key for the caller and signs the request that writes the
// whole object. The upload names the claim in RecordUpload.
func (s *Service) SignUpload(ctx context.Context, caller id.UID, w Whole) (upload string, signed Signed, err error) {
	p, err := s.place(w.Object)
	if err != nil {
		return "", Signed{}, err
	}
	if err := s.sized(w.Size); err != nil {
		return "", Signed{}, err
	}
	// The claim outlives what is signed: that begins within SignFor, and is over with
	// the request, unless the provider lets its end pass for a moment.
	u := s.newUpload(caller, p, min(max(time.Until(w.Ends), s.config.SignFor)+slowClock, maxWhole))
	u.Whole, u.Reserved = true, w.Size
	if err := s.claim(ctx, p, u, w.Previous); err != nil {
		return "", Signed{}, err
	}
	signed, err = p.bucket.Keeper.SignPut(ctx, Put{
		Key: w.Key, Size: w.Size, ContentType: contentTypeOf(w.ContentType, w.Key), Expires: u.StartedAt.Add(s.config.SignFor),
	})
	if err != nil {
		return "", Signed{}, errors.Join(err, s.unclaim(ctx, u))
	}
	return u.ID, signed, nil
}

// maxWhole is the longest that a request with a whole object may last.
const maxWhole = 24 * time.Hour

// RecordUpload makes the claim an object: the provider has confirmed its bytes.
// Repeating it gives the same answer, until the upload would have expired.
func (s *Service) RecordUpload(ctx context.Context, caller id.UID, upload, origin string) (Location, error) {
	var name Name
	err := s.store.Do(ctx, func(tx Tx) error {
		u, err := owned(tx, upload, caller)
		if err != nil {
			return err
		}
		if !u.Whole {
			return fault.NotFound
		}
		if name = u.Name; u.Completed {
			return nil
		}
		if err := s.keep(tx, u.Name, u.Owner, u.Reserved, u.Reserved); err != nil {
			return err
		}
		u.Completed, u.Reserved = true, 0
		return tx.SaveUpload(u)
	})
	if err != nil {
		return Location{}, err
	}
	b, err := s.named(name)
	if err != nil {
		return Location{}, err
	}
	return place{bucket: b, name: name}.locate(origin), nil
}

// owned returns an upload of the caller: fault.NotFound when there is none,
// fault.Forbidden when it is somebody else's.
func owned(tx Tx, upload string, caller id.UID) (*Upload, error) {
	u, err := tx.Upload(upload)
	if err != nil {
		return nil, err
	}
	return u, u.ofOwner(caller)
}

// open returns an upload in parts of the caller that is of the object at p and not
// finished; see isOpen.
func open(tx Tx, upload string, caller id.UID, p place) (*Upload, error) {
	u, err := tx.Upload(upload)
	if err != nil {
		return nil, err
	}
	return u, u.isOpen(caller, p)
}

// ofOwner returns fault.NotFound where there is no upload, and fault.Forbidden for
// one that is not the caller's.
func (u *Upload) ofOwner(caller id.UID) error {
	switch {
	case u == nil:
		return fault.NotFound
	case u.Owner != caller:
		return fault.Forbidden
	}
	return nil
}

// isOpen returns nil for an upload in parts of the caller that is of the object at p
// and not finished. Errors are those of ofOwner, and fault.BadRequest for another
// object.
func (u *Upload) isOpen(caller id.UID, p place) error {
	if err := u.ofOwner(caller); err != nil {
		return err
	}
	if err := sameObject(u, p.name); err != nil {
		return err
	}
	if u.Whole || u.Completed || u.Remote == "" || u.ExpiresAt.Before(time.Now()) {
		return fault.NotFound
	}
	return nil
}

// sameObject refuses a request that names another object than at the start of the
// upload.
func sameObject(u *Upload, n Name) error {
	switch {
	case u.Name == n:
		return nil
	case u.Name.Key != n.Key:
		return fault.Invalid("key", "is not the one of the upload")
	case u.Name.App != n.App:
		return fault.Invalid("appId", "is not the one of the upload")
	}
	return fault.Invalid("ossType", "is not the one of the upload")
}

// maxContentType is the longest content type in bytes; a longer one is no type.
const maxContentType = 255

// contentTypeOf returns the type that the client gave, if it is one, or that of the
// key.
func contentTypeOf(given string, k Key) string {
	media, _, err := mime.ParseMediaType(given)
	if err == nil && strings.Contains(media, "/") && len(given) <= maxContentType && IsPrintable(given) {
		return given
	}
	return k.ContentType()
}

// IsPrintable reports whether text has nothing but printable characters of ASCII, as
// every header should.
func IsPrintable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}
