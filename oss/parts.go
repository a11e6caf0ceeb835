package oss

import (
	"context"
	"errors"
	"strings"
	"time"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// MaxParts is how many parts an object may have; S3, Aliyun and Huawei have the
// same limit.
const MaxParts = 10_000

// Init claims a key for the caller and starts an upload in parts. Its content type
// follows from the key.
func (s *Service) Init(ctx context.Context, caller id.UID, o Object) (upload string, err error) {
	p, err := s.place(o)
	if err != nil {
		return "", err
	}
	u := s.newUpload(caller, p, s.config.Unfinished)
	if err := s.claim(ctx, p, u, ""); err != nil {
		return "", err
	}
	remote, err := p.bucket.Keeper.Start(ctx, o.Key, o.Key.ContentType())
	if err != nil {
		// A claim that cannot become an object helps nobody. If it stays, it lapses.
		return "", errors.Join(err, s.unclaim(ctx, u))
	}
	return u.ID, s.store.Do(ctx, func(tx Tx) error {
		u.Remote = remote
		return tx.SaveUpload(u)
	})
}

// SignPart signs the request that writes a part. A part may be signed and written
// again; the last one that was written stands.
func (s *Service) SignPart(ctx context.Context, caller id.UID, o Object, upload string, number int32, size int64) (Signed, error) {
	p, err := s.place(o)
	if err != nil {
		return Signed{}, err
	}
	if err := checkNumber(number); err != nil {
		return Signed{}, err
	}
	if err := s.sized(size); err != nil {
		return Signed{}, err
	}
	u, err := s.reserve(ctx, caller, p, upload, number, size)
	if err != nil {
		return Signed{}, err
	}
	return p.bucket.Keeper.SignPart(ctx, PutPart{
		Key: o.Key, Upload: u.Remote, Number: number, Size: size, Expires: time.Now().Add(s.config.SignFor),
	})
}

// reserve finds an upload that is open, and makes room for a part. Where nothing is
// bounded there is always room, and so nothing to write; the part is counted when it
// is recorded.
func (s *Service) reserve(ctx context.Context, caller id.UID, p place, upload string, number int32, size int64) (u *Upload, err error) {
	if p.quota == 0 && s.config.MaxObject == 0 {
		if u, err = s.store.Upload(ctx, upload); err != nil {
			return nil, err
		}
		return u, u.isOpen(caller, p)
	}
	err = s.store.Do(ctx, func(tx Tx) error {
		if u, err = open(tx, upload, caller, p); err != nil {
			return err
		}
		part, err := partOf(tx, upload, number)
		if err != nil {
			return err
		}
		// What is there counts until something else has taken its place.
		if err := s.resize(tx, u, part, max(size, part.Reserved), p.quota); err != nil {
			return err
		}
		return tx.SavePart(upload, *part)
	})
	return u, err
}

// partOf returns a part of an upload, of no bytes if there is none yet.
func partOf(tx Tx, upload string, number int32) (*StoredPart, error) {
	part, err := tx.Part(upload, number)
	if part == nil {
		part = &StoredPart{Part: Part{Number: number}}
	}
	return part, err
}

// RecordPart notes that the provider has confirmed a part.
func (s *Service) RecordPart(ctx context.Context, caller id.UID, o Object, upload string, written Part, size int64) (Part, error) {
	p, err := s.place(o)
	if err != nil {
		return Part{}, err
	}
	if err := checkNumber(written.Number); err != nil {
		return Part{}, err
	}
	written.ETag = unquoted(written.ETag)
	err = s.store.Do(ctx, func(tx Tx) error {
		u, err := open(tx, upload, caller, p)
		if err != nil {
			return err
		}
		part, err := partOf(tx, upload, written.Number)
		if err != nil {
			return err
		}
		part.ETag, part.Size = written.ETag, size
		if err := s.resize(tx, u, part, size, 0); err != nil {
			return err
		}
		return tx.SavePart(upload, *part)
	})
	return written, err
}

// resize changes what is reserved for a part. The upload lives on from now.
func (s *Service) resize(tx Tx, u *Upload, part *StoredPart, size, quota int64) error {
	more := size - part.Reserved
	if s.config.MaxObject > 0 && more > 0 && u.Reserved+more > s.config.MaxObject {
		return fault.FileTooLarge
	}
	if more != 0 {
		if enough, err := tx.Spend(u.Name.App, u.Owner, more, quota); err != nil || !enough {
			return errors.Join(err, errOr(!enough, errQuota))
		}
	}
	part.Reserved = size
	u.Reserved += more
	u.ExpiresAt = time.Now().Add(s.config.Unfinished)
	return tx.SaveUpload(u)
}

func checkNumber(n int32) error {
	if n < 1 || n > MaxParts {
		return fault.Invalid("partNumber", "must be from 1 to %d", MaxParts)
	}
	return nil
}

// unquoted takes the quotes off an ETag.
func unquoted(etag string) string { return strings.Trim(etag, `"`) }
