package eventlog

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestEachWhoAsksForTheHeadGetsAReadThatBeganAfterHeAsked(t *testing.T) {
	t.Parallel()
	var committed, reads atomic.Int64
	h := &sharedHead{read: func() (Position, error) {
		reads.Add(1)
		return Position(committed.Load()), nil
	}}
	var all sync.WaitGroup
	const askers, times = 16, 500
	for range askers {
		all.Go(func() {
			for range times {
				mine := Position(committed.Add(1))
				if head, err := h.get(context.Background()); err != nil || head < mine {
					t.Errorf("%d was committed and the head is %d (%v)", mine, head, err)
				}
			}
		})
	}
	all.Wait()
	if n := reads.Load(); n > askers*times {
		t.Errorf("%d reads for %d questions", n, askers*times)
	}
}

func TestThoseWhoWaitForTheHeadShareOneRead(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}, 9), make(chan struct{})
	var reads atomic.Int64
	h := &sharedHead{read: func() (Position, error) {
		begun <- struct{}{}
		<-finish
		return Position(reads.Add(1)), nil
	}}
	answers := make(chan Position, 9)
	ask := func() {
		head, err := h.get(context.Background())
		if err != nil {
			t.Errorf("read the head: %v", err)
		}
		answers <- head
	}
	go ask()
	<-begun
	for range 8 {
		go ask()
	}
	until(t, "somebody waits for the next read", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.next != nil
	})
	// One who gives up leaves the others alone.
	gone, leave := context.WithCancel(context.Background())
	leave()
	if _, err := h.get(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	close(finish)
	counts := make(map[Position]int)
	for range 9 {
		counts[<-answers]++
	}
	if counts[1] != 1 || counts[2] == 0 || reads.Load() > 9 {
		t.Errorf("answers %v by %d reads; the first must be alone and the others share", counts, reads.Load())
	}
}

func TestAReadOfTheHeadThatFailsIsNotRemembered(t *testing.T) {
	t.Parallel()
	broken := errors.New("the database is gone")
	fail := true
	h := &sharedHead{read: func() (Position, error) {
		if fail {
			return 0, broken
		}
		return 7, nil
	}}
	if _, err := h.get(context.Background()); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	fail = false
	if head, err := h.get(context.Background()); err != nil || head != 7 {
		t.Errorf("got %d (%v), want 7", head, err)
	}
}
