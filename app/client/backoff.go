package client

import (
	"math/rand/v2"
	"time"
)

const (
	firstPause = 250 * time.Millisecond
	maxPause   = 5 * time.Second
)

// backoff counts tries to connect that follow each other.
type backoff int

// next returns the pause before the next try: none before the first one, then
// twice as long each time, less up to a half by chance, so that clients which
// lost the same gateway do not come back all at once.
func (b *backoff) next() time.Duration {
	n := *b
	*b++
	if n == 0 {
		return 0
	}
	pause := min(firstPause<<min(n-1, 10), maxPause)
	return pause - rand.N(pause/2)
}
