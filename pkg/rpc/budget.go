package rpc

import (
	"sync"
	"time"
)

const (
	// budgetShare is how many calls may be cut short for each one that is made, and
	// budgetFloor how many a second in any case.
	budgetShare = 0.1
	budgetFloor = 1
	// budgetMost bounds what a quiet time saves up.
	budgetMost = 10
)

// budget bounds how many calls that seem to hang are cut short and made again. One server
// of several that hangs costs few. Where all are slow, because their database is, asking
// it everything twice would be its end. The zero budget is full. It is safe for
// concurrent use.
type budget struct {
	mu   sync.Mutex
	left float64
	at   time.Time // when left was right
}

// earn counts a call that is made.
func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(budgetShare)
}

// take reports whether one more may be cut short, which then counts.
func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(0)
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

func (b *budget) add(share float64) {
	now := time.Now()
	b.left = min(b.left+share+now.Sub(b.at).Seconds()*budgetFloor, budgetMost)
	b.at = now
}
