package eventlog

import (
	"errors"
	"fmt"
	"testing"

	"parley/pkg/fault"
)

func waiting(n, size int) []*pending {
	ps := make([]*pending, n)
	for i := range ps {
		ps[i] = &pending{Event: Event{ID: fmt.Sprint(i), Body: make([]byte, size)}}
	}
	return ps
}

func TestABatchEndsAtItsEventsOrItsBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		events  int
		size    int
		batches []int
	}{
		{"one", 1, 10, []int{1}},
		{"just full", maxBatch, 10, []int{maxBatch}},
		{"one too many", maxBatch + 1, 10, []int{maxBatch, 1}},
		{"large ones", 40, 60 << 10, []int{17, 17, 6}},
		{"each larger than a batch", 3, maxBatchBytes + 1, []int{1, 1, 1}},
	} {
		q := newQueue()
		if err := q.push(waiting(c.events, c.size)...); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		n := 0
		for _, want := range c.batches {
			batch := q.pop()
			if len(batch) != want {
				t.Errorf("%s: a batch of %d, want %d", c.name, len(batch), want)
			}
			for _, p := range batch {
				if p.ID != fmt.Sprint(n) {
					t.Errorf("%s: event %s came as number %d", c.name, p.ID, n)
				}
				n++
			}
		}
		if q.bytes != 0 || len(q.items) != 0 {
			t.Errorf("%s: %d bytes in %d events are left", c.name, q.bytes, len(q.items))
		}
	}
}

func TestAFullQueueRefusesAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, full := range map[string][]*pending{
		"by events": waiting(maxQueue-1, 0),
		"by bytes":  waiting(maxQueueBytes/(60<<10+200), 60<<10),
	} {
		q := newQueue()
		if err := q.push(full...); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := q.push(waiting(2, 60<<10)...); !errors.Is(err, fault.Overloaded) {
			t.Errorf("%s: got %v, want %v", name, err, fault.Overloaded)
		}
		if len(q.items) != len(full) {
			t.Errorf("%s: %d events wait, want %d", name, len(q.items), len(full))
		}
		q.pop()
		if err := q.push(waiting(2, 0)...); err != nil {
			t.Errorf("%s: after a batch was taken: %v", name, err)
		}
	}
}

func TestWhatIsPutBackComesFirstAndIsNeverRefused(t *testing.T) {
	t.Parallel()
	q := newQueue()
	if err := q.push(waiting(maxQueue, 0)...); err != nil {
		t.Fatal(err)
	}
	back := waiting(2, 5)
	q.requeue(back)
	q.requeue(nil)
	q.close()
	if batch := q.pop(); batch[0] != back[0] || batch[1] != back[1] {
		t.Error("what was put back did not come first")
	}
	for q.pop() != nil {
	}
	if q.bytes != 0 {
		t.Errorf("%d bytes are left", q.bytes)
	}
}

func TestAClosedQueueGivesWhatItHasAndTakesNothing(t *testing.T) {
	t.Parallel()
	q := newQueue()
	if err := q.push(waiting(1, 0)...); err != nil {
		t.Fatal(err)
	}
	q.close()
	if err := q.push(waiting(1, 0)...); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want %v", err, ErrClosed)
	}
	if len(q.pop()) != 1 || q.pop() != nil {
		t.Error("want the one event and then the end")
	}
}
