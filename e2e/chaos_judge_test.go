package e2e

import (
	"fmt"
	"slices"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
)

// What everybody was told of calls is held against the rules, when all is over. The
// rules themselves are tried in app/call; here they have to hold from outside.

const (
	toldStart  = wirev1.SignalType_SIGNAL_TYPE_START_CALL
	toldAccept = wirev1.SignalType_SIGNAL_TYPE_ACCEPT_CALL
	toldStop   = wirev1.SignalType_SIGNAL_TYPE_STOP_CALL
)

// verify ends the calls: they end by themselves at their deadlines, everybody hears
// of it, and nobody stays busy.
func (k *callers) verify() {
	k.t.Helper()
	k.over.Store(true)
	k.acting.Wait()
	k.becomesRight("at its deadline", chaosRings+recovers, func() []string { return k.judge().endless() })
	j := k.judge()
	for _, p := range k.people {
		for trace := range j.heard(p) {
			p.handle(trace, false).want(k.t, fault.OK)
		}
	}
	k.becomesRight("when everybody has hung up", recovers, func() []string { return k.judge().wrong() })
	j = k.judge()
	k.t.Logf("%d calls were told of, %d of them accepted; in the end they stopped by %v", len(j.calls), j.accepted(), j.reasons())
	if len(j.calls) < 10 || j.accepted() == 0 {
		k.t.Error("there were hardly any calls: the test shows nothing")
	}
	k.nobodyIsBusy()
	k.wandering.verify()
}

// becomesRight waits until nothing is wrong.
func (k *callers) becomesRight(when string, within time.Duration, wrong func() []string) {
	k.t.Helper()
	for deadline := time.Now().Add(within); ; pause(k.t.Context(), 200*time.Millisecond) {
		found := wrong()
		if len(found) == 0 {
			return
		}
		if time.Now().After(deadline) {
			for _, what := range found {
				k.t.Errorf("%s: %s", when, what)
			}
			return
		}
	}
}

// nobodyIsBusy has everybody call everybody. Who talks is busy, so it is known that he
// is connected.
func (k *callers) nobodyIsBusy() {
	k.t.Helper()
	for _, p := range k.people {
		for _, other := range k.people {
			if p == other {
				continue
			}
			p.handle(p.call(0, other.client), false).want(k.t, fault.OK)
		}
	}
	ann, ben, carl := k.people[0], k.people[1], k.people[2]
	trace := ann.call(0, ben.client)
	ben.handle(trace, true).want(k.t, fault.OK)
	carl.tryCall(0, ben.client).want(k.t, fault.CallBusy)
	ann.handle(trace, false).want(k.t, fault.OK)
}

// judgement is what everybody was told of calls, as he syncs it.
type judgement struct {
	callers *callers
	told    map[*caller][]toldOfCall
	calls   map[int64]map[*caller][]toldOfCall
}

func newJudgement(k *callers) *judgement {
	j := &judgement{callers: k, told: make(map[*caller][]toldOfCall), calls: make(map[int64]map[*caller][]toldOfCall)}
	for trace := range k.placed {
		j.calls[trace] = make(map[*caller][]toldOfCall)
	}
	return j
}

// hear takes the next thing that somebody was told.
func (j *judgement) hear(p *caller, told toldOfCall) {
	j.told[p] = append(j.told[p], told)
	if j.calls[told.trace] == nil {
		j.calls[told.trace] = make(map[*caller][]toldOfCall)
	}
	j.calls[told.trace][p] = append(j.calls[told.trace][p], told)
}

// judge reads what everybody was told until now.
func (k *callers) judge() *judgement {
	j := newJudgement(k)
	for _, p := range k.people {
		for _, e := range p.syncAll(0, 1000) {
			if told, ok := ofCall(k.t, e); ok {
				j.hear(p, told)
			}
		}
	}
	return j
}

// heard are the calls of which somebody was told, and not that they are over, and
// those that he started.
func (j *judgement) heard(p *caller) map[int64]bool {
	open := make(map[int64]bool)
	for _, told := range j.told[p] {
		open[told.trace] = told.what != toldStop
	}
	for trace, placed := range j.callers.placed {
		if _, told := open[trace]; placed.caller == p && !told {
			open[trace] = true
		}
	}
	for trace, is := range open {
		if !is {
			delete(open, trace)
		}
	}
	return open
}

func (j *judgement) accepted() int {
	n := 0
	for _, views := range j.calls {
		for _, view := range views {
			if has(view, toldAccept) {
				n++
			}
		}
	}
	return n
}

func (j *judgement) reasons() map[string]int {
	n := make(map[string]int)
	for _, all := range j.told {
		for _, told := range all {
			if told.what == toldStop {
				n[told.reason.String()]++
			}
		}
	}
	return n
}

func has(view []toldOfCall, what wirev1.SignalType) bool {
	return slices.ContainsFunc(view, func(told toldOfCall) bool { return told.what == what })
}

// endless names everybody who was rung and neither did anything about it nor was told
// that it is over.
func (j *judgement) endless() (wrong []string) {
	for trace, views := range j.calls {
		for p, view := range views {
			if has(view, toldStart) && !has(view, toldStop) && !j.mayHaveLeft(p, trace, view[0].logID) {
				wrong = append(wrong, fmt.Sprintf("%s was rung by call %d and never heard that it is over", p.uid(), trace))
			}
		}
	}
	return wrong
}

// mayHaveLeft reports whether somebody did something by which a call that rang him
// ended for him: he accepted or refused it, or left it for another one after it.
func (j *judgement) mayHaveLeft(p *caller, trace, rung int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.acts, func(a callAct) bool {
		switch a.what {
		case "check":
			return false
		case "start":
			// Which calls were started without an answer is not known.
			return a.lost > 0 || a.code == fault.OK && j.first(a.trace) > rung
		case "accept":
			return a.code == fault.OK || a.trace == trace && a.lost > 0
		}
		return a.trace == trace
	})
}

// first is the position of the first thing that anybody was told of a call, or 0.
func (j *judgement) first(trace int64) (first int64) {
	for _, view := range j.calls[trace] {
		if first == 0 || view[0].logID < first {
			first = view[0].logID
		}
	}
	return first
}

// wrong is everything that the rules do not allow, when all calls are over.
func (j *judgement) wrong() []string {
	wrong := j.endless()
	rooms := make(map[int32]int64)
	for trace, views := range j.calls {
		is := func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("call %d: ", trace)+fmt.Sprintf(format, args...))
		}
		j.order(views, is)
		j.tickets(trace, views, rooms, is)
		if placed, known := j.callers.placed[trace]; known {
			j.ends(placed, views, is)
		}
	}
	for p, all := range j.told {
		wrong = append(wrong, busyTwice(p, all)...)
	}
	return wrong
}

// order: who is rung hears Start and then Stop, the caller Accept and then Stop, each
// at most once.
func (j *judgement) order(views map[*caller][]toldOfCall, is func(string, ...any)) {
	callers := 0
	for p, view := range views {
		var said []wirev1.SignalType
		for _, told := range view {
			said = append(said, told.what)
		}
		if view[0].what != toldStart {
			callers++
		}
		rest := said
		if rest[0] != toldStop {
			rest = rest[1:]
		}
		if len(rest) > 1 || len(rest) == 1 && rest[0] != toldStop {
			is("%s was told %v", p.uid(), said)
		}
	}
	if callers > 1 {
		is("%d people are told as if they were the caller", callers)
	}
}

// tickets: those of a call are for one room, of no other call, and go to nobody but
// those who are in.
func (j *judgement) tickets(trace int64, views map[*caller][]toldOfCall, rooms map[int32]int64, is func(string, ...any)) {
	var of []int32
	answered, told, unsure := 0, 0, false
	for _, p := range j.callers.people {
		view := views[p]
		for _, s := range view {
			if s.what != toldAccept {
				continue
			}
			told++
			of = append(of, s.ticket.RoomID)
			if s.uid != p.uid() {
				is("%s was told the ticket of %s", p.uid(), s.uid)
			}
			verifyTicket(j.callers.t, p.uid(), s.ticket)
		}
		p.mu.Lock()
		for _, a := range p.acts {
			if a.what != "accept" || a.trace != trace {
				continue
			}
			unsure = unsure || a.lost > 0
			if a.code == fault.OK {
				answered++
				of = append(of, a.ticket.RoomID)
			}
			if rung := has(view, toldStart); rung == (a.code == fault.Forbidden) {
				is("%s was rung: %t, and accepting it was answered with %d", p.uid(), rung, a.code)
			}
		}
		p.mu.Unlock()
	}
	if told > 1 || answered > 0 && told == 0 || told > 0 && answered == 0 && !unsure {
		is("%d people accepted, and the caller was told so %d times", answered, told)
	}
	for _, room := range of {
		if other, taken := rooms[room]; taken && other != trace {
			is("its room %d is that of call %d", room, other)
		}
		if rooms[room] = trace; room != of[0] {
			is("its rooms are %v", of)
		}
	}
}

// ends: the caller hears what became of it, and so does the other side.
func (j *judgement) ends(placed placed, views map[*caller][]toldOfCall, is func(string, ...any)) {
	by := make(map[wirev1.StopReason]int)
	stops, accepted := 0, has(views[placed.caller], toldAccept)
	for _, view := range views {
		if last := view[len(view)-1]; last.what == toldStop {
			by[last.reason]++
			stops++
		}
	}
	if has(views[placed.caller], toldStart) {
		is("its caller was rung")
	}
	if placed.group {
		if !accepted && !has(views[placed.caller], toldStop) && stops == 0 && len(views) > 0 && !everybodyLeft(j, views) {
			is("nobody was told that it is over")
		}
		return
	}
	want := 1
	if by[wirev1.StopReason_STOP_REASON_TIMEOUT] > 0 {
		want = 2
	}
	if stops != want || by[wirev1.StopReason_STOP_REASON_TIMEOUT]%2 != 0 || accepted != (by[wirev1.StopReason_STOP_REASON_HANGUP] == 1) {
		is("it was accepted: %t, and its two people were told of its end: %v", accepted, by)
	}
}

// everybodyLeft reports whether all whom a call rang may have left it.
func everybodyLeft(j *judgement, views map[*caller][]toldOfCall) bool {
	for p, view := range views {
		if !j.mayHaveLeft(p, view[0].trace, view[0].logID) {
			return false
		}
	}
	return true
}

// busyTwice: nobody is rung by a call, and hears then that one before it is over that
// had made him busy: a client would drop the new one.
func busyTwice(p *caller, all []toldOfCall) (wrong []string) {
	var begun []int64
	older := make(map[int64]bool)
	for _, told := range all {
		switch told.what {
		case toldStart:
			for _, trace := range begun {
				older[trace] = true
			}
			begun = append(begun, told.trace)
		case toldAccept:
			begun = append(begun, told.trace)
		case toldStop:
			if older[told.trace] {
				wrong = append(wrong, fmt.Sprintf("%s hears of the end of call %d after he was rung by another one", p.uid(), told.trace))
			}
		}
	}
	return wrong
}
