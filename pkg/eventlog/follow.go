package eventlog

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
)

const (
	// gapAfter is how long a follower waits for what is missing before a batch
	// that came early, until it reads that from the log.
	gapAfter = 10 * time.Millisecond
	// pollEvery is how often a follower that heard nothing looks into the log:
	// whoever committed may have died before he told anybody.
	pollEvery = time.Second
	// maxEarly bounds the events that wait for a gap before them. Beyond it they
	// are left to the log, which has them anyway.
	maxEarly = 16 << 10
	// fillChunk is how many events are read from the log at once.
	fillChunk = 500
)

// Follow calls each with the events after a position, in their order and without
// a gap, soon after they are committed, until ctx ends. through is the position
// up to which that was everything: positions without an event stay without one.
// Tombstones are left out. It returns the error of ctx, and each runs on one
// goroutine.
//
// Events come from this process's own commits, from the stream through which
// other processes tell of theirs, and from the log itself. All are trusted for
// what they say, the log alone for having everything.
func (l *Log) Follow(ctx context.Context, after Position, each func(events []Event, through Position)) error {
	f := &follower{log: l, next: after + 1, each: each, early: make(map[Position][]Event), wake: make(chan struct{}, 1)}
	l.followers.add(f)
	defer l.followers.remove(f)
	var reading sync.WaitGroup
	if l.stream != nil {
		reading.Go(func() { l.stream.read(ctx, f.offer, f.poll) })
	}
	defer reading.Wait()
	return f.run(ctx)
}

// followers are those in this process who follow the log.
type followers struct {
	mu  sync.Mutex
	all []*follower
}

func (f *followers) add(one *follower) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, one)
}

func (f *followers) remove(one *follower) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = slices.DeleteFunc(f.all, func(other *follower) bool { return other == one })
}

func (f *followers) offer(events []Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.all {
		one.offer(events)
	}
}

// follower brings what it is offered into order and fetches what is missing.
type follower struct {
	log  *Log
	each func([]Event, Position)
	wake chan struct{} // holds one token when there is something to do
	next Position      // the first that was not handed out

	mu sync.Mutex
	// early are runs of events by their first position.
	early map[Position][]Event
	count int // of the events in early
	due   bool
}

// offer takes events at consecutive positions.
func (f *follower) offer(events []Event) {
	f.mu.Lock()
	first := events[0].Pos
	switch {
	case f.early[first] != nil:
		// This process's own commit, heard once more from the stream.
	case f.count < maxEarly:
		f.early[first] = events
		f.count += len(events)
	default:
		f.due = true
	}
	f.mu.Unlock()
	f.signal()
}

// poll has the follower look into the log at once.
func (f *follower) poll() {
	f.mu.Lock()
	f.due = true
	f.mu.Unlock()
	f.signal()
}

func (f *follower) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *follower) run(ctx context.Context) error {
	timer := time.NewTimer(0) // what was committed before is read at once
	defer timer.Stop()
	waitsForGap, first := false, true
	for {
		fill := false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.wake:
		case <-timer.C:
			fill = true
		}
		gap, due := f.deliver()
		if fill || due {
			before := f.next
			if err := f.fill(ctx); err != nil && ctx.Err() == nil {
				logx.WithContext(ctx).Errorf("follow the log after %d: %v", f.next-1, err)
				timer.Reset(pollEvery)
				continue
			}
			if fill && !first && f.next > before {
				tailGapsTotal.Inc()
			}
			first = false
			gap, _ = f.deliver()
			waitsForGap = false
		}
		switch {
		case gap && !waitsForGap:
			timer.Reset(gapAfter)
		case !gap:
			timer.Reset(pollEvery)
		}
		waitsForGap = gap
	}
}

// deliver hands out what follows without a gap, and reports whether something
// waits for a gap before it and whether a look into the log is due.
func (f *follower) deliver() (gap, due bool) {
	for {
		f.mu.Lock()
		events := f.take()
		gap, due = len(f.early) > 0, f.due
		if events == nil {
			f.due = false
		}
		f.mu.Unlock()
		if events == nil {
			return gap, due
		}
		f.hand(events, events[len(events)-1].Pos)
	}
}

// take removes the run that is next, and all that were handed out already.
func (f *follower) take() []Event {
	var found []Event
	for first, events := range f.early {
		last := events[len(events)-1].Pos
		if last >= f.next && first > f.next {
			continue
		}
		delete(f.early, first)
		f.count -= len(events)
		if last >= f.next {
			found = events[f.next-first:]
			break
		}
	}
	return found
}

func (f *follower) hand(events []Event, through Position) {
	f.log.window.saw(through)
	measureLag(events, time.Now())
	f.next = through + 1
	f.each(events, through)
}

// fill hands out everything up to the head of the log.
func (f *follower) fill(ctx context.Context) error {
	head, err := f.log.Head(ctx)
	if err == nil && head < f.next-1 {
		// The database went back in time: what waits here is gone.
		f.forget()
		head, err = f.log.raise(ctx)
	}
	if err != nil {
		return err
	}
	for f.next <= head {
		events, err := f.log.Range(ctx, f.next-1, head, fillChunk)
		if err != nil {
			return err
		}
		through := head
		if len(events) == fillChunk {
			through = events[len(events)-1].Pos
		}
		f.hand(slices.DeleteFunc(events, func(e Event) bool { return e.Kind == Tombstone }), through)
	}
	return nil
}

// forget drops what came early.
func (f *follower) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.early)
	f.count = 0
}

// Range returns the first limit events in (after, upTo], whomever they concern,
// tombstones included. upTo is at most a head that was read.
func (l *Log) Range(ctx context.Context, after, upTo Position, limit int) ([]Event, error) {
	return scanEvents(l.reader.QueryContext(ctx,
		loadColumns+" WHERE pos > ? AND pos <= ? ORDER BY pos LIMIT ?", int64(after), int64(upTo), limit))
}

// tell announces what this process committed: events at consecutive positions.
func (l *Log) tell(committed []*pending) {
	if len(committed) == 0 || !l.heard() {
		return
	}
	events := make([]Event, len(committed))
	for i, p := range committed {
		if p.Pos != committed[0].Pos+Position(i) {
			return // the log has them
		}
		events[i] = p.Event
	}
	l.followers.offer(events)
	if l.stream != nil {
		l.stream.publish(events)
	}
}

// heard reports whether anybody would hear of a commit.
func (l *Log) heard() bool {
	if l.stream != nil {
		return true
	}
	l.followers.mu.Lock()
	defer l.followers.mu.Unlock()
	return len(l.followers.all) > 0
}
