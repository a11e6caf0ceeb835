package put

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"parley/app/client"
	"parley/pkg/fault"
)

const (
	// maxTries is how often a request is sent. The pauses between them, about a
	// minute in all, outlast the restart of a server.
	maxTries   = 10
	firstPause = 500 * time.Millisecond
	maxPause   = 15 * time.Second
)

// pauseAfter is how long to wait after the nth try: twice as long each time, less up
// to a half by chance, so that lines that failed together do not come back together.
func pauseAfter(n int) time.Duration {
	pause := min(firstPause<<min(n-1, 10), maxPause)
	return pause - rand.N(pause/2)
}

// try sends a request until there is an answer for good, or it has been sent
// maxTries times.
func (u *upload) try(ctx context.Context, send func() error) error {
	for n := 1; ; n++ {
		err := send()
		if err == nil || ctx.Err() != nil || !temporary(err) {
			return err
		}
		if n == maxTries {
			return fmt.Errorf("after %d tries: %w", n, err)
		}
		u.bar.trouble(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(u.pause(n)):
		}
	}
}

// temporary reports whether the same request may be answered in another way in a
// moment.
func temporary(err error) bool {
	var (
		refused     *client.CodeError
		status      *client.StatusError
		local       *fileError
		certificate *tls.CertificateVerificationError
		name        *net.DNSError
	)
	switch {
	case errors.As(err, &refused):
		return refused.Code == fault.Busy
	case errors.As(err, &status):
		switch status.Code {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	case errors.Is(err, errChanged), errors.As(err, &local), errors.As(err, &certificate):
		return false
	case errors.As(err, &name):
		return !name.IsNotFound
	}
	return true
}
