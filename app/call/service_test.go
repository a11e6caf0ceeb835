package call_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	callv1 "parley/api/proto/call/v1"
	"parley/app/call"
	callredis "parley/app/call/redis"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/app/call.") }

// kept is everything that Redis has.
func (w *world) kept() string {
	w.Helper()
	ctx := context.Background()
	var lines []string
	for _, key := range w.redis.Keys(ctx, "*").Val() {
		if w.redis.Type(ctx, key).Val() == "zset" {
			lines = append(lines, fmt.Sprint(key, w.redis.ZRangeWithScores(ctx, key, 0, -1).Val()))
		} else {
			lines = append(lines, key+w.redis.Get(ctx, key).Val())
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// unchanged checks that something changes nothing and tells nobody.
func (w *world) unchanged(what string, do func()) {
	w.Helper()
	before, head := w.kept(), w.head()
	do()
	if after := w.kept(); after != before {
		w.Errorf("%s changes\n%s\nto\n%s", what, before, after)
	}
	if w.head() != head {
		w.Errorf("%s tells somebody something", what)
	}
}

func (w *world) head() int64 {
	w.Helper()
	head, err := w.Log.Head(context.Background())
	if err != nil {
		w.Fatalf("read the head: %v", err)
	}
	return int64(head)
}

func TestAPrivateCallFromTheFirstSignalToTheLast(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	i := s.rings("a", "b")
	w.answered("check-call", s.check(i, "b"), fault.OK)
	s.accepts(i, "b")
	w.answered("check-call of who talks", s.check(i, "b"), fault.CallExpired)
	w.answered("hanging up", s.refuse(i, "a"), fault.OK)
	w.answered("hanging up again", s.refuse(i, "a"), fault.OK)
	w.answered("the other too", s.refuse(i, "b"), fault.OK)
	w.hears("a", "1:accept")
	w.hears("b", "1:start, 1:hangup")
}

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	i := s.rings("a", "b")
	talks := s.rings("c", "d")
	s.accepts(talks, "d")
	group := func(g id.GID, caller string, invitees ...string) func() fault.Code {
		return func() fault.Code {
			_, _, code := s.request(&callv1.StartRequest{Caller: caller, Invitees: invitees, Group: int64(g), RtcType: 2})
			return code
		}
	}
	w.pass(time.Second)
	nine := strings.Split("n1 n2 n3 n4 n5 n6 n7 n8 n9", " ")
	for _, c := range []struct {
		name string
		do   func() fault.Code
		want fault.Code
	}{
		{"a call to nobody", group(0, "a"), fault.BadRequest},
		{"a private call to two", group(0, "a", "x", "y"), fault.BadRequest},
		{"a call to oneself", group(0, "a", "a"), fault.BadRequest},
		{"a group call to oneself too", group(crew, "a", "x", "a"), fault.BadRequest},
		{"a group call to one twice", group(crew, "a", "x", "x"), fault.BadRequest},
		{"a group call to too many", group(crew, "a", nine...), fault.BadRequest},
		{"a group call to nobody", group(crew, "a"), fault.BadRequest},
		{"a call to what is no uid", group(0, "a", "x y"), fault.BadRequest},
		{"a call of no kind", func() fault.Code {
			_, _, code := s.request(&callv1.StartRequest{Caller: "a", Invitees: []string{"x"}, RtcType: 3})
			return code
		}, fault.BadRequest},
		{"a call in a group that there is not", group(43, "a", "x"), fault.NoSuchGroup},
		{"a call in a group from outside", group(crew, "outcast", "x"), fault.NotMember},
		{"a call in a group to one outside", group(crew, "a", "x", "outcast"), fault.TargetNotMember},
		{"a call to who is rung, by who is rung", group(0, "d", "b"), fault.CallBusy},
		{"a call to who talks, by who calls", group(0, "a", "c"), fault.CallBusy},
		{"a call to who talks, by who talks", group(0, "c", "b"), fault.CallBusy},
		{"a group call to busy people only", group(crew, "a", "c", "d"), fault.CallBusy},
		{"accepting one's own call", func() fault.Code { _, code := s.accept(i, "a", "phone"); return code }, fault.Forbidden},
		{"accepting a stranger's call", func() fault.Code { _, code := s.accept(i, "c", "phone"); return code }, fault.Forbidden},
		{"accepting on another device", func() fault.Code { _, code := s.accept(talks, "d", "desk"); return code }, fault.CallBusy},
		{"accepting again on the same device", func() fault.Code { _, code := s.accept(talks, "d", "phone"); return code }, fault.OK},
		{"refusing a stranger's call", func() fault.Code { return s.refuse(i, "c") }, fault.Forbidden},
		{"declining a stranger's call", func() fault.Code { return s.decline(i, "c") }, fault.Forbidden},
		{"declining one's own call", func() fault.Code { return s.decline(i, "a") }, fault.Forbidden},
		{"checking a stranger's call", func() fault.Code { return s.check(i, "c") }, fault.Forbidden},
		{"checking", func() fault.Code { return s.check(i, "b") }, fault.OK},
		{"accepting an unknown call", func() fault.Code { _, code := s.accept(i+1, "b", "phone"); return code }, fault.NotFound},
		{"refusing an unknown call", func() fault.Code { return s.refuse(i+1, "b") }, fault.NotFound},
		{"declining an unknown call", func() fault.Code { return s.decline(i+1, "b") }, fault.NotFound},
		{"checking an unknown call", func() fault.Code { return s.check(i+1, "b") }, fault.NotFound},
	} {
		w.unchanged(c.name, func() { w.answered(c.name, c.do(), c.want) })
	}
}

func TestWithoutASecretNobodyCalls(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	s.Service = call.NewService(w.config, callredis.New(w.redis, keep), w.Log, w, w, nil)
	w.unchanged("a start", func() {
		if _, err := s.Start(t.Context(), call.Request{Caller: "a", Invitees: []id.UID{"b"}, Kind: call.Audio}); fault.Of(err).Code != fault.Unsupported {
			t.Errorf("a start answers %v", err)
		}
	})
}

func TestTheSameStartAgainIsTheSameCall(t *testing.T) {
	w := newWorld(t)
	s, other := w.service(), w.service()
	s.rings("x", "z") // z is busy
	i := s.rings("a", "y", "z", "b")
	w.pass(ring - time.Millisecond)
	w.answered("who rejects", s.refuse(i, "y"), fault.OK)
	if again := other.rings("a", "b", "z", "y"); again != i {
		t.Errorf("the same start leads to another call")
	}
	w.hears("y", "2:start")
	w.hears("b", "2:start")
	w.hears("z", "1:start")
	if again := s.rings("a", "b", "y"); again == i {
		t.Error("a call to fewer is the same call")
	}
	w.hears("b", "2:start, 2:cancel, 3:start")
	w.hears("y", "2:start, 3:start") // he rejected the second
	w.pass(ring)
	if again := s.rings("a", "b", "y"); w.labels[again] != 4 {
		t.Errorf("the same start after the deadline leads to call %d", w.labels[again])
	}
	w.hears("b", "2:start, 2:cancel, 3:start, 3:timeout, 4:start")
	s.accepts(w.call(4), "b")
	// Then it is another one, and both are busy with this one, which goes on.
	_, code := s.start("a", "y", "b")
	w.answered("the same start after somebody accepted", code, fault.CallBusy)
	w.hears("a", "3:timeout, 4:accept")
}

// call returns the call that has a number.
func (w *world) call(number int) int64 {
	w.Helper()
	for i, n := range w.labels {
		if n == number {
			return i
		}
	}
	w.Fatalf("there is no call %d", number)
	return 0
}

func TestWhoIsBusyIsNotRung(t *testing.T) {
	for _, c := range []struct {
		name  string
		first func(w *world, s *service) // makes b busy, or not
		busy  bool
		hears string // b
	}{
		{"he is in no call", func(*world, *service) {}, false, "1:start"},
		{"he is rung", func(w *world, s *service) { s.rings("x", "b"); w.pass(ring - 1*time.Millisecond) }, true, "1:start"},
		{"he was rung until the deadline", func(w *world, s *service) { s.rings("x", "b"); w.pass(ring) }, false, "1:start, 1:timeout, 2:start"},
		{"he rejected", func(_ *world, s *service) { s.refuse(s.rings("x", "b"), "b") }, false, "1:start, 2:start"},
		{"he calls", func(_ *world, s *service) { s.rings("b", "x") }, false, "2:start"},
		{"he called until the deadline", func(w *world, s *service) { s.rings("b", "x"); w.pass(ring) }, false, "1:timeout, 2:start"},
		{"he accepted", func(w *world, s *service) { s.accepts(s.rings("x", "b"), "b"); w.pass(time.Hour) }, true, "1:start"},
		{"he was accepted", func(w *world, s *service) { s.accepts(s.rings("b", "x"), "x"); w.pass(time.Hour) }, true, "1:accept"},
		{"he hung up", func(_ *world, s *service) { i := s.rings("x", "b"); s.accepts(i, "b"); s.refuse(i, "b") }, false, "1:start, 2:start"},
		{"the other hung up", func(_ *world, s *service) { i := s.rings("x", "b"); s.accepts(i, "b"); s.refuse(i, "x") }, false, "1:start, 1:hangup, 2:start"},
		{"he talked and lost his connections", func(w *world, s *service) { s.accepts(s.rings("x", "b"), "b"); w.gone["b"] = true }, false, "1:start, 2:start"},
		{"he is rung and lost his connections", func(w *world, s *service) { s.rings("x", "b"); w.gone["b"] = true }, true, "1:start"},
		{"the other lost his connections", func(w *world, s *service) { s.accepts(s.rings("x", "b"), "b"); w.gone["x"] = true }, true, "1:start"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			s := w.service()
			c.first(w, s)
			before := w.head()
			_, code := s.start("a", "b")
			if want := map[bool]fault.Code{true: fault.CallBusy}[c.busy]; code != want {
				t.Errorf("calling him answers %d, want %d", code, want)
			}
			if c.busy && w.head() != before {
				t.Error("somebody is told of a call that was refused")
			}
			s.looks()
			w.hears("b", c.hears)
		})
	}
}

func TestWhoLostHisConnectionsLeavesACallWhenHeIsCalled(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	s.accepts(s.rings("x", "b"), "b")
	w.gone["b"] = true
	w.unchanged("a call that is refused", func() {
		_, code := s.start("a", "x")
		w.answered("calling the other", code, fault.CallBusy)
	})
	s.rings("a", "b")
	w.hears("x", "1:accept, 1:hangup")
	w.hears("b", "1:start, 2:start")
}

func TestInAGroupCallWhoIsBusyIsLeftOut(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	s.rings("x", "b")
	i, invitees, code := s.request(&callv1.StartRequest{Caller: "a", Invitees: []string{"d", "b", "c"}, Group: int64(crew), RtcType: 2})
	if code != fault.OK || !slices.Equal(invitees, []string{"d", "c"}) {
		t.Errorf("rung are %v: %d", invitees, code)
	}
	w.answered("check-call of who was left out", s.check(i, "b"), fault.Forbidden)
	w.hears("b", "1:start")
	w.hears("c", "2:start")
	w.hears("d", "2:start")
}

// Whoever starts or accepts a call leaves those that he is in, and who is in both
// hears of that in this order.
func TestWhoGoesIntoACallLeavesTheOthersFirst(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(w *world, s *service)
		hears map[id.UID]string
	}{
		{"the other of a talk is called", func(_ *world, s *service) { s.accepts(s.rings("a", "b"), "b"); s.rings("a", "b") },
			map[id.UID]string{"a": "1:accept", "b": "1:start, 1:hangup, 2:start"}},
		{"the caller is called back", func(_ *world, s *service) { s.rings("a", "b"); s.rings("b", "a") },
			map[id.UID]string{"a": "1:reject, 2:start", "b": "1:start"}},
		{"who is called calls somebody else", func(_ *world, s *service) { s.rings("a", "b"); s.rings("b", "c") },
			map[id.UID]string{"a": "1:reject", "b": "1:start", "c": "2:start"}},
		{"who calls calls somebody else", func(_ *world, s *service) { s.rings("a", "b"); s.rings("a", "c") },
			map[id.UID]string{"a": "", "b": "1:start, 1:cancel", "c": "2:start"}},
		{"who calls accepts", func(_ *world, s *service) { s.rings("a", "b"); s.accepts(s.rings("c", "a"), "a") },
			map[id.UID]string{"a": "2:start", "b": "1:start, 1:cancel", "c": "2:accept"}},
		{"who talks in one accepts another", func(_ *world, s *service) {
			i := s.rings("a", "b")
			j := s.rings("c", "a")
			s.accepts(i, "b")
			s.accepts(j, "a")
		}, map[id.UID]string{"a": "2:start, 1:accept", "b": "1:start, 1:hangup", "c": "2:accept"}},
		{"who gets his ticket again leaves nothing", func(_ *world, s *service) {
			i := s.rings("a", "b")
			s.accepts(i, "b")
			s.accepts(i, "b")
		}, map[id.UID]string{"a": "1:accept", "b": "1:start"}},
		{"a group goes on without him", func(_ *world, s *service) {
			i := s.rings("a", "b", "c")
			s.accepts(i, "b")
			s.accepts(i, "c")
			s.rings("b", "d")
		}, map[id.UID]string{"a": "1:accept", "b": "1:start", "c": "1:start", "d": "2:start"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.do(w, w.service())
			for _, u := range slices.Sorted(maps.Keys(c.hears)) {
				w.hears(u, c.hears[u])
			}
		})
	}
}
