package connect

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/zeromicro/go-zero/core/logx"

	"parley/pkg/eventlog"
)

// pump brings the session forward, from the log and then from the ring, until it
// is live or its window is full. One goroutine does so at a time.
func (s *session) pump() {
	s.mu.Lock()
	// Half of the window at once: a read of the log for every single event
	// would cost too much.
	idle := s.ready && !s.pumping && !s.live && s.phase == entered &&
		len(s.window.deliveries) <= s.gateway.config.Window/2 && !s.full()
	if idle {
		s.pumping = true
	}
	s.mu.Unlock()
	if idle {
		go s.catchUp()
	}
}

// retryCatchUp is the pause after the log could not be read.
const retryCatchUp = time.Second

func (s *session) catchUp() {
	ctx := s.gateway.ctx
	for {
		more, err := s.step(ctx)
		if err == nil && s.gateway.troubled.Load() {
			s.gateway.troubled.Store(false)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if s.gateway.troubled.CompareAndSwap(false, true) {
				logx.Errorf("bring %s and others the events of the log: %v", s.uid, err)
			}
			select {
			case <-time.After(retryCatchUp/2 + rand.N(retryCatchUp)): // not all at once
			case <-ctx.Done():
				return
			}
		case !more:
			return
		}
	}
}

var (
	// errFull ends a read whose events fill the window by their size.
	errFull = errors.New("the window is full")
	// errOver ends one whose session has ended.
	errOver = errors.New("the session is over")
)

// step brings the session one page forward. It returns false, and pumping is
// over, when there is nothing to do now.
func (s *session) step(ctx context.Context) (more bool, err error) {
	if s.over() {
		return false, nil
	}
	if err := s.gateway.hub.load(ctx, s.gateway.services.Log, s.user); err != nil {
		return true, err
	}
	if done := s.gateway.hub.join(s); done {
		return false, nil
	}
	s.mu.Lock()
	after, room := s.at, s.gateway.config.Window-len(s.window.deliveries)
	s.mu.Unlock()
	// Whatever is not in a short page lies above the head that was read before.
	head, err := s.gateway.services.Log.Head(ctx)
	if err != nil {
		return true, err
	}
	count := 0
	err = s.gateway.services.Log.Read(ctx, s.uid, after, room, func(events []eventlog.Event) error {
		count += len(events)
		return s.page(events)
	})
	switch {
	case errors.Is(err, errFull):
		return true, nil
	case errors.Is(err, errOver):
		return false, nil
	case err == nil && count < room:
		s.reach(head)
	}
	return true, err
}

// page sends events that were read from the log. The session may have ended while
// they were read: its cursor stays then where the client left it, before what is
// not confirmed.
func (s *session) page(events []eventlog.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != entered {
		return errOver
	}
	now := time.Now()
	for i := range events {
		if s.full() {
			return errFull
		}
		e := newEntry(events[i])
		s.deliver(e, now)
		s.at = e.Pos
	}
	return nil
}

// reach notes that everything up to a position was sent.
func (s *session) reach(pos eventlog.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == entered {
		s.at = max(s.at, pos)
	}
}

// join makes a session live whose position lies in the ring, after sending it
// what the ring has for it. It reports whether pumping is over, because the
// session is live, ended, or its window is full.
func (h *hub) join(s *session) (done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.halted || s.phase != entered || s.full() {
		s.pumping = false
		return true
	}
	if s.at < h.ring.after {
		return false
	}
	now := time.Now()
	for _, e := range h.ring.from(s.at) {
		if !s.user.concerns(e) || e.Kind == eventlog.Tombstone {
			continue
		}
		if s.full() {
			s.at = e.Pos - 1
			s.pumping = false
			return true
		}
		s.deliver(e, now)
	}
	s.at = max(s.at, eventlog.Position(h.tail.Load()))
	s.live, s.pumping = true, false
	return true
}
