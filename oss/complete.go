package oss

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// Complete makes an object of the parts, in whatever order they come, and of no
// parts an empty object. Repeating it with the same parts gives the same answer.
//
// Which of two requests at once comes through is decided by the provider, which
// completes an upload once. Who comes second finds no upload there; it was the
// first one's, or its own before it was killed, if the object is there as these
// parts would make it. It may come a moment later: while a provider puts an object
// together there is neither.
func (s *Service) Complete(ctx context.Context, caller id.UID, o Object, upload string, list []Part, origin string) (Location, error) {
	p, err := s.place(o)
	if err != nil {
		return Location{}, err
	}
	list, err = sorted(list)
	if err != nil {
		return Location{}, err
	}
	c := completion{place: p, digest: digest(list)}
	err = s.store.Do(ctx, func(tx Tx) error { return s.begin(tx, &c, upload, caller, list) })
	if err != nil {
		return Location{}, err
	}
	if c.upload.Completed {
		return p.locate(origin), nil
	}
	// What has begun goes on when the client leaves: it may be done already.
	ctx = context.WithoutCancel(ctx)
	err = c.atProvider(ctx)
	switch {
	case errors.Is(err, ErrNoUpload):
		err = s.awaitCompleted(ctx, &c)
	case errors.Is(err, ErrWrongPart):
		err = errors.Join(fault.Invalid("parts", "are not what was uploaded"), s.reopen(ctx, &c))
	case errors.Is(err, ErrPartTooSmall):
		err = errors.Join(fault.PartTooSmall, s.reopen(ctx, &c))
	}
	if err != nil {
		return Location{}, err
	}
	if err := s.store.Do(ctx, func(tx Tx) error { return s.finish(tx, &c) }); err != nil {
		return Location{}, err
	}
	return p.locate(origin), nil
}

// completion is an upload that is being completed.
type completion struct {
	place
	upload *Upload
	parts  []Part // with the provider's own spelling of ETags
	size   int64  // of the object in bytes
	digest []byte
}

// errOtherParts refuses to complete an upload in two ways.
var errOtherParts = fault.Invalid("parts", "are not those that the upload was completed with before")

// begin finds the upload and its parts, and marks it with their digest: as long as
// the provider may be at it, nobody completes the upload with other parts, and its
// key does not become free.
func (s *Service) begin(tx Tx, c *completion, upload string, caller id.UID, list []Part) error {
	u, err := owned(tx, upload, caller)
	if err != nil {
		return err
	}
	if err := sameObject(u, c.name); err != nil {
		return err
	}
	c.upload = u
	if u.Completed && !u.Whole {
		return errOr(!slices.Equal(u.Digest, c.digest), errOtherParts)
	}
	if err := u.isOpen(caller, c.place); err != nil {
		return err
	}
	if begun := u.ExpiresAt.Add(-s.config.Unfinished); len(u.Digest) > 0 && !slices.Equal(u.Digest, c.digest) && time.Since(begun) < s.config.Completing {
		return errOtherParts
	}
	stored, err := tx.Parts(upload)
	if err != nil {
		return err
	}
	if c.parts, c.size, err = match(list, stored); err != nil {
		return err
	}
	u.Digest, u.ExpiresAt = c.digest, time.Now().Add(s.config.Unfinished)
	return tx.SaveUpload(u)
}

// reopen takes the mark off an upload that was not completed, and can be with other
// parts.
func (s *Service) reopen(ctx context.Context, c *completion) error {
	return s.store.Do(ctx, func(tx Tx) error {
		u, err := tx.Upload(c.upload.ID)
		if err != nil || u == nil || u.Completed || !slices.Equal(u.Digest, c.digest) {
			return err
		}
		u.Digest = nil
		return tx.SaveUpload(u)
	})
}

// sorted returns the parts in the order of their numbers, each of which comes once.
func sorted(list []Part) ([]Part, error) {
	list = slices.Clone(list)
	for i := range list {
		if err := checkNumber(list[i].Number); err != nil {
			return nil, err
		}
		list[i].ETag = unquoted(list[i].ETag)
	}
	slices.SortFunc(list, func(a, b Part) int { return cmp.Compare(a.Number, b.Number) })
	for i := 1; i < len(list); i++ {
		if list[i].Number == list[i-1].Number {
			return nil, fault.Invalid("parts", "have number %d twice", list[i].Number)
		}
	}
	return list, nil
}

// digest tells one list of parts from another, whatever the case of its ETags.
func digest(sorted []Part) []byte {
	h := sha256.New()
	for _, p := range sorted {
		fmt.Fprintf(h, "%d %s\n", p.Number, strings.ToLower(p.ETag))
	}
	return h.Sum(nil)
}

// match finds the stored parts that a sorted list names, and their size in bytes.
func match(list []Part, stored []StoredPart) (parts []Part, size int64, err error) {
	for _, p := range list {
		i, ok := slices.BinarySearchFunc(stored, p.Number, func(s StoredPart, n int32) int { return cmp.Compare(s.Number, n) })
		if !ok || stored[i].ETag == "" {
			return nil, 0, fault.Invalid("parts", "have number %d, which was not uploaded", p.Number)
		}
		if !strings.EqualFold(stored[i].ETag, p.ETag) {
			return nil, 0, fault.Invalid("parts", "have another ETag at number %d than was answered", p.Number)
		}
		parts, size = append(parts, stored[i].Part), size+stored[i].Size
	}
	return parts, size, nil
}

// atProvider makes the object. S3 refuses an empty list, so of no parts the object
// is written and the upload dropped.
func (c *completion) atProvider(ctx context.Context) error {
	keeper, key := c.bucket.Keeper, c.name.Key
	if len(c.parts) > 0 {
		return keeper.Complete(ctx, key, c.upload.Remote, c.parts)
	}
	if err := keeper.PutEmpty(ctx, key, key.ContentType()); err != nil {
		return err
	}
	return keeper.Abort(ctx, key, c.upload.Remote)
}

const (
	// looks is how often the object is looked for of an upload that the provider does
	// not have any more; with the pauses, which double, for about a second and a half.
	looks     = 6
	firstLook = 50 * time.Millisecond
)

// awaitCompleted reports, with nil, that the upload was completed with these parts:
// at the provider, or by another request that has recorded it. It is fault.NotFound
// when the upload was aborted, or lost by the provider.
func (s *Service) awaitCompleted(ctx context.Context, c *completion) error {
	pause := firstLook
	for look := 1; ; look++ {
		err := s.wasCompleted(ctx, c)
		if !errors.Is(err, fault.NotFound) {
			return err
		}
		var now *Upload
		if failed := s.store.Do(ctx, func(tx Tx) (err error) {
			now, err = tx.Upload(c.upload.ID)
			return err
		}); failed != nil {
			return failed
		}
		if now != nil && now.Completed {
			return nil // finish compares the parts
		}
		if now == nil || now.Remote == "" || look == looks {
			return err // it was aborted, or is not there
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause *= 2
	}
}

// wasCompleted reports, with nil, that the provider has the object as these parts
// make it: as large, not older than the upload, and of as many parts, which
// follows the dash in the ETag at every provider.
func (s *Service) wasCompleted(ctx context.Context, c *completion) error {
	stat, err := c.bucket.Keeper.Stat(ctx, c.name.Key)
	if errors.Is(err, ErrNoObject) {
		return fault.NotFound
	}
	if err != nil {
		return err
	}
	made := stat.Size == c.size && stat.Modified.After(c.upload.StartedAt.Add(-slowClock)) &&
		strings.HasSuffix(stat.ETag, fmt.Sprintf("-%d", len(c.parts)))
	return errOr(!made, fault.NotFound)
}

// finish makes the entry an object and remembers how. The upload may be gone: who
// aborted it at the same moment came too late at the provider.
func (s *Service) finish(tx Tx, c *completion) error {
	u, err := tx.Upload(c.upload.ID)
	if err != nil {
		return err
	}
	gone := u == nil
	if gone {
		u = &Upload{ID: c.upload.ID, Name: c.name, Owner: c.upload.Owner, Remote: c.upload.Remote, StartedAt: c.upload.StartedAt}
	}
	if u.Completed {
		return errOr(!slices.Equal(u.Digest, c.digest), errOtherParts)
	}
	if err := s.keep(tx, u.Name, u.Owner, c.size, u.Reserved); err != nil {
		return err
	}
	u.Completed, u.Digest, u.Reserved, u.ExpiresAt = true, c.digest, 0, time.Now().Add(s.config.Remember)
	if gone {
		return tx.InsertUpload(u)
	}
	if err := tx.DropParts(u.ID); err != nil {
		return err
	}
	return tx.SaveUpload(u)
}
