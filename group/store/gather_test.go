package store

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
)

// reads is a gatherer's read that waits until it may answer. Each answer is the
// number of the read.
type reads struct {
	began  chan int // how many questions a read has that begins
	answer chan error
	n      int
}

func newReads() (*reads, *gatherer[int, int]) {
	r := &reads{began: make(chan int), answer: make(chan error)}
	return r, &gatherer[int, int]{read: r.read}
}

func (r *reads) read(questions []int) ([]int, error) {
	r.n++
	n := r.n
	r.began <- len(questions)
	err := <-r.answer
	answers := make([]int, len(questions))
	for i := range answers {
		answers[i] = n
	}
	return answers, err
}

func TestWhoAsksDuringAReadGetsTheNext(t *testing.T) {
	t.Parallel()
	r, g := newReads()
	const later = maxGathered + 3
	var asking sync.WaitGroup
	ask := func(want ...int) {
		asking.Go(func() {
			got, err := g.ask(context.Background(), 0)
			for _, n := range want {
				if err == nil && got == n {
					return
				}
			}
			t.Errorf("the answer is of read %d (%v), want one of %v", got, err, want)
		})
	}
	ask(1)
	if n := <-r.began; n != 1 {
		t.Errorf("the first read answers %d", n)
	}
	for range later {
		ask(2, 3)
	}
	waiting := func() (n int) {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, w := range g.waiting {
			n += len(w.questions)
		}
		return n
	}
	for waiting() < later {
		runtime.Gosched()
	}
	r.answer <- nil
	for _, want := range []int{maxGathered, later - maxGathered} {
		if n := <-r.began; n != want {
			t.Errorf("a read answers %d, want %d", n, want)
		}
		r.answer <- nil
	}
	asking.Wait()
	ask(4) // nobody reads now
	<-r.began
	r.answer <- nil
	asking.Wait()
}

func TestAReadThatFailsFailsForAllWhoShareItAndNobodyElse(t *testing.T) {
	t.Parallel()
	r, g := newReads()
	broken := errors.New("the database is gone")
	for _, want := range []error{broken, nil} {
		done := make(chan error, 1)
		go func() {
			_, err := g.ask(context.Background(), 0)
			done <- err
		}()
		<-r.began
		r.answer <- want
		if err := <-done; !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestWhoGivesUpDoesNotWaitForTheRead(t *testing.T) {
	t.Parallel()
	r, g := newReads()
	first := make(chan error, 1)
	go func() {
		_, err := g.ask(context.Background(), 0)
		first <- err
	}()
	<-r.began
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := g.ask(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	r.answer <- nil
	<-r.began // for nobody
	r.answer <- nil
	if err := <-first; err != nil {
		t.Error(err)
	}
}
