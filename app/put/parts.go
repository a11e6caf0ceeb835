package put

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"parley/oss"
	"parley/pkg/fault"
)

// planned returns the size of the parts of a file: the wanted one, or for a file of
// more than oss.MaxParts of these, as many whole MiB as it needs.
func planned(size, wanted int64) int64 {
	const mib = 1 << 20
	if countOf(size, wanted) <= oss.MaxParts {
		return wanted
	}
	needs := countOf(size, oss.MaxParts) // bytes for each of as many parts
	return countOf(needs, mib) * mib
}

// countOf is how many pieces of some size make a whole; the last may be smaller.
func countOf(whole, piece int64) int64 { return (whole + piece - 1) / piece }

// inParts uploads the file in parts; an empty one has none. An upload that the
// server does not know, because it has lapsed there, is begun anew, once.
func (u *upload) inParts(ctx context.Context) (url string, err error) {
	s, err := u.current(ctx)
	if err != nil {
		return "", err
	}
	if s != nil {
		u.bar.say(fmt.Sprintf("goes on: %d of %d parts are there", s.count(), len(s.ETags)))
		if s.Part != planned(u.size, u.Part) {
			u.bar.say("the parts are of " + Size(s.Part) + ", as they were at the beginning")
		}
	}
	for anew := false; ; anew = true {
		if s == nil {
			if s, err = u.begin(ctx); err != nil {
				return "", u.interrupted(ctx, err)
			}
		}
		url, err = u.finish(ctx, s)
		switch {
		case err == nil:
			return url, u.kept.remove()
		case errors.Is(err, errChanged):
			u.drop(ctx, s)
			return "", errors.Join(err, u.kept.remove())
		case !hasCode(err, fault.NotFound) || anew:
			return "", u.stopped(ctx, s, err)
		}
		u.bar.say("the server does not know the upload any more, which begins anew")
		if err := u.kept.remove(); err != nil {
			return "", err
		}
		s = nil
	}
}

// current returns the upload that an earlier run began, or nil. One of a file that
// has changed is dropped, and one of which no part is there and the parts shall have
// another size: the server may have refused the first as too large.
func (u *upload) current(ctx context.Context) (*state, error) {
	s, err := u.resume()
	if s == nil || err != nil {
		return nil, err
	}
	switch {
	case s.Size != u.size || s.Modified != u.modified.UnixNano():
		u.bar.say(u.File + " has changed since its upload began, which begins anew")
	case s.count() > 0 || s.Part == planned(u.size, u.Part):
		return s, nil
	}
	u.drop(ctx, s)
	return nil, u.kept.remove()
}

// drop drops an upload that is of no use any more. If that fails, it lapses.
func (u *upload) drop(ctx context.Context, s *state) {
	_ = u.api.abort(ctx, s)
}

// begin starts an upload and notes it. When the answer is lost, another one is
// started, and the first lapses: it holds nothing.
func (u *upload) begin(ctx context.Context) (*state, error) {
	key, err := u.object()
	if err != nil {
		return nil, err
	}
	s := u.newState(key, planned(u.size, u.Part))
	if s.Part > u.Part {
		u.bar.say(fmt.Sprintf("the parts are of %s, as there may be %d of them", Size(s.Part), oss.MaxParts))
	}
	err = u.try(ctx, func() (err error) {
		s.Upload, err = u.api.init(ctx, s.object())
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, u.kept.save(s)
}

// finish sends the parts that are not there yet and makes an object of all.
func (u *upload) finish(ctx context.Context, s *state) (url string, err error) {
	u.bar.begin(s.sent())
	if err := u.send(ctx, s); err != nil {
		return "", err
	}
	if err := u.unchanged(); err != nil {
		return "", err
	}
	err = u.try(ctx, func() (err error) {
		url, err = u.api.complete(ctx, s)
		return err
	})
	return url, err
}

// send sends the parts that are not there yet, some at a time. The first that fails
// for good ends the others. Each is noted before the next one of its line begins.
func (u *upload) send(ctx context.Context, s *state) error {
	missing := make(chan int, len(s.ETags))
	for n, etag := range s.ETags {
		if etag == "" {
			missing <- n
		}
	}
	close(missing)
	var noting sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for range min(u.Parallel, len(missing)) {
		group.Go(func() error {
			for n := range missing {
				etag, err := u.sendPart(ctx, s, n)
				if err != nil {
					return err
				}
				noting.Lock()
				s.ETags[n] = etag
				err = u.kept.save(s)
				noting.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// sendPart sends a part, counted from 0, until it is there.
func (u *upload) sendPart(ctx context.Context, s *state, n int) (etag string, err error) {
	from, size := s.span(n)
	err = u.try(ctx, func() (err error) {
		etag, err = u.api.part(ctx, s, n+1, u.section(from, size))
		return err
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("part %d: %w", n+1, u.explained(err, size))
	}
	return etag, err
}

// explained adds to the error of sending so many bytes what to do about it.
func (u *upload) explained(err error, size int64) error {
	if hasCode(err, fault.FileTooLarge) && size > serverTakes {
		return fmt.Errorf("%s at once: %w; servers take %s by default: choose a smaller -part%s", Size(size), err, Size(serverTakes), u.smallest())
	}
	return err
}

// serverTakes is the largest part that a server takes by default, in bytes.
const serverTakes = 16 << 20

// smallest says how small the parts of a large file can be.
func (u *upload) smallest() string {
	if least := planned(u.size, 1); least > serverTakes {
		return fmt.Sprintf(", but a file of %s needs at least %s", Size(u.size), Size(least))
	}
	return ""
}

// stopped says what is left of an upload that did not come to its end, and how to
// go on.
func (u *upload) stopped(ctx context.Context, s *state, err error) error {
	how := fmt.Sprintf("%d of %d parts are there: run the same command again to go on, or with -abort to drop them", s.count(), len(s.ETags))
	if ctx.Err() != nil {
		return errors.New("interrupted: " + how)
	}
	return fmt.Errorf("%w; %s", err, how)
}

// interrupted is an error of an upload of which nothing is there.
func (u *upload) interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted: nothing was kept")
	}
	return err
}
