package eventlog

import (
	"fmt"
	"testing"

	"parley/pkg/id"
)

func TestAGroupIsReadOnlyWhereTheUserWasInIt(t *testing.T) {
	t.Parallel()
	r := userRange{
		groups: []id.GID{1, 2, 3},
		intervals: map[id.GID][]Interval{
			1: {{From: 10, To: 20}, {From: 500, To: Forever}},
			2: {{From: 15, To: 30}},
			3: {{From: 0, To: 12}},
		},
	}
	for _, c := range []struct {
		reached, end Position
		groups       string
		next         Position // where to go on when there are none
	}{
		{0, 9, "[3]", 0},
		{0, 10, "[1 3]", 0},
		{0, 1000, "[1 2 3]", 0},
		{12, 100, "[1 2]", 12},
		{20, 100, "[2]", 20},
		{30, 499, "[]", 499},
		{30, 500, "[1]", 499},
		{600, 700, "[1]", 600},
	} {
		r.reached = c.reached
		groups, next := r.present(c.end)
		if got := fmt.Sprint(groups); got != c.groups || next != c.next {
			t.Errorf("in (%d, %d] there are %s, next is %d; want %s, %d", c.reached, c.end, got, next, c.groups, c.next)
		}
	}
	r.reached, r.intervals[1] = 30, r.intervals[1][:1]
	if groups, next := r.present(1000); len(groups) > 0 || next != Forever {
		t.Errorf("after all intervals there are %v, next is %d", groups, next)
	}
}
