package local_test

import (
	"context"
	"errors"
	"io"

	"parley/oss"
)

// faulty is the embedded store behind what it has none of, a network that can be
// slow or fail. So there is a provider that does every test of the suite.
type faulty struct {
	oss.Provider
	oss.Carrier
	slow, failing bool
}

var errNetwork = &oss.ProviderError{Provider: oss.Local, Op: "ask", Status: 503, Code: "SlowDown", Err: errors.New("fault of the test")}

// pass returns nil when a request goes through.
func (f *faulty) pass(ctx context.Context) error {
	switch {
	case f.slow:
		<-ctx.Done()
		return ctx.Err()
	case f.failing:
		return errNetwork
	}
	return nil
}

func (f *faulty) Send(ctx context.Context, s oss.Signed, body io.Reader, size int64) (string, error) {
	if f.slow || f.failing {
		if _, err := io.CopyN(io.Discard, body, size/2); err != nil {
			return "", err
		}
		return "", f.pass(ctx)
	}
	return f.Carrier.Send(ctx, s, body, size)
}

func (f *faulty) PutEmpty(ctx context.Context, key oss.Key, contentType string) error {
	if err := f.pass(ctx); err != nil {
		return err
	}
	return f.Provider.PutEmpty(ctx, key, contentType)
}

func (f *faulty) Stat(ctx context.Context, key oss.Key) (oss.Stat, error) {
	if err := f.pass(ctx); err != nil {
		return oss.Stat{}, err
	}
	return f.Provider.Stat(ctx, key)
}

func (f *faulty) Start(ctx context.Context, key oss.Key, contentType string) (string, error) {
	if err := f.pass(ctx); err != nil {
		return "", err
	}
	return f.Provider.Start(ctx, key, contentType)
}

func (f *faulty) Complete(ctx context.Context, key oss.Key, upload string, parts []oss.Part) error {
	if err := f.pass(ctx); err != nil {
		return err
	}
	return f.Provider.Complete(ctx, key, upload, parts)
}

func (f *faulty) Abort(ctx context.Context, key oss.Key, upload string) error {
	if err := f.pass(ctx); err != nil {
		return err
	}
	return f.Provider.Abort(ctx, key, upload)
}
