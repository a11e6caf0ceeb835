package call_test

import (
	"slices"
	"testing"
	"time"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// meanwhile has something happen while the next step of s is decided and not yet
// stored.
func (s *service) meanwhile(do func()) *service {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.during = do
	return s
}

// happened checks that the meanwhile of s came to be.
func (s *service) happened() {
	s.w.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.during != nil {
		s.w.Errorf("the step in which something else was to happen did not take place")
	}
}

func TestOfTwoDevicesThatAcceptAtTheSameInstantOneGetsTheTicket(t *testing.T) {
	for _, devices := range [][2]string{{"phone", "desk"}, {"phone", ""}, {"", "phone"}, {"", ""}} {
		w := newWorld(t)
		s, other := w.service(), w.service()
		i := s.rings("a", "b")
		s.meanwhile(func() {
			ticket, code := other.accept(i, "b", devices[0])
			w.answered("the first device", code, fault.OK)
			if ticket == nil {
				t.Error("the first device has no ticket")
			}
		})
		ticket, code := s.accept(i, "b", devices[1])
		w.answered("the second device", code, fault.CallBusy)
		if ticket != nil {
			t.Errorf("%q: both devices have a ticket", devices)
		}
		s.happened()
		w.hears("a", "1:accept")
	}
}

func TestOneDeviceThatAcceptsTwiceAtTheSameInstantGetsOneTicket(t *testing.T) {
	w := newWorld(t)
	s, other := w.service(), w.service()
	i := s.rings("a", "b")
	s.meanwhile(func() { other.accepts(i, "b") }).accepts(i, "b")
	s.happened()
	w.hears("a", "1:accept")
}

// Whichever of two requests is stored first, the other finds that done.
func TestTwoRequestsAtTheSameInstantHaveOneOutcome(t *testing.T) {
	type step struct {
		what string
		do   func(w *world, s *service, i int64) fault.Code
		want fault.Code
	}
	accept := func(want fault.Code) step {
		return step{"accepting", func(_ *world, s *service, i int64) fault.Code { _, code := s.accept(i, "b", "phone"); return code }, want}
	}
	refuse := func(what, u string, want fault.Code) step {
		return step{what, func(_ *world, s *service, i int64) fault.Code {
			if u == "a" {
				return s.refuse(i, "a")
			}
			return s.refuse(i, "b")
		}, want}
	}
	decline := step{"declining", func(_ *world, s *service, i int64) fault.Code { return s.decline(i, "b") }, fault.OK}
	deadline := step{"the deadline", func(w *world, s *service, _ int64) fault.Code { w.pass(ring); s.looks(); return fault.OK }, fault.OK}
	for _, c := range []struct {
		name          string
		first, second step // the second is decided before the first and stored after it
		a, b          string
	}{
		{"cancelled, then accepted", refuse("cancelling", "a", fault.OK), accept(fault.CallExpired), "", "1:start, 1:cancel"},
		{"accepted, then cancelled", accept(fault.OK), refuse("cancelling", "a", fault.OK), "1:accept", "1:start, 1:hangup"},
		{"timed out, then accepted", deadline, accept(fault.CallExpired), "1:timeout", "1:start, 1:timeout"},
		{"timed out, then rejected", deadline, refuse("rejecting", "b", fault.OK), "1:timeout", "1:start, 1:timeout"},
		{"timed out, then cancelled", deadline, refuse("cancelling", "a", fault.OK), "1:timeout", "1:start, 1:timeout"},
		{"timed out, then declined", deadline, decline, "1:timeout", "1:start, 1:timeout"},
		{"rejected, then cancelled", refuse("rejecting", "b", fault.OK), refuse("cancelling", "a", fault.OK), "1:reject", "1:start"},
		{"cancelled, then rejected", refuse("cancelling", "a", fault.OK), refuse("rejecting", "b", fault.OK), "", "1:start, 1:cancel"},
		{"declined, then rejected", decline, refuse("rejecting", "b", fault.OK), "1:busy", "1:start"},
		{"rejected, then accepted", refuse("rejecting", "b", fault.OK), accept(fault.CallExpired), "1:reject", "1:start"},
		{"accepted, then rejected by the same", accept(fault.OK), refuse("rejecting", "b", fault.OK), "1:accept, 1:hangup", "1:start"},
		{"accepted, then declined", accept(fault.OK), decline, "1:accept", "1:start"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			s, other := w.service(), w.service()
			i := s.rings("a", "b")
			w.pass(ring - time.Millisecond)
			s.meanwhile(func() { w.answered(c.first.what, c.first.do(w, other, i), c.first.want) })
			w.answered(c.second.what, c.second.do(w, s, i), c.second.want)
			s.happened()
			w.pass(ring)
			atOnce([]*service{s, other}, (*service).looks)
			w.hears("a", c.a)
			w.hears("b", c.b)
		})
	}
}

// A service decides at the deadline while another one, whose clock is a little
// behind, stores what came just before it.
func TestWhatIsStoredBeforeTheTimeOutIsNotTimedOut(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(s *service, i int64)
		a, b string
	}{
		{"accepting", func(s *service, i int64) { s.accepts(i, "b") }, "1:accept", "1:start"},
		{"rejecting", func(s *service, i int64) { s.refuse(i, "b") }, "1:reject", "1:start"},
		{"cancelling", func(s *service, i int64) { s.refuse(i, "a") }, "", "1:start, 1:cancel"},
	} {
		w := newWorld(t)
		s, behind := w.service(), w.service()
		i := s.rings("a", "b")
		w.pass(ring)
		behind.SetClock(func() time.Time { return w.time().Add(-time.Millisecond) })
		s.meanwhile(func() { c.do(behind, i) }).looks()
		s.happened()
		s.looks()
		w.hears("a", c.a)
		w.hears("b", c.b)
	}
}

func TestAcceptingEndsAtTheDeadline(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	early, late := s.rings("a", "b"), s.rings("c", "d")
	w.pass(ring - time.Millisecond)
	s.accepts(early, "b")
	w.pass(time.Millisecond)
	_, code := s.accept(late, "d", "phone")
	w.answered("accepting at the deadline", code, fault.CallExpired)
	w.answered("checking at the deadline", s.check(late, "c"), fault.CallExpired)
	s.accepts(early, "b") // again
	s.looks()
	w.hears("c", "2:timeout")
	w.hears("d", "2:start, 2:timeout")
}

func TestOfTwoWhoCallEachOtherAtTheSameInstantTheLaterWins(t *testing.T) {
	w := newWorld(t)
	s, other := w.service(), w.service()
	s.meanwhile(func() { other.rings("b", "a") }).rings("a", "b")
	s.happened()
	w.hears("a", "1:start")
	w.hears("b", "1:reject, 2:start")
	s.accepts(w.call(2), "b")
	w.hears("a", "1:start, 2:accept")
}

func TestOfTwoWhoCallTheSameAtTheSameInstantOneRings(t *testing.T) {
	w := newWorld(t)
	s, other := w.service(), w.service()
	s.meanwhile(func() { other.rings("c", "b") })
	_, code := s.start("a", "b")
	w.answered("the later", code, fault.CallBusy)
	s.happened()
	w.hears("b", "1:start")
}

func TestTheSameStartTwiceAtTheSameInstantRingsOnce(t *testing.T) {
	w := newWorld(t)
	s, other := w.service(), w.service()
	var first int64
	s.meanwhile(func() { first = other.rings("a", "b", "c") })
	if again := s.rings("a", "c", "b"); again != first {
		t.Error("the same start leads to two calls")
	}
	s.happened()
	w.hears("b", "1:start")
	w.hears("c", "1:start")
}

func TestADeadlineIsActedUponOnceByManyServices(t *testing.T) {
	w := newWorld(t)
	s := w.service()
	const calls = 20
	for n := range calls {
		s.rings(user("caller", n), user("invitee", n))
	}
	w.pass(ring - time.Millisecond)
	services := []*service{s, w.service(), w.service(), w.service()}
	atOnce(services, (*service).looks)
	for n := range calls {
		w.hears(user("caller", n), "")
	}
	w.pass(time.Millisecond)
	atOnce(services, (*service).looks)
	for n := range calls {
		label := string(user("", n+1))
		w.hears(user("caller", n), label+":timeout")
		w.hears(user("invitee", n), label+":start, "+label+":timeout")
	}
	w.owesNothing()
}

func TestADeadlineIsActedUponWhenTheServiceThatStartedTheCallIsGone(t *testing.T) {
	w := newWorld(t)
	w.service().rings("a", "b")
	w.pass(ring)
	dead := w.service().dies()
	if err := dead.Look(t.Context()); err == nil {
		t.Error("who cannot tell of a time-out does not say so")
	}
	w.pass(later)
	w.service().looks()
	w.hears("a", "1:timeout")
	w.hears("b", "1:start, 1:timeout")
}

// Whoever may know of a ticket is the one whom it names.
func TestATicketReachesNobodyElse(t *testing.T) {
	w := newWorld(t)
	w.config.Record = true
	w.Group(crew, "a", "b", "c", "d")
	s := w.service()
	everybody := []id.UID{"a", "b", "c", "d"}
	i := s.rings("a", "b", "c", "d")
	s.accepts(i, "b")
	s.accepts(i, "c")
	s.accepts(i, "b")
	for _, u := range everybody {
		s.check(i, u)
		s.accept(i, u, "desk")
	}
	for _, u := range slices.Backward(everybody) {
		s.decline(i, u)
		s.refuse(i, u)
	}
	j := s.rings("a", "b")
	s.accepts(j, "b")
	s.refuse(j, "b")
	w.onlyHisTickets(everybody...)
}
