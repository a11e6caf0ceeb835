package eventlog

import (
	"errors"
	"sync/atomic"
)

// Chain is events that came one behind the other, and whose source appends them again,
// here or elsewhere, where it hears nothing of them. When one fails that was not refused,
// those that wait behind it fail too, and a chain that is broken takes no more. Without
// that a later one could still be appended here, before the earlier one is elsewhere.
// The zero Chain is whole. It is safe for concurrent use.
type Chain struct{ broken atomic.Bool }

// Break has the events of the chain that are not being appended yet fail.
func (c *Chain) Break() { c.broken.Store(true) }

// Broken reports whether the chain takes no more.
func (c *Chain) Broken() bool { return c.broken.Load() }

var errBroken = errors.New("an event before it was not appended, or its source went away")

// whole answers the events whose chains are broken, and returns the others.
func whole(events []*pending) []*pending {
	left := events[:0]
	for _, p := range events {
		if p.chain != nil && p.chain.Broken() {
			p.done(Receipt{}, errBroken)
			continue
		}
		left = append(left, p)
	}
	return left
}
