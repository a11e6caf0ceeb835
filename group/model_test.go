package group_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// crowds are the sizes in which runs are done: groups that are full soon, and
// groups of which info shows a part.
var crowds = []limits{
	{people: 7, maximum: 5, maxAdmins: 2},
	{people: 16, maximum: 13, maxAdmins: 3},
}

// runs is how many there are of each kind and size.
const runs = 60

func TestGroupsDoWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	stages := make([]*stage, len(crowds))
	t.Cleanup(func() { wantMet(t, stages) })
	for i, l := range crowds {
		t.Run(fmt.Sprintf("groups of %d", l.maximum), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, l)
			stages[i] = s
			for seed := range uint64(runs) {
				w := newWriter(seed, l)
				w.sequence(40)
				if !s.holds(t, seed, w.ops, 1) {
					return
				}
			}
		})
	}
}

func TestWhatHappensToGroupsAtOnceHappensInSomeOrder(t *testing.T) {
	t.Parallel()
	for _, l := range crowds {
		t.Run(fmt.Sprintf("groups of %d", l.maximum), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, l)
			for seed := range uint64(runs) {
				w := newWriter(seed, l)
				w.sequence(10)
				for range 4 {
					w.together(4, 2)
					w.pause()
				}
				if !s.holds(t, seed, w.ops, 8) {
					return
				}
			}
		})
	}
}

// refusals are what has to be met in the runs, or else they show nothing: each
// verb's own refusals. That it is done, too, is asked of every verb anyway.
var refusals = map[string][]int{
	"create": {-1012, -10003}, "invite": {-1012, -10003, -10005, -10010, -10031},
	"join": {-10003, -10005, -10029, -10031}, "exit": {-10021}, "remove": {-1012, -10011, -10012, -10020},
	"disband": {-10023}, "change-owner": {-10016, -10017, -10024}, "role": {-1012, -10016, -10019, -10025},
	"mute": {-1012, -10012}, "avatar": {-10012}, "friend-type": {-1012, -10012}, "join-type": {-1012, -10012}, "mute-type": {-1012, -10012},
	"name": {-10012}, "applications": {-10012}, "accept": {-10003, -10012, -10028, -10030}, "reject": {-10030},
	"send": {-10001, -10002, -10015, -10026, -10032}, "member": {-10016}, "muted": {-10012}, "block": {-10002}, "unblock": {-10002},
}

func wantMet(t *testing.T, stages []*stage) {
	t.Helper()
	if t.Failed() {
		return
	}
	met := func(verb string, code int) (n int) {
		for _, s := range stages {
			if s != nil {
				n += s.met[fmt.Sprintf("%s %d", verb, code)]
			}
		}
		return n
	}
	for verb := range verbs {
		for _, code := range append([]int{0}, refusals[verb]...) {
			if met(verb, code) == 0 {
				t.Errorf("no run has a call of %s that is answered %d", verb, code)
			}
		}
	}
}

// holds does ops and reports whether all was as it should be. If not, it looks
// for fewer that go wrong too, doing each try as often as it may take, and fails
// the test with them.
func (s *stage) holds(t *testing.T, seed uint64, ops []op, tries int) bool {
	problem := s.perform(ops)
	if problem == "" {
		return true
	}
	ops, problem = s.shrink(ops, problem, tries)
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintf(&b, "\n%v", o)
	}
	t.Errorf("seed %d, shrunk to %d steps:%s\n\n%s", seed, len(ops), b.String(), problem)
	return false
}

// shrinkTime bounds the search for fewer ops.
const shrinkTime = 20 * time.Second

// shrink leaves out ops, many at a time and then one by one, as long as what is
// left goes wrong.
func (s *stage) shrink(ops []op, problem string, tries int) ([]op, string) {
	deadline := time.Now().Add(shrinkTime)
	for size := len(ops) / 2; size > 0; {
		smaller := false
		for at := 0; at+size <= len(ops) && time.Now().Before(deadline); {
			fewer := append(append([]op(nil), ops[:at]...), ops[at+size:]...)
			if p := s.fails(fewer, tries); p != "" {
				ops, problem, smaller = fewer, p, true
			} else {
				at += size
			}
		}
		if !smaller || size > len(ops) {
			size /= 2
		}
	}
	return ops, problem
}

func (s *stage) fails(ops []op, tries int) (problem string) {
	for range tries {
		if problem = s.perform(ops); problem != "" {
			break
		}
	}
	return problem
}
