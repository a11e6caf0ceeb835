package connect

import (
	"fmt"
	"testing"
	"time"

	"parley/pkg/eventlog"
	"parley/pkg/packet"
)

// filled is a window with events at some positions, sent at a time.
func filled(at time.Time, positions ...eventlog.Position) *window {
	w := new(window)
	for _, p := range positions {
		w.add(p, []byte("proto"), at)
	}
	return w
}

// left lists the positions that are not settled, with a mark at what was
// confirmed out of order.
func (w *window) left() string {
	var list []string
	for _, d := range w.deliveries {
		mark := ""
		if d.confirmed {
			mark = "!"
		}
		list = append(list, fmt.Sprint(d.pos, mark))
	}
	return fmt.Sprint(list)
}

func TestTheFrontMovesWithWhatIsConfirmedTogether(t *testing.T) {
	t.Parallel()
	w := filled(time.Now(), 10, 20, 30, 40)
	for _, step := range []struct {
		seq   uint32
		moves bool
		left  string
	}{
		{3, false, "[10 20 30! 40]"},
		{9, false, "[10 20 30! 40]"},
		{3, false, "[10 20 30! 40]"},
		{1, true, "[20 30! 40]"},
		{1, false, "[20 30! 40]"},
		{2, true, "[40]"},
		{4, true, "[]"},
		{4, false, "[]"},
	} {
		if _, moves := w.confirm(step.seq); moves != step.moves || w.left() != step.left {
			t.Errorf("after seq %d: moves %v, left %s; want %v, %s", step.seq, moves, w.left(), step.moves, step.left)
		}
	}
	if w.bytes != 0 {
		t.Errorf("%d bytes are left of nothing", w.bytes)
	}
}

func TestOnlyWhatIsOwedIsConfirmed(t *testing.T) {
	w := filled(time.Now(), 10, 20)
	for _, step := range []struct {
		seq  uint32
		owed bool
	}{{3, false}, {2, true}, {2, false}, {1, true}, {1, false}, {2, false}} {
		if owed, _ := w.confirm(step.seq); owed != step.owed {
			t.Errorf("confirming %d is owed: %v, want %v", step.seq, owed, step.owed)
		}
	}
}

func TestARevokedMessageCountsAsConfirmed(t *testing.T) {
	t.Parallel()
	w := filled(time.Now(), 10, 20)
	if w.drop(20) || w.drop(15) || !w.drop(10) || w.left() != "[]" {
		t.Errorf("left is %s", w.left())
	}
}

func TestAWindowIsFullByEventsOrByBytes(t *testing.T) {
	t.Parallel()
	w := filled(time.Now(), 1, 2)
	for _, c := range []struct {
		events, bytes int
		full          bool
	}{{3, 11, false}, {2, 11, true}, {3, 10, true}} {
		if got := w.full(c.events, c.bytes); got != c.full {
			t.Errorf("two events of 5 bytes fill a window for %d events and %d bytes: %v", c.events, c.bytes, got)
		}
	}
}

func TestWhatIsNotConfirmedIsSentAgainLessAndLessOften(t *testing.T) {
	t.Parallel()
	begin := time.Unix(0, 0)
	w := filled(begin, 10, 20)
	w.confirm(2)
	var sent []int
	for second := range 200 {
		for _, p := range w.due(begin.Add(time.Duration(second)*time.Second), 5*time.Second) {
			if p.Seq != 1 || p.Op != packet.ReceiveMsg || string(p.Body) != "proto" {
				t.Errorf("at %d s it is %+v", second, p)
			}
			sent = append(sent, second)
		}
	}
	if got := fmt.Sprint(sent); got != "[5 15 35 75 155]" {
		t.Errorf("sent again at %s", got)
	}
}
