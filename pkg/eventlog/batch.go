package eventlog

import (
	"iter"

	"go.opentelemetry.io/otel/trace"
)

// batch is the events of one transaction, none a repeat of another.
type batch struct {
	events []*pending
	// closed says that no more come to it: it has had its positions once, and may be
	// in the log from then on.
	closed   bool
	outcomes []outcome // of the events, once it is committed
}

// outcome is what became of one event of a batch.
type outcome struct {
	receipt  Receipt
	err      error
	appended bool // by this batch; neither refused nor a repeat
}

// room is for how many events a batch asks for positions. Where processes append by
// turns, most of the time is spent waiting for the position lock. What comes during
// that wait would miss its batch, and each batch of one process would have only half of
// what it could: a transaction costs the database much more than one event more. So
// a batch asks for all the positions that it may use, takes what came when it has the
// lock, and gives the others back. That is one statement more, which is spared where
// nothing comes meanwhile, or nobody else appends.
func (l *Log) room(b *batch) int {
	if b.closed || !l.pressed {
		return len(b.events)
	}
	return maxBatch
}

// fill closes a batch, which has the position lock now: what came meanwhile and fits
// into its room goes with it.
func (l *Log) fill(b *batch, room int, alloc allocation) {
	if !b.closed {
		came := whole(l.queue.take(room-len(b.events), maxBatchBytes-b.bytes()))
		b.events = takeRepeatsOut(append(b.events, came...))
		others := Position(l.end.Load()) != alloc.first-1
		l.pressed = others && (len(came) > 0 || l.queue.length() > 0)
		b.closed = true
	}
	b.outcomes = make([]outcome, len(b.events))
}

// ended notes the position of the last event that this process appended.
func (l *Log) ended(at Position) {
	for {
		known := l.end.Load()
		if int64(at) <= known || l.end.CompareAndSwap(known, int64(at)) {
			return
		}
	}
}

func (b *batch) bytes() int {
	bytes := 0
	for _, p := range b.events {
		bytes += p.size()
	}
	return bytes
}

// requests yields the requests that a batch is appended for.
func (b *batch) requests() iter.Seq[trace.SpanContext] {
	return func(yield func(trace.SpanContext) bool) {
		for _, p := range b.events {
			if !yield(p.trace) {
				return
			}
			for _, f := range p.followers {
				if !yield(f.trace) {
					return
				}
			}
		}
	}
}

// appended returns the events of a batch that are new in the log, in the order
// of their positions.
func (b *batch) appended() []*pending {
	fresh := make([]*pending, 0, len(b.events))
	for i, p := range b.events {
		if b.outcomes[i].appended {
			fresh = append(fresh, p)
		}
	}
	return fresh
}

type eventKey struct{ scope, id string }

// takeRepeatsOut leaves the first event of every key and hangs its repeats on
// it: they wait for the first one's answer.
func takeRepeatsOut(events []*pending) []*pending {
	seen := make(map[eventKey]*pending, len(events))
	firsts := events[:0]
	for _, p := range events {
		key := eventKey{p.Scope, p.ID}
		if first, ok := seen[key]; ok {
			first.followers = append(first.followers, p)
			continue
		}
		seen[key] = p
		firsts = append(firsts, p)
	}
	return firsts
}
