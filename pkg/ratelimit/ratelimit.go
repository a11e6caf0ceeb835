// Package ratelimit bounds how often something may happen, over all processes
// together, by token buckets in Redis.
//
// A bucket holds a burst of tokens and gains a rate of them a second; who finds
// none is told when there will be one. Taking tokens is one script on one key, with
// Redis's own clock, so the clocks of the processes do not matter.
//
// Asking Redis has a price, so a Limiter asks once for everybody who comes while
// an earlier question is under way, all keys in one round trip and each key once;
// and a key that has no token is not asked for again before it has one. Neither
// lets anybody take more than a bucket allows.
//
// Without Redis everything is allowed: a limit that cannot be checked must not
// stop those whom it protects. Nobody waits for Redis longer than a moment, and
// when it fails again and again it is not asked for a while.
package ratelimit

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis/v8"
)

// Rate is the size of a bucket.
type Rate struct {
	// PerSecond is how many tokens a bucket gains a second, from 1 to
	// MaxPerSecond. A token costs whole microseconds, rounded up: where a second
	// cannot be divided evenly, somewhat fewer are given.
	PerSecond int
	// Burst is how many tokens a bucket holds, from 1 to MaxBurst.
	Burst int
}

// The bounds of a Rate, within which the arithmetic of buckets is exact.
const (
	MaxPerSecond = 100_000
	MaxBurst     = 1_000_000
)

// Limiter gives tokens out of buckets of one rate.
type Limiter struct {
	redis   redis.UniversalClient
	prefix  string
	rate    Rate
	timeout time.Duration

	mu      sync.Mutex
	waiting map[string]*ask // by key; those that no lane has taken yet
	lanes   int             // how many batches are under way
	denied  denials
	circuit circuit
}

// New returns a limiter with buckets of its own in Redis, whose keys begin with
// rate:name:. All processes that use the name must use the same rate. The timeout is
// how long Redis may take to answer, before those who wait for it are let through.
func New(client redis.UniversalClient, name string, rate Rate, timeout time.Duration) *Limiter {
	return &Limiter{
		redis: client, prefix: "rate:" + name + ":", rate: rate, timeout: timeout,
		waiting: make(map[string]*ask), denied: newDenials(),
	}
}

// Take takes a token out of the bucket of key. Where there is none it returns
// false and how long it is until there is one. It returns within twice the timeout,
// whatever Redis does.
func (l *Limiter) Take(key string) (ok bool, wait time.Duration) {
	now := time.Now()
	l.mu.Lock()
	if wait := l.denied.wait(key, now); wait > 0 {
		l.mu.Unlock()
		return false, wait
	}
	switch l.circuit.state(now) {
	case open:
		l.mu.Unlock()
		skipped.Inc()
		return true, 0
	case trial:
		// The one who tries Redis again does not wait for it either.
		l.join(key)
		l.mu.Unlock()
		skipped.Inc()
		return true, 0
	}
	a := l.join(key)
	l.mu.Unlock()
	<-a.done
	switch {
	case a.failed:
		skipped.Inc()
		return true, 0
	case a.tokens.Add(-1) >= 0:
		return true, 0
	default:
		return false, a.wait
	}
}

// ask is a question for Redis, and its answer: tokens of one bucket for everybody
// who wants one.
type ask struct {
	key  string
	want int
	// done is closed when the fields below are set.
	done   chan struct{}
	failed bool
	tokens atomic.Int64
	wait   time.Duration
}

// join adds somebody who wants a token to what will be asked. The lock is held.
func (l *Limiter) join(key string) *ask {
	a := l.waiting[key]
	if a == nil {
		a = &ask{key: key, done: make(chan struct{})}
		l.waiting[key] = a
	}
	a.want++
	if l.lanes < maxLanes {
		l.lanes++
		go l.run()
	}
	return a
}
