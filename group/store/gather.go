package store

import (
	"context"
	"sync"
)

// maxGathered is how many questions are answered by one read.
const maxGathered = 64

// gatherer lets those who ask at the same time share one read. Each gets the
// answer of a read that began after he asked: one that was already under way
// might miss what was committed, and answered, before. There is no fixed wait: a
// read answers whoever came while the last one was under way.
type gatherer[Q, A any] struct {
	// read answers questions, in their order. What answers hold is shared.
	read func([]Q) ([]A, error)

	mu      sync.Mutex
	running bool
	waiting []*gathered[Q, A] // not begun yet; whoever comes joins the last
}

// gathered is one read.
type gathered[Q, A any] struct {
	questions []Q
	answers   []A
	err       error
	done      chan struct{}
}

func (g *gatherer[Q, A]) ask(ctx context.Context, q Q) (A, error) {
	g.mu.Lock()
	r, i := g.join(q)
	if !g.running {
		g.running = true
		// The one who finds nobody reading reads at once, by himself: a
		// lone client should not pay for a goroutine.
		g.mu.Unlock()
		g.run()
	} else {
		g.mu.Unlock()
	}
	var none A
	select {
	case <-r.done:
		if r.err != nil {
			return none, r.err
		}
		return r.answers[i], nil
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// join adds a question to the last read that waits and returns its number there.
func (g *gatherer[Q, A]) join(q Q) (*gathered[Q, A], int) {
	last := len(g.waiting) - 1
	if last < 0 || len(g.waiting[last].questions) == maxGathered {
		g.waiting = append(g.waiting, &gathered[Q, A]{done: make(chan struct{})})
		last++
	}
	r := g.waiting[last]
	r.questions = append(r.questions, q)
	return r, len(r.questions) - 1
}

// run does the read that is due, and hands over to a goroutine when others came
// meanwhile.
func (g *gatherer[Q, A]) run() {
	g.mu.Lock()
	r := g.waiting[0]
	g.waiting = g.waiting[1:]
	g.mu.Unlock()

	r.answers, r.err = g.read(r.questions)
	close(r.done)

	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.running = false
		return
	}
	go g.run()
}
