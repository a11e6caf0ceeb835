package eventlog

import (
	"bytes"
	"fmt"
	"testing"
)

// crowd is a log whose appender is the test.
func crowd(end Position, queued ...Event) *Log {
	l := &Log{queue: newQueue()}
	l.ended(end)
	for _, e := range queued {
		if err := l.queue.push(&pending{Event: e}); err != nil {
			panic(err)
		}
	}
	return l
}

// fillNext takes one event from the queue, lets others come while it waits for the
// lock, and returns the batch that it becomes at first.
func (l *Log) fillNext(t *testing.T, first Position, come ...Event) *batch {
	t.Helper()
	b := &batch{events: l.queue.take(1, maxBatchBytes)}
	room := l.room(b)
	for _, e := range come {
		if err := l.queue.push(&pending{Event: e}); err != nil {
			t.Fatal(err)
		}
	}
	l.fill(b, room, allocation{first: first})
	if len(b.outcomes) != len(b.events) {
		t.Errorf("%d events have %d outcomes", len(b.events), len(b.outcomes))
	}
	if len(b.events) > room {
		t.Errorf("%d events have %d positions", len(b.events), room)
	}
	return b
}

func TestABatchTakesWhatCameWhileItWaitedForOthers(t *testing.T) {
	t.Parallel()
	l := crowd(10, private("a", "b", "1"))
	b := l.fillNext(t, 11, private("a", "b", "2"))
	same(t, "alone", idsOfPending(b.events), []string{"1"})

	l.ended(11)
	b = l.fillNext(t, 20, private("a", "b", "3"))
	same(t, "nobody else before", idsOfPending(b.events), []string{"2"})

	l.ended(20)
	b = l.fillNext(t, 30, private("a", "b", "4"), private("a", "b", "5"), private("a", "b", "3"))
	same(t, "in a crowd", idsOfPending(b.events), []string{"3", "4", "5"})
	if n := len(b.events[0].followers); n != 1 {
		t.Errorf("%d repeats wait for the first, want 1", n)
	}
	if err := l.queue.push(&pending{Event: private("a", "b", "6")}); err != nil {
		t.Fatal(err)
	}
	l.fill(b, l.room(b)+1, allocation{first: 40})
	same(t, "once more after a failure", idsOfPending(b.events), []string{"3", "4", "5"})
}

func TestABatchStaysWithinItsBoundsInACrowd(t *testing.T) {
	t.Parallel()
	var many []Event
	for n := range 2 * maxBatch {
		many = append(many, private("a", "b", fmt.Sprint(n)))
	}
	l := crowd(10, many...)
	l.pressed = true
	if b := l.fillNext(t, 20); len(b.events) != maxBatch {
		t.Errorf("a batch has %d events, want %d", len(b.events), maxBatch)
	}

	large := private("a", "b", "large")
	large.Body = bytes.Repeat([]byte{1}, maxBatchBytes/2)
	l = crowd(10, large, large, large)
	l.pressed = true
	if b := l.fillNext(t, 20); len(b.events) != 1 {
		t.Errorf("a batch has %d events of half its bytes and more, want 1", len(b.events))
	}
}

func idsOfPending(events []*pending) []string {
	ids := make([]string, len(events))
	for i, p := range events {
		ids[i] = p.ID
	}
	return ids
}
