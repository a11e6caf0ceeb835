package oss

import (
	"context"
	"errors"
	"time"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// Abort drops an upload and its parts. It succeeds for one that is unknown or
// finished; a completed object stays.
func (s *Service) Abort(ctx context.Context, caller id.UID, o Object, upload string) error {
	p, err := s.place(o)
	if err != nil {
		return err
	}
	var u *Upload
	err = s.store.Do(ctx, func(tx Tx) (err error) {
		if u, err = owned(tx, upload, caller); err != nil {
			return err
		}
		return sameObject(u, p.name)
	})
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil || u.Completed || u.Whole {
		return err
	}
	return s.end(ctx, p.bucket, u, true)
}

// end ends an upload that is not completed, at the provider first: what is killed
// between the two is done again. Then it finds out what became of the object. The
// provider may have it, because it had all bytes, or had completed the upload, when
// the process died that was to record it.
//
// While a completion may be running, which hold says, the provider may yet make the
// object: the key stays claimed for so long.
func (s *Service) end(ctx context.Context, b *Bucket, u *Upload, hold bool) error {
	if !u.Whole && u.Remote != "" {
		if err := b.Keeper.Abort(ctx, u.Name.Key, u.Remote); err != nil {
			return err
		}
	}
	asked := time.Now()
	stat, err := b.Keeper.Stat(ctx, u.Name.Key)
	there := err == nil
	if err != nil && !errors.Is(err, ErrNoObject) {
		return err
	}
	return s.store.Do(ctx, func(tx Tx) error {
		now, err := tx.Upload(u.ID)
		if err != nil || now == nil || now.Completed {
			return err
		}
		e, err := tx.Enter(u.Name, u.Owner)
		if err != nil {
			return err
		}
		unrecorded := there && e.Owner == u.Owner && (!e.Stored || e.At.Before(asked) && stat.Modified.After(e.At))
		switch {
		case unrecorded:
			if err := s.keep(tx, u.Name, u.Owner, stat.Size, now.Reserved); err != nil {
				return err
			}
			return tx.DropUpload(u.ID)
		case hold && len(now.Digest) > 0:
			return s.hold(tx, now)
		}
		return release(tx, now, time.Now())
	})
}

// hold makes an upload one that nobody can go on with, and that keeps its key
// claimed until a completion can no longer be running.
func (s *Service) hold(tx Tx, u *Upload) error {
	if err := tx.DropParts(u.ID); err != nil {
		return err
	}
	if _, err := tx.Spend(u.Name.App, u.Owner, -u.Reserved, 0); err != nil {
		return err
	}
	u.Remote, u.Reserved, u.ExpiresAt = "", 0, time.Now().Add(s.config.Completing)
	return tx.SaveUpload(u)
}
