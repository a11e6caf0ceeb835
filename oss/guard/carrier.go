package guard

import (
	"context"
	"io"
	"net/url"
	"sync"

	"github.com/zeromicro/go-zero/core/breaker"

	"parley/oss"
)

// Carrier is an oss.Carrier that stops sending, for a while, to a provider that
// fails most of the time. It does not send again: the bytes may be gone.
type Carrier struct {
	next oss.Carrier

	mu       sync.Mutex
	breakers map[string]breaker.Breaker // by provider and host
}

var _ oss.Carrier = (*Carrier)(nil)

// NewCarrier guards a carrier.
func NewCarrier(next oss.Carrier) *Carrier {
	return &Carrier{next: next, breakers: make(map[string]breaker.Breaker)}
}

// Send implements oss.Carrier.
func (c *Carrier) Send(ctx context.Context, s oss.Signed, body io.Reader, size int64) (etag string, err error) {
	refused := c.of(s).DoWithAcceptableCtx(ctx, func() error {
		etag, err = c.next.Send(ctx, s, body, size)
		return err
	}, acceptable)
	if err == nil && refused != nil {
		err = &oss.ProviderError{Provider: s.Provider, Op: send.words, Err: refused}
	}
	return etag, err
}

func (c *Carrier) of(s oss.Signed) breaker.Breaker {
	server := s.Provider
	if u, err := url.Parse(s.URL); err == nil {
		server += " " + u.Host
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.breakers[server]
	if !ok {
		b = breaker.NewBreaker(breaker.WithName("oss-bytes-" + s.Provider))
		c.breakers[server] = b
	}
	return b
}
