package oss

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// errChanged says that an entry is not what it was when it was judged.
var errChanged = errors.New("the entry has changed")

// claimTries is how often a claim is judged anew when others claim the same key.
const claimTries = 5

// claim makes u an upload of the caller, if the key is his or nobody's:
// fault.Forbidden when it is somebody else's.
//
// A key that nobody has claimed may still name an object that has not come through
// Parley, so the provider is asked, before the transaction and not in it. What it
// answered stays true: an object can only come into being through an upload that
// began earlier, which the transaction would see as alive, or not through Parley
// at all.
//
// A failed try of the same upload, which previous names if it is not "", gives its
// claim and what it has reserved back first.
func (s *Service) claim(ctx context.Context, p place, u *Upload, previous string) error {
	for range claimTries {
		err := s.tryClaim(ctx, p, u, previous)
		if !errors.Is(err, errChanged) {
			return err
		}
	}
	return fmt.Errorf("claim a key: %w %d times", errChanged, claimTries)
}

func (s *Service) tryClaim(ctx context.Context, p place, u *Upload, previous string) error {
	before, err := s.store.Entry(ctx, p.name)
	if err != nil {
		return err
	}
	if before != nil && before.Stored && before.Owner != u.Owner {
		return fault.Forbidden
	}
	if before == nil || before.Owner != u.Owner {
		if err := s.vacant(ctx, p, before); err != nil {
			return err
		}
	}
	return s.store.Do(ctx, func(tx Tx) error {
		if err := giveUp(tx, previous, u.Owner); err != nil {
			return err
		}
		e, err := tx.Enter(p.name, u.Owner)
		if err != nil {
			return err
		}
		if e.Owner != u.Owner {
			if e.Stored {
				return fault.Forbidden
			}
			if before == nil || before.Owner != e.Owner {
				return errChanged
			}
			if live, err := tx.Live(p.name, "", u.StartedAt.Add(-slowClock)); err != nil || live {
				return errors.Join(err, errOr(live, fault.Forbidden))
			}
			e.Owner = u.Owner
			if err := tx.SaveEntry(e); err != nil {
				return err
			}
		}
		if enough, err := tx.Spend(p.name.App, u.Owner, u.Reserved, p.quota); err != nil || !enough {
			return errors.Join(err, errOr(!enough, errQuota))
		}
		return tx.InsertUpload(u)
	})
}

// vacant refuses a key under which the provider has an object. If the key is
// claimed by somebody else, his uploads are ended first, if they have expired: what
// becomes of them may change the entry, which is errChanged.
func (s *Service) vacant(ctx context.Context, p place, claimed *Entry) error {
	if claimed != nil {
		uploads, err := s.store.Uploads(ctx, p.name)
		if err != nil {
			return err
		}
		for i := range uploads {
			if uploads[i].ExpiresAt.After(time.Now().Add(-slowClock)) {
				return fault.Forbidden
			}
			if err := s.sweep(ctx, &uploads[i]); err != nil {
				return err
			}
		}
		if len(uploads) > 0 {
			return errChanged
		}
	}
	_, err := p.bucket.Keeper.Stat(ctx, p.name.Key)
	switch {
	case errors.Is(err, ErrNoObject):
		return nil
	case err != nil:
		return err
	case claimed != nil:
		return fault.Forbidden
	}
	// It may have come through Parley since the entry was looked for.
	now, err := s.store.Entry(ctx, p.name)
	return errors.Join(err, errOr(now != nil, errChanged), errOr(now == nil, fault.Forbidden))
}

// keep makes the entry of an object say that it is stored, and gives back what was
// reserved for it.
func (s *Service) keep(tx Tx, n Name, owner id.UID, size, reserved int64) error {
	e, err := tx.Enter(n, owner)
	if err != nil {
		return err
	}
	spend := size - reserved
	switch {
	case e.Owner != owner:
		// The claim lapsed while the provider was at it, and is another one's now.
		return fault.Forbidden
	case e.Stored:
		spend -= e.Size
	}
	e.Stored, e.Size, e.At = true, size, time.Now()
	if err := tx.SaveEntry(e); err != nil {
		return err
	}
	_, err = tx.Spend(n.App, owner, spend, 0)
	return err
}

// release ends an upload that made no object: what it reserved is given back, and
// a claim ends with its last upload.
func release(tx Tx, u *Upload, now time.Time) error {
	if err := tx.DropUpload(u.ID); err != nil {
		return err
	}
	e, err := tx.Enter(u.Name, u.Owner)
	if err != nil {
		return err
	}
	if !e.Stored && e.Owner == u.Owner {
		live, err := tx.Live(u.Name, u.ID, now)
		if err != nil {
			return err
		}
		if !live {
			if err := tx.DropEntry(e); err != nil {
				return err
			}
		}
	}
	_, err = tx.Spend(u.Name.App, u.Owner, -u.Reserved, 0)
	return err
}

// giveUp releases the claim of a failed try, if there was one.
func giveUp(tx Tx, previous string, owner id.UID) error {
	if previous == "" {
		return nil
	}
	u, err := tx.Upload(previous)
	if err != nil || u == nil || u.Owner != owner || !u.Whole || u.Completed {
		return err
	}
	return release(tx, u, time.Now())
}

// unclaim gives up an upload that has come to nothing. If that fails, its claim
// lapses.
func (s *Service) unclaim(ctx context.Context, u *Upload) error {
	return s.store.Do(context.WithoutCancel(ctx), func(tx Tx) error { return release(tx, u, time.Now()) })
}

// slowClock is by how much the clock of a provider, or of another service, may be
// behind.
const slowClock = time.Minute

// newUpload returns an upload that begins now.
func (s *Service) newUpload(caller id.UID, p place, life time.Duration) *Upload {
	now := time.Now()
	return &Upload{
		ID: strings.ToLower(rand.Text()), Name: p.name, Owner: caller,
		StartedAt: now, ExpiresAt: now.Add(life),
	}
}

// errOr returns err if is holds.
func errOr(is bool, err error) error {
	if is {
		return err
	}
	return nil
}
