package ratelimit

import "time"

const (
	// denialsLast is the longest that a key can be without a token: a bucket
	// gains at least one a second.
	denialsLast = time.Second
	// maxDenials bounds the keys that are remembered, in each half. More are
	// asked for in Redis each time.
	maxDenials = 1 << 16
)

// denials remembers which keys have no token, and until when. It forgets in halves:
// what was added before the last denialsLast is over in any case.
type denials struct {
	young, old map[string]time.Time
	turned     time.Time
}

func newDenials() denials { return denials{young: make(map[string]time.Time)} }

// wait returns how long key has no token, or 0 when it may have one.
func (d *denials) wait(key string, now time.Time) time.Duration {
	until, known := d.young[key]
	if !known {
		if until, known = d.old[key]; !known {
			return 0
		}
	}
	return max(0, until.Sub(now))
}

// add remembers that key has no token for so long.
func (d *denials) add(key string, wait time.Duration, now time.Time) {
	if now.Sub(d.turned) > denialsLast {
		d.young, d.old, d.turned = make(map[string]time.Time), d.young, now
	}
	if len(d.young) < maxDenials {
		d.young[key] = now.Add(wait)
	}
}
