// Package guard stands between object storage and its providers: it bounds how
// long one may take, tries again what failed for a moment, and stops asking, for a
// while, one that fails most of the time.
package guard

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zeromicro/go-zero/core/breaker"
	"go.opentelemetry.io/otel/trace"

	"parley/oss"
	"parley/pkg/traces"
)

// Config is how long a provider may take. All tries of one request share the time.
type Config struct {
	// Timeout is for everything but completing an upload.
	Timeout time.Duration
	// CompleteTimeout is for completing an upload, for which providers put large
	// objects together.
	CompleteTimeout time.Duration
}

// Provider is an oss.Provider that is guarded.
type Provider struct {
	oss.Provider
	name    string
	config  Config
	breaker breaker.Breaker
}

var _ oss.Provider = (*Provider)(nil)

// issuer is a Provider whose provider issues credentials.
type issuer struct {
	*Provider
	issuer oss.Issuer
}

var _ oss.Issuer = issuer{}

// New guards a provider, called name in errors. The result is an oss.Issuer if next
// is one.
func New(name string, next oss.Provider, config Config) oss.Provider {
	p := &Provider{Provider: next, name: name, config: config, breaker: breaker.NewBreaker(breaker.WithName("oss-" + name))}
	breakerOpen.WithLabelValues(name) // 0, and not missing
	if i, ok := next.(oss.Issuer); ok {
		return issuer{Provider: p, issuer: i}
	}
	return p
}

// operation is what a provider is asked to do, for metrics and for people.
type operation struct{ label, words string }

var (
	putEmpty = operation{"put_empty", "write an empty object"}
	stat     = operation{"stat", "look for an object"}
	start    = operation{"start", "start an upload"}
	complete = operation{"complete", "complete an upload"}
	abort    = operation{"abort", "abort an upload"}
	issue    = operation{"issue", "issue credentials"}
	send     = operation{"send", "send bytes"}
)

const (
	tries      = 3
	firstPause = 100 * time.Millisecond
)

// do asks the provider, up to three times while it fails for a moment.
func do[T any](ctx context.Context, p *Provider, op operation, timeout time.Duration, ask func(context.Context) (T, error)) (T, error) {
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	pause := firstPause
	for try := 1; ; try++ {
		answer, err := once(within, p, op, func(within context.Context) (T, error) {
			answer, err := ask(within)
			if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
				// It was the provider who took too long, not the client who left.
				err = &oss.ProviderError{Provider: p.name, Op: op.words, Err: fmt.Errorf("there was no answer within %s", timeout)}
			}
			return answer, err
		})
		if try == tries || !temporary(err) || within.Err() != nil {
			return answer, err
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-within.Done():
			return answer, err
		}
		pause *= 2
	}
}

func once[T any](ctx context.Context, p *Provider, op operation, ask func(context.Context) (T, error)) (answer T, err error) {
	began := time.Now()
	ctx, span := traces.Start(ctx, trace.SpanKindClient, p.name+" "+op.label)
	refused := p.breaker.DoWithAcceptableCtx(ctx, func() error {
		answer, err = ask(ctx)
		return err
	}, acceptable)
	if err == nil && refused != nil {
		err = &oss.ProviderError{Provider: p.name, Op: op.words, Err: refused}
	}
	span.End(err)
	measure(p.name, op, began, err)
	return answer, err
}

// temporary reports whether err is a failure that may be over in a moment.
func temporary(err error) bool {
	var failed *oss.ProviderError
	return errors.As(err, &failed) && failed.Temporary() && !errors.Is(err, breaker.ErrServiceUnavailable)
}

// acceptable reports whether err says nothing against the provider's health.
func acceptable(err error) bool { return !temporary(err) || errors.Is(err, context.Canceled) }

type none struct{}

// PutEmpty implements oss.Provider.
func (p *Provider) PutEmpty(ctx context.Context, key oss.Key, contentType string) error {
	_, err := do(ctx, p, putEmpty, p.config.Timeout, func(ctx context.Context) (none, error) {
		return none{}, p.Provider.PutEmpty(ctx, key, contentType)
	})
	return err
}

// Stat implements oss.Provider.
func (p *Provider) Stat(ctx context.Context, key oss.Key) (oss.Stat, error) {
	return do(ctx, p, stat, p.config.Timeout, func(ctx context.Context) (oss.Stat, error) {
		return p.Provider.Stat(ctx, key)
	})
}

// Start implements oss.Provider. An upload that was begun twice is left to the
// provider's rules for unfinished ones.
func (p *Provider) Start(ctx context.Context, key oss.Key, contentType string) (string, error) {
	return do(ctx, p, start, p.config.Timeout, func(ctx context.Context) (string, error) {
		return p.Provider.Start(ctx, key, contentType)
	})
}

// Complete implements oss.Provider. When an answer was lost, the next try finds no
// upload: oss.ErrNoUpload, which its caller looks into.
func (p *Provider) Complete(ctx context.Context, key oss.Key, upload string, parts []oss.Part) error {
	_, err := do(ctx, p, complete, p.config.CompleteTimeout, func(ctx context.Context) (none, error) {
		return none{}, p.Provider.Complete(ctx, key, upload, parts)
	})
	return err
}

// Abort implements oss.Provider.
func (p *Provider) Abort(ctx context.Context, key oss.Key, upload string) error {
	_, err := do(ctx, p, abort, p.config.Timeout, func(ctx context.Context) (none, error) {
		return none{}, p.Provider.Abort(ctx, key, upload)
	})
	return err
}

// Issue implements oss.Issuer.
func (i issuer) Issue(ctx context.Context) (oss.Credentials, error) {
	return do(ctx, i.Provider, issue, i.config.Timeout, i.issuer.Issue)
}
