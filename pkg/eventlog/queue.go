package eventlog

import (
	"sync"

	"go.opentelemetry.io/otel/trace"

	"parley/pkg/fault"
)

// A batch ends at maxBatch events or maxBatchBytes, so that one statement
// stays far below the packet size that a server may refuse. What waits is
// bounded too: when it is more than the database takes in a few seconds, the
// honest answer is "overloaded", at once.
const (
	maxBatch      = 256
	maxBatchBytes = 1 << 20
	maxQueue      = 16 << 10
	maxQueueBytes = 64 << 20
)

// Receipt is the answer to an event that is durable.
type Receipt struct {
	Pos Position
	// At is the time of the event in Unix milliseconds.
	At int64
}

// pending is an event on its way into the log and whoever waits for it.
type pending struct {
	Event
	// trace is that of its request.
	trace trace.SpanContext
	chain *Chain // or nil
	done  func(Receipt, error)
	// followers are repeats of the event in the same batch.
	followers []*pending
}

// queue hands events from many to the one appender, in the order in which
// they came.
type queue struct {
	mu     sync.Mutex
	ready  sync.Cond
	items  []*pending
	bytes  int
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.ready.L = &q.mu
	return q
}

func (q *queue) push(ps ...*pending) error {
	size := 0
	for _, p := range ps {
		size += p.size()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	if len(q.items)+len(ps) > maxQueue || q.bytes+size > maxQueueBytes {
		refusedTotal.Add(float64(len(ps)))
		return fault.Overloaded
	}
	q.items = append(q.items, ps...)
	q.bytes += size
	q.ready.Signal()
	return nil
}

// pop waits for events and takes one batch of them. It returns nothing when
// the queue is closed and empty.
func (q *queue) pop() []*pending {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 {
		if q.closed {
			return nil
		}
		q.ready.Wait()
	}
	return q.cut(maxBatch, max(maxBatchBytes, q.items[0].size()))
}

// take takes what waits, up to so many events and bytes.
func (q *queue) take(most, mostBytes int) []*pending {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.cut(most, mostBytes)
}

// cut takes events off the front of the queue. Its lock is held.
func (q *queue) cut(most, mostBytes int) []*pending {
	n, size := 0, 0
	for n < min(len(q.items), most) && size+q.items[n].size() <= mostBytes {
		size += q.items[n].size()
		n++
	}
	events := append([]*pending(nil), q.items[:n]...)
	rest := copy(q.items, q.items[n:])
	clear(q.items[rest:])
	q.items = q.items[:rest]
	q.bytes -= size
	return events
}

// requeue puts events back to the front of the queue, past its bound: they
// were accepted already.
func (q *queue) requeue(ps []*pending) {
	if len(ps) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(append([]*pending(nil), ps...), q.items...)
	for _, p := range ps {
		q.bytes += p.size()
	}
}

// length is how many events wait.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
}
