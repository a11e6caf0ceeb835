package ratelimit

import (
	"time"

	"github.com/zeromicro/go-zero/core/logx"
	"parley/pkg/metrics"
)

// skipped counts who was let through unasked.
var skipped = metrics.NewCounter("parley_rate_limit_skipped_total",
	"Requests that were let through because Redis did not say whether they are within their rate.")

const (
	// patience is how many batches in a row may fail before Redis is left alone.
	patience = 3
	// pauseFor is how long it is left alone before the next try.
	pauseFor = time.Second
)

// circuit decides whether Redis is asked. It is not safe for concurrent use.
type circuit struct {
	failures int       // in a row
	again    time.Time // of the next try, when failures has reached patience
}

// circuitState is what to do with somebody who wants a token.
type circuitState int

const (
	closed circuitState = iota // ask Redis
	trial                      // let him through, and ask Redis to see whether it answers
	open                       // let him through
)

// state returns what to do now. It returns trial once, then open until the try
// has come to its end or pauseFor has passed again.
func (c *circuit) state(now time.Time) circuitState {
	switch {
	case c.failures < patience:
		return closed
	case now.Before(c.again):
		return open
	default:
		c.again = now.Add(pauseFor)
		return trial
	}
}

// saw takes in how a batch went.
func (c *circuit) saw(err error, now time.Time) {
	switch {
	case err == nil && c.failures >= patience:
		logx.Info("rates are limited again")
		fallthrough
	case err == nil:
		c.failures = 0
	default:
		if c.failures++; c.failures == patience {
			logx.Errorf("rates are not limited until redis answers again: %v", err)
		}
		if c.failures >= patience {
			c.again = now.Add(pauseFor)
		}
	}
}
