package group_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"parley/pkg/sqldb/sqldbtest"
)

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// crowds are the sizes in which runs are done: groups that are full soon, and
// groups of which info shows a part.
var crowds = []limits{
	{people: 7, maximum: 5, maxAdmins: 2},
	{people: 16, maximum: 13, maxAdmins: 3},
}

// runs is how many there are of each kind and size. A server takes longer for
// each, and is there to show how engines differ.
func runs() uint64 {
	if os.Getenv(sqldbtest.EnvMySQL) != "" {
		return 60
	}
	return 100
}

func TestGroupsDoWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	for _, l := range crowds {
		t.Run(fmt.Sprintf("groups of %d", l.maximum), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, l)
			for seed := range runs() {
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
			for seed := range runs() {
				w := newWriter(seed, l)
				w.sequence(8)
				for range 4 {
					w.together(4, 2)
					w.add("wait", 0)
				}
				if !s.holds(t, seed, w.ops, 8) {
					return
				}
			}
		})
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
