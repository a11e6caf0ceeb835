package call

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zeromicro/go-zero/core/logx"

	"parley/pkg/eventlog"
)

const (
	// lookEvery is how often a service looks for what is overdue: calls at their
	// deadlines, and signals that whoever owed them did not pay.
	lookEvery = 250 * time.Millisecond
	// payAfter is when what is owed is taken to be left behind.
	payAfter = time.Second
	// troubleEvery is the least time between two lines in the log about looking.
	troubleEvery = time.Minute
)

// Keep does what no request brings about, until ctx ends. Any number of services
// may do so at once.
func (s *Service) Keep(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var told time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.Look(ctx); err != nil && ctx.Err() == nil && time.Since(told) > troubleEvery {
			told = time.Now()
			logx.Errorf("look for calls that are overdue: %v", err)
		}
	}
}

// Look does once what Keep does again and again.
func (s *Service) Look(ctx context.Context) error {
	return errors.Join(s.timeOut(ctx), s.payDebts(ctx), s.eraseTickets(ctx))
}

// timeOut ends the ringing of calls at their deadlines, until there are none or
// something is wrong. Several services may be at the same ones: each step is made by
// one of them, and the others find it made.
func (s *Service) timeOut(ctx context.Context) error {
	for ctx.Err() == nil {
		overdue, err := s.store.Overdue(ctx, s.clock())
		if err != nil {
			return fmt.Errorf("find overdue calls: %w", err)
		}
		if len(overdue) == 0 {
			return nil
		}
		rand.Shuffle(len(overdue), func(i, j int) { overdue[i], overdue[j] = overdue[j], overdue[i] })
		for _, i := range overdue {
			err = errors.Join(err, s.update(ctx, func(t *transition) error {
				c, err := t.tx.Session(i)
				if err != nil || c == nil {
					return err
				}
				c.Pass(t.now)
				t.put(c)
				return nil
			}))
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// payDebts pays what others left behind, in the order in which it came up: what
// somebody owed in the call that he left comes before the call for which he did. What
// cannot be paid holds up only what has to come after it.
func (s *Service) payDebts(ctx context.Context) error {
	owing, err := s.store.Owing(ctx, s.clock().Add(-payAfter))
	if err != nil {
		return fmt.Errorf("find what calls owe: %w", err)
	}
	for _, i := range owing {
		err = errors.Join(err, s.payDebt(ctx, i))
	}
	return err
}

// payDebt pays what a call owes.
func (s *Service) payDebt(ctx context.Context, i ID) error {
	var c *Session
	err := s.store.Update(ctx, s.clock(), func(tx Tx) error {
		var err error
		if c, err = tx.Session(i); err == nil && c != nil {
			tx.Put(c) // it does not owe any more, perhaps
		}
		return err
	})
	if err != nil || c == nil {
		return err
	}
	return s.pay(ctx, c)
}

// eraseTickets takes tickets that have ended out of the log.
func (s *Service) eraseTickets(ctx context.Context) error {
	expired, err := s.store.Expired(ctx, s.clock())
	if err != nil {
		return fmt.Errorf("find tickets that have ended: %w", err)
	}
	if len(expired) == 0 {
		return nil
	}
	err = s.log.Change(ctx, func(tx *eventlog.Tx) error {
		for _, name := range expired {
			if err := tx.EraseSignal(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("erase tickets that have ended: %w", err)
	}
	return s.store.Forget(ctx, expired)
}
