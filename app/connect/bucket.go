package connect

import "time"

// bucket limits how many frames a client sends: a number a second, and as many at
// once. It is for one goroutine.
type bucket struct {
	rate  float64
	left  float64
	since time.Time
}

func newBucket(rate int, now time.Time) bucket {
	return bucket{rate: float64(rate), left: float64(rate), since: now}
}

// take reports whether one more frame is within the limit.
func (b *bucket) take(now time.Time) bool {
	b.left = min(b.rate, b.left+now.Sub(b.since).Seconds()*b.rate)
	b.since = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
