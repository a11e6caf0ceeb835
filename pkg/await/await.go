// Package await waits for a server that Parley needs and that is not up yet,
// which is ordinary when a whole installation starts at once. It is for the
// start of a process; at run time a server that is gone is an error at once.
package await

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
)

// Server is what is waited for.
type Server struct {
	// Name says in the log what it is and where, without any secret.
	Name string
	// Key is the key of the configuration that an operator has to look at
	// when the server stays away.
	Key string
	// Timeout bounds the whole wait.
	Timeout time.Duration
	// Attempt bounds one try, so that a server that accepts and says nothing
	// counts as down. Default 5 s.
	Attempt time.Duration
	// LogEvery is the time between two log lines of a wait. Default 10 s.
	LogEvery time.Duration
}

// permanent marks an error that waiting does not cure.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent tells For that err will be the same next time, a wrong password for
// instance, so that it gives up at once.
func Permanent(err error) error { return permanent{err} }

const (
	firstPause = 50 * time.Millisecond
	longPause  = time.Second
)

// For calls try until it succeeds, at growing intervals, and logs one line when
// a wait begins, one every s.LogEvery and one when it is over. It gives up
// after s.Timeout, when ctx ends, when try says that the error is Permanent, or when
// the server's certificate is not good; the error then names s.Key.
func For(ctx context.Context, s Server, try func(context.Context) error) error {
	if s.Attempt <= 0 {
		s.Attempt = 5 * time.Second
	}
	if s.LogEvery <= 0 {
		s.LogEvery = 10 * time.Second
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()

	var last error // why the server was not reached, the latest real reason
	var logged time.Time
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		err := attempt(ctx, s.Attempt, try)
		if err == nil {
			if !logged.IsZero() {
				logx.Infof("%s is there after %s", s.Name, time.Since(began).Round(time.Millisecond))
			}
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		if p := (permanent{}); errors.As(err, &p) {
			return fmt.Errorf("%s refuses us (configuration key %s): %w", s.Name, s.Key, p.error)
		}
		if untrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &untrusted) {
			return fmt.Errorf("%s is not trusted (configuration key %s): %w", s.Name, s.Key, err)
		}
		if time.Since(logged) >= s.LogEvery && ctx.Err() == nil {
			logged = time.Now()
			logx.Errorf("waiting for %s (configuration key %s), up to %s: %v",
				s.Name, s.Key, (s.Timeout - time.Since(began)).Round(time.Second), last)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return fmt.Errorf("wait for %s: %w", s.Name, ctx.Err())
			}
			return fmt.Errorf("%s was not reached within %s (configuration key %s): %w",
				s.Name, s.Timeout, s.Key, last)
		}
	}
}

func attempt(ctx context.Context, timeout time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return try(ctx)
}
