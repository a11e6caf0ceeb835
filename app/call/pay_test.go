package call_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"

	"parley/app/call"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// later is when what somebody owes is taken to be left behind.
const later = 1500 * time.Millisecond

func TestWhatADeadServiceOwesIsPaidOnceByTheOthers(t *testing.T) {
	w := newWorld(t)
	dead := w.service().dies()
	_, code := dead.start("a", "b", "c")
	w.answered("a start that nobody is told of", code, fault.Busy)
	w.hears("b", "")
	others := []*service{w.service(), w.service(), w.service()}
	others[0].looks()
	w.hears("b", "") // it may be under way yet
	w.pass(later)
	atOnce(others, (*service).looks)
	i := others[1].rings("a", "b", "c") // the same
	w.hears("b", "1:start")
	w.hears("c", "1:start")

	others[0].accepts(i, "b")
	w.answered("the caller hangs up", dead.refuse(i, "a"), fault.OK) // b and c are left
	w.answered("c rejects", dead.refuse(i, "c"), fault.Busy)
	w.hears("b", "1:start")
	w.pass(later)
	atOnce(others, (*service).looks)
	w.hears("a", "1:accept")
	w.hears("b", "1:start, 1:hangup")
	w.hears("c", "1:start")
	w.owesNothing()
}

// atOnce has all do the same at the same time.
func atOnce(services []*service, do func(*service)) {
	var all sync.WaitGroup
	for _, s := range services {
		all.Go(func() { do(s) })
	}
	all.Wait()
}

// owesNothing checks that nobody is owed anything, nor rings.
func (w *world) owesNothing() {
	w.Helper()
	for _, index := range []string{"owing", "deadlines"} {
		if left := w.redis.ZRange(context.Background(), "parley:{call}:"+index, 0, -1).Val(); len(left) != 0 {
			w.Errorf("in %s are left %v", index, left)
		}
	}
}

func TestWhatIsAppendedByAServiceThatDoesNotLearnOfItIsNotAppendedAgain(t *testing.T) {
	w := newWorld(t)
	s, other := w.service(), w.service()
	s.after = func(eventlog.Event) error { return errLost }
	_, code := s.start("a", "b")
	w.answered("a start whose answer is lost", code, fault.Busy)
	w.pass(later)
	other.looks()
	i := other.rings("a", "b")
	w.answered("a cancel whose answer is lost", s.refuse(i, "a"), fault.Busy)
	w.pass(later)
	other.looks()
	other.looks()
	w.hears("b", "1:start, 1:cancel")
	w.owesNothing()
}

func TestAServiceThatHangsBetweenAStepAndItsSignalsHoldsNobodyUp(t *testing.T) {
	w := newWorld(t)
	hangs, other := w.service(), w.service()
	stuck, goOn := make(chan struct{}), make(chan struct{})
	hangs.before = func(eventlog.Event) error {
		close(stuck)
		<-goOn
		return nil
	}
	done := make(chan fault.Code)
	go func() {
		_, code := hangs.start("a", "b")
		done <- code
	}()
	<-stuck
	w.pass(later)
	other.looks()
	i := other.rings("a", "b")
	w.hears("b", "1:start")
	w.answered("b rejects", other.refuse(i, "b"), fault.OK)
	hangs.mu.Lock()
	hangs.before = nil
	hangs.mu.Unlock()
	close(goOn)
	w.answered("who comes too late to tell", <-done, fault.OK)
	w.hears("b", "1:start")
	w.hears("a", "1:reject")
	w.owesNothing()
}

// A client drops its call on any StopCall, so the one of the call before must not
// come after the StartCall of the next.
func TestWhoeverPaysOnePersonHearsOfCallsInTheirOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		// first is done by a service that dies, then by one that does not.
		first func(w *world, dead *service)
		then  func(w *world, s *service)
		hears map[id.UID]string
	}{
		{
			"the start that left another call is repeated",
			func(w *world, dead *service) { dead.start("b", "a") },
			func(w *world, s *service) { s.rings("b", "a") },
			map[id.UID]string{"a": "1:reject, 2:start", "b": "1:start"},
		},
		{
			"the start that left another call is cancelled",
			func(w *world, dead *service) { dead.start("b", "a", "c") },
			func(w *world, s *service) { s.rings("b", "c") },
			map[id.UID]string{"a": "1:reject, 0:start, 0:cancel", "b": "1:start", "c": "0:start, 0:cancel, 2:start"},
		},
		{
			"whose call was cancelled is called by somebody else",
			func(w *world, dead *service) { dead.refuse(w.call(1), "a") },
			func(w *world, s *service) { s.rings("c", "b") },
			map[id.UID]string{"b": "1:start, 1:cancel, 2:start"},
		},
		{
			"who was rejected is called by somebody else",
			func(w *world, dead *service) { dead.refuse(w.call(1), "b") },
			func(w *world, s *service) { s.rings("c", "a") },
			map[id.UID]string{"a": "1:reject, 2:start"},
		},
		{
			"who was rejected calls somebody else, who accepts",
			func(w *world, dead *service) { dead.refuse(w.call(1), "b") },
			func(w *world, s *service) { s.accepts(s.rings("a", "c"), "c") },
			map[id.UID]string{"a": "1:reject, 2:accept", "c": "2:start"},
		},
		{
			"whose time was up is called by somebody else",
			func(w *world, dead *service) { w.pass(ring); dead.Look(context.Background()) },
			func(w *world, s *service) { s.rings("c", "a"); s.rings("d", "b") },
			map[id.UID]string{"a": "1:timeout, 2:start", "b": "1:start, 1:timeout, 3:start"},
		},
		{
			"who is in two calls whose time is up is called by somebody else",
			func(w *world, dead *service) { dead.start("c", "a"); w.pass(ring) },
			func(w *world, s *service) { s.rings("d", "a") },
			map[id.UID]string{"a": "0:start, 1:timeout, 0:timeout, 2:start", "c": "0:timeout", "b": "1:start, 1:timeout"},
		},
		{
			"three calls one after the other",
			func(w *world, dead *service) { dead.start("b", "a"); dead.start("a", "b"); dead.start("b", "a") },
			func(w *world, s *service) { s.rings("b", "a") },
			map[id.UID]string{"a": "1:reject, 0:start, 0:reject, 2:start", "b": "1:start, 0:reject, 0:start"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			s := w.service()
			s.rings("a", "b")
			c.first(w, w.service().dies())
			c.then(w, s)
			for u, want := range c.hears {
				w.hears(u, want)
			}
			w.pass(later)
			s.looks()
			for u, want := range c.hears {
				w.hears(u, want)
			}
			if left := w.redis.ZCard(t.Context(), "parley:{call}:owing").Val(); left != 0 {
				t.Errorf("%d calls owe something", left)
			}
		})
	}
}

func TestWhatComesUpWhileSomebodyPaysIsPaidToo(t *testing.T) {
	w := newWorld(t)
	s, dead := w.service(), w.service().dies()
	var i int64
	s.before = func(eventlog.Event) error {
		calls := w.redis.Keys(t.Context(), "parley:{call}:session:*").Val()
		if _, err := fmt.Sscanf(calls[0], "parley:{call}:session:%d", &i); err != nil {
			return err
		}
		w.answered("a cancel by a service that dies", dead.refuse(i, "a"), fault.Busy)
		return nil
	}
	s.rings("a", "b")
	w.hears("b", "1:start")
	s.before = nil
	w.pass(later)
	s.looks()
	w.hears("b", "1:start, 1:cancel")
	w.owesNothing()
}

// Only a part of what the group call owes comes before the new call.
func TestWhatIsNotPaidFirstIsPaidLater(t *testing.T) {
	w := newWorld(t)
	s, dead := w.service(), w.service().dies()
	i := s.rings("a", "b", "c", "e")
	s.accepts(i, "b")
	s.accepts(i, "e")
	w.pass(ring)
	_, code := dead.start("b", "d") // c's time is up, a and e go on
	w.answered("a start by a service that dies", code, fault.Busy)
	w.answered("hanging up by a service that dies", dead.refuse(i, "e"), fault.Busy)
	s.rings("b", "d")
	w.hears("c", "1:start, 1:timeout")
	w.hears("d", "2:start")
	w.pass(later)
	s.looks()
	w.hears("a", "1:accept, 1:hangup")
}

func TestWhatIsStoredIsToldAlthoughNobodyWaitsForTheAnswer(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	ctx, cancel := context.WithCancel(t.Context())
	s.before = func(eventlog.Event) error { cancel(); return nil }
	if _, err := s.Start(ctx, call.Request{Caller: "a", Invitees: []id.UID{"b"}, Kind: call.Audio}); err != nil {
		t.Errorf("the start answers %v", err)
	}
	if told := w.events("b"); len(told) != 1 {
		t.Errorf("b is told %v", told)
	}
	if left := w.redis.ZCard(t.Context(), "parley:{call}:owing").Val(); left != 0 {
		t.Errorf("%d calls owe something", left)
	}
}

func TestWhatCannotBePaidHoldsUpNobodyElse(t *testing.T) {
	w := newWorld(t)
	dead, s := w.service().dies(), w.service()
	for _, who := range [][2]id.UID{{"a", "b"}, {"c", "d"}, {"e", "f"}} {
		dead.start(who[0], who[1])
	}
	s.before = func(e eventlog.Event) error {
		if e.Audience == eventlog.ToUser("b") {
			return errLost
		}
		return nil
	}
	w.pass(later)
	if err := s.Look(t.Context()); !errors.Is(err, errLost) {
		t.Errorf("looking answers %v, want what is wrong", err)
	}
	w.hears("b", "")
	w.hears("d", "0:start")
	w.hears("f", "0:start")
	s.before = nil
	s.looks()
	w.hears("b", "0:start")
	if left := w.redis.ZCard(t.Context(), "parley:{call}:owing").Val(); left != 0 {
		t.Errorf("%d calls owe something", left)
	}
}

func TestAnIndexThatIsWrongIsCorrected(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	i := s.rings("a", "b")
	s.accepts(i, "b")
	w.pass(ring)
	for _, index := range []string{"owing", "deadlines"} {
		if err := w.redis.ZAdd(t.Context(), "parley:{call}:"+index, &redis.Z{Member: i}).Err(); err != nil {
			t.Fatal(err)
		}
		s.looks()
		w.owesNothing()
	}
	w.hears("b", "1:start")
}

func TestOthersPayInTheOrderInWhichItCameUp(t *testing.T) {
	w := newWorld(t)
	s, dead := w.service(), w.service().dies()
	s.rings("a", "b")
	dead.start("b", "a")
	w.pass(time.Millisecond)
	dead.start("c", "d")
	w.pass(later)
	var order []string
	s.before = func(e eventlog.Event) error {
		_, what, err := decode(e)
		order = append(order, string(e.A)+":"+what)
		return err
	}
	s.looks()
	if got, want := strings.Join(order, ", "), "a:reject, a:start, d:start"; got != want {
		t.Errorf("it tells %s, want %s", got, want)
	}
}

func TestTheEndOfACallLeavesARecordInTheConversation(t *testing.T) {
	w := newWorld(t)
	w.config.Record = true
	w.Group(crew, "a", "b", "c")
	s := w.service()
	s.refuse(s.rings("a", "b"), "b")
	w.hears("a", "1:reject, record")
	w.hears("b", "1:start, record")
	i := s.rings("a", "b", "c")
	s.accepts(i, "b")
	w.Leave(crew, "a")
	s.refuse(i, "c")
	before := len(w.events("c"))
	w.answered("the end of a call that may not be recorded", s.refuse(i, "b"), fault.OK)
	if after := w.events("c"); len(after) != before {
		t.Errorf("who may not speak in the group does so: %v", after)
	}
	w.owesNothing()
}

func TestATicketIsErasedFromTheLogWhenItHasEnded(t *testing.T) {
	w := newWorld(t)
	s, other := w.service(), w.service()
	i := s.rings("a", "b")
	s.accepts(i, "b")
	if body := w.events("a")[0].Body; !strings.Contains(string(body), "<sig of a>") {
		t.Fatalf("the caller has no ticket in %q", body)
	}
	w.pass(expire - time.Millisecond)
	other.looks()
	w.hears("a", "1:accept")
	w.pass(time.Millisecond)
	atOnce([]*service{s, other}, (*service).looks)
	w.hears("a", "")
	w.hears("b", "1:start")
	if left := w.redis.Exists(t.Context(), "parley:{call}:tickets").Val(); left != 0 {
		t.Error("the signal is not forgotten")
	}
	// Who repeats what it owes does not bring it back.
	var c *call.Session
	if c, _ = s.Check(t.Context(), call.ID(i), "a"); c == nil {
		t.Fatal("the call is gone")
	}
	signal := eventlog.Event{ID: "call:" + call.ID(i).String() + ":2", Author: "a", Audience: eventlog.ToUser("a"), Kind: eventlog.Signal, Body: []byte("again")}
	if _, err := w.Log.Append(t.Context(), signal); err != nil {
		t.Fatal(err)
	}
	w.hears("a", "")
}

func TestATicketThatADeadServiceToldIsErasedAllTheSame(t *testing.T) {
	w := newWorld(t)
	s, dead := w.service(), w.service()
	i := s.rings("a", "b")
	dead.after = func(eventlog.Event) error { return errLost }
	_, code := dead.accept(i, "b", "phone")
	w.answered("an acceptance whose signal is appended by who dies then", code, fault.Busy)
	w.hears("a", "1:accept")
	w.pass(later)
	s.looks()
	w.pass(expire)
	s.looks()
	w.hears("a", "")
}

func TestTheRoomOfACallIsReservedUntilItsTicketsEnd(t *testing.T) {
	w := newWorld(t)
	w.config.TicketExpire = 3 * keep
	s := w.service()
	i := s.rings("a", "b")
	ticket, code := s.accept(i, "b", "phone")
	w.answered("accepting", code, fault.OK)
	rooms := w.redis.Keys(t.Context(), "parley:{call}:room:*").Val()
	if want := "parley:{call}:room:" + id.GID(ticket.GetRoomId()).String(); !slices.Equal(rooms, []string{want}) {
		t.Fatalf("the rooms %v are reserved, want %s", rooms, want)
	}
	if life := w.redis.PTTL(t.Context(), rooms[0]).Val(); life < 3*keep-time.Minute {
		t.Errorf("its room is reserved for %s", life)
	}
}
