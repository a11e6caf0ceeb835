package oss

import (
	"context"
	"errors"
	"time"

	"parley/pkg/fault"
)

// Sweep ends what nobody has ended: it drops uploads on which nothing came for long,
// finds out what became of their objects, and forgets uploads that are over. Several
// services may sweep at once. It goes on after an error, but asks a bucket that has
// failed no more in this round, and returns all of them.
func (s *Service) Sweep(ctx context.Context) error {
	var errs []error
	failed := make(map[*Bucket]bool)
	// Other services' clocks may be behind: for them an upload may live still.
	before := time.Now().Add(-slowClock)
	var last *Upload
	for ctx.Err() == nil {
		uploads, err := s.store.Expired(ctx, before, last)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if len(uploads) == 0 {
			break
		}
		for i := range uploads {
			last = &uploads[i]
			b, err := s.named(last.Name)
			if err == nil && failed[b] {
				continue
			}
			if err := s.sweep(ctx, last); err != nil {
				errs, failed[b] = append(errs, err), true
			}
		}
	}
	return errors.Join(errs...)
}

// sweep ends an upload that has expired.
func (s *Service) sweep(ctx context.Context, u *Upload) error {
	b, err := s.named(u.Name)
	switch {
	case errors.Is(err, fault.Unsupported):
		// The bucket is configured no more: nobody can ask it.
		return s.forget(ctx, u)
	case err != nil:
		return err
	case u.Completed:
		return s.forget(ctx, u)
	}
	return s.end(ctx, b, u, false)
}

// forget removes an upload that is over.
func (s *Service) forget(ctx context.Context, u *Upload) error {
	return s.store.Do(ctx, func(tx Tx) error {
		now, err := tx.Upload(u.ID)
		if err != nil || now == nil {
			return err
		}
		if now.Completed {
			return tx.DropUpload(now.ID)
		}
		return release(tx, now, time.Now())
	})
}

// sweepEvery is the pause between two rounds.
const sweepEvery = time.Minute

// Keep sweeps until ctx ends. What fails goes to report and is tried again.
func (s *Service) Keep(ctx context.Context, report func(error)) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
	}
}
