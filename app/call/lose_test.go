package call_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

func TestWhenRedisLosesARingingCallBothSidesHearThatItIsUnknownAndNobodyIsBusy(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	rings, talks := s.rings("a", "b"), s.rings("c", "d")
	s.accepts(talks, "d")
	if err := w.redis.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int64{rings, talks} {
		for _, u := range []id.UID{"a", "b", "c", "d", "x"} {
			_, code := s.accept(i, u, "phone")
			w.answered("accepting", code, fault.NotFound)
			w.answered("refusing", s.refuse(i, u), fault.NotFound)
			w.answered("declining", s.decline(i, u), fault.NotFound)
			w.answered("checking", s.check(i, u), fault.NotFound)
		}
	}
	w.pass(ring)
	s.looks()
	w.hears("a", "")
	w.hears("b", "1:start")
	s.rings("b", "a")
	s.rings("d", "c")
	w.hears("a", "3:start")
	w.hears("c", "2:accept, 4:start")
}

func TestWhenRedisLosesACallInAStepItDoesNotComeBack(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	i := s.rings("a", "b")
	flush := func() {
		if err := w.redis.FlushDB(t.Context()).Err(); err != nil {
			t.Error(err)
		}
	}
	_, code := s.meanwhile(flush).accept(i, "b", "phone")
	w.answered("accepting what is lost in that moment", code, fault.NotFound)
	s.happened()
	i = s.rings("a", "b")
	s.before = func(eventlog.Event) error { flush(); return nil }
	s.accepts(i, "b")
	w.hears("a", "2:accept")
	if kept := w.kept(); kept != "" {
		t.Errorf("Redis has %s", kept)
	}
}

func TestAServiceLooksByItselfUntilItIsToldToStop(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	s.rings("a", "b")
	w.pass(ring)
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.Keep(ctx)
	}()
	for deadline := time.Now().Add(10 * time.Second); len(w.events("a")) == 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for the time-out")
		}
	}
	stop()
	<-stopped
	w.hears("a", "1:timeout")
}
