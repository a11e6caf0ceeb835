package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"parley/pkg/fault"
)

// gate is a tap that holds every commit until it is opened.
type gate struct {
	reached chan struct{} // a commit has come
	open    chan struct{}
}

func newGate() *gate { return &gate{make(chan struct{}, 1<<10), make(chan struct{})} }

func (g *gate) tap() *tap {
	return &tap{commit: func(commit, _ func() error) error {
		g.reached <- struct{}{}
		<-g.open
		return commit()
	}}
}

func TestCloseFinishesWhatIsInFlightAndWhatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newGate()
	l := Open(w.db, g.tap().onWrites(w))
	const n = 2 * maxBatch
	answered := make(chan error, n+1)
	done := func(_ Receipt, err error) { answered <- err }
	for i := range n {
		l.AppendAll([]Draft{{Event: private("alice", "bob", fmt.Sprint("m", i)), Done: done}})
	}
	<-g.reached
	closed := make(chan error, 1)
	go func() { closed <- l.Close(context.Background()) }()
	until(t, "the log refuses events", func() bool { return refuses(l) })
	select {
	case err := <-closed:
		t.Fatalf("Close returned (%v) while a commit was in flight", err)
	default:
	}
	close(g.open)
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if len(answered) != n {
		t.Fatalf("%d of %d are answered when Close returns", len(answered), n)
	}
	for range n {
		if err := <-answered; err != nil {
			t.Errorf("what was accepted failed: %v", err)
		}
	}
	if stored := w.stored(); len(stored) != n {
		t.Errorf("%d events are stored, want %d", len(stored), n)
	}
	if err := l.Close(context.Background()); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

// refuses reports whether the log takes no more.
func refuses(l *Log) bool {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	return l.queue.closed
}

func TestAClosedLogRefusesEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := Open(w.db)
	if err := l.Close(context.Background()); err != nil {
		t.Fatalf("close: %v", err)
	}
	if _, err := l.Append(context.Background(), private("alice", "bob", "m1")); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want %v", err, ErrClosed)
	}
}

func TestCloseGivesUpAtItsDeadlineAndAnswersEverybody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun := make(chan struct{}, 2)
	stuck := &tap{statement: func(ctx context.Context, _ string) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}
	pool := stuck.pool(t, w.db.WriterSQL())
	l := Open(w.db, func(l *Log) { l.writer = pool })
	const n = maxBatch + 5
	answered := make(chan error, n)
	for i := range n {
		l.AppendAll([]Draft{{Event: private("alice", "bob", fmt.Sprint("m", i)), Done: func(_ Receipt, err error) { answered <- err }}})
	}
	<-begun
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("close: got %v, want %v", err, context.Canceled)
	}
	if len(answered) != n {
		t.Fatalf("%d of %d are answered when Close returns", len(answered), n)
	}
	for range n {
		if err := <-answered; err == nil {
			t.Error("an event was confirmed by a log that gave up")
		}
	}
	if stored := w.stored(); len(stored) != 0 {
		t.Errorf("%d events are stored", len(stored))
	}
}

func TestTooMuchIsRefusedAtOnceAndTheRestIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newGate()
	l := w.log(g.tap().onWrites(w))
	answered := make(chan error, maxQueue+1)
	done := func(_ Receipt, err error) { answered <- err }
	l.AppendAll([]Draft{{Event: private("alice", "bob", "first"), Done: done}})
	<-g.reached // the appender is busy; what comes now waits
	drafts := make([]Draft, maxQueue)
	for i := range drafts {
		// Repeats cost the queue as much as anything, and the database little.
		drafts[i] = Draft{Event: private("alice", "bob", fmt.Sprint("m", i%10)), Done: done}
	}
	l.AppendAll(drafts)

	began := time.Now()
	_, err := l.Append(context.Background(), private("alice", "bob", "too much"))
	if !errors.Is(err, fault.Overloaded) {
		t.Errorf("got %v, want %v", err, fault.Overloaded)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the refusal took %s", took)
	}
	close(g.open)
	for range maxQueue + 1 {
		if err := <-answered; err != nil {
			t.Fatalf("what was accepted failed: %v", err)
		}
	}
	if r := w.append(l, private("alice", "bob", "too much")); r.Pos != 12 {
		t.Errorf("sent again it has position %d, want 12", r.Pos)
	}
}

func TestWhoStopsWaitingLeavesHisEventToTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newGate()
	l := w.log(g.tap().onWrites(w))
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-g.reached; cancel(); close(g.open) }()
	if _, err := l.Append(ctx, private("alice", "bob", "m1")); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if r := w.append(l, private("alice", "bob", "m1")); r.Pos != 1 {
		t.Errorf("the repeat has position %d, want 1", r.Pos)
	}
}

func TestAReadWhileTheLogClosesEndsOneWayOrTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(w.log(), private("alice", "bob", "m1"))
	for range 20 {
		l := Open(w.db)
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				if events, err := readPage(l, "bob", 0, 10); err == nil && len(events) != 1 {
					t.Errorf("bob read %v", positionsOf(events))
				}
			})
		}
		if err := l.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		readers.Wait()
	}
}
