package guard_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/oss"
	"parley/oss/guard"
	"parley/pkg/metrics"
)

// provider answers what it is told to, in turn, and then always the last.
type provider struct {
	oss.Provider
	answers []error
	asked   int
}

func (p *provider) next(ctx context.Context) error {
	err := p.answers[min(p.asked, len(p.answers)-1)]
	p.asked++
	if err == errHangs {
		<-ctx.Done()
		return &oss.ProviderError{Provider: "test", Op: "test", Err: ctx.Err()}
	}
	return err
}

func (p *provider) Stat(ctx context.Context, _ oss.Key) (oss.Stat, error) {
	return oss.Stat{Size: 1}, p.next(ctx)
}

func (p *provider) Complete(ctx context.Context, _ oss.Key, _ string, _ []oss.Part) error {
	return p.next(ctx)
}

// issuing is a provider with credentials.
type issuing struct{ *provider }

func (i issuing) Issue(ctx context.Context) (oss.Credentials, error) {
	return oss.Credentials{AccessKeyID: "key"}, i.next(ctx)
}

var (
	errHangs  = errors.New("no answer comes")
	errDown   = &oss.ProviderError{Provider: "test", Op: "test", Status: 503, Err: errors.New("down")}
	errDenied = &oss.ProviderError{Provider: "test", Op: "test", Status: 403, Code: "AccessDenied", Err: errors.New("denied")}
)

var config = guard.Config{Timeout: 8 * time.Second, CompleteTimeout: time.Minute}

func TestWhatFailsForAMomentIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answers []error
		want    error
		asked   int
	}{
		"it works":                {[]error{nil}, nil, 1},
		"it works at last":        {[]error{errDown, errDown, nil}, nil, 3},
		"it is down":              {[]error{errDown}, errDown, 3},
		"it denies":               {[]error{errDenied}, errDenied, 1},
		"there is no object":      {[]error{oss.ErrNoObject}, oss.ErrNoObject, 1},
		"down and then an answer": {[]error{errDown, oss.ErrNoObject}, oss.ErrNoObject, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &provider{answers: row.answers}
			s, err := guard.New("test", p, config).Stat(t.Context(), "a")
			if !errors.Is(err, row.want) || err == nil && s.Size != 1 || p.asked != row.asked {
				t.Errorf("%s: %v after %d tries, want %v after %d", name, err, p.asked, row.want, row.asked)
			}
		})
	}
}

func TestAllTriesShareTheTime(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		ask  func(oss.Provider, context.Context) error
		want time.Duration
	}{
		"to look":     {func(p oss.Provider, ctx context.Context) error { _, err := p.Stat(ctx, "a"); return err }, config.Timeout},
		"to complete": {func(p oss.Provider, ctx context.Context) error { return p.Complete(ctx, "a", "u", nil) }, config.CompleteTimeout},
		"to issue":    {func(p oss.Provider, ctx context.Context) error { _, err := p.(oss.Issuer).Issue(ctx); return err }, config.Timeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			err := row.ask(guard.New("test", issuing{&provider{answers: []error{errDown, errHangs}}}, config), t.Context())
			var failed *oss.ProviderError
			if took := time.Since(began); !errors.As(err, &failed) || errors.Is(err, context.DeadlineExceeded) || took != row.want {
				t.Errorf("%s: %v after %s, want its end after %s", name, err, took, row.want)
			}
		})
	}
}

func TestWhoLeavesSaysNothingAgainstAProvider(t *testing.T) {
	t.Parallel()
	p := &provider{answers: []error{errHangs}}
	guarded := guard.New("left", p, config)
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := guarded.Stat(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Fatalf("the error is %v", err)
		}
	}
	p.answers = []error{nil}
	if _, err := guarded.Stat(t.Context(), "a"); err != nil {
		t.Errorf("it is not asked any more: %v", err)
	}
}

func TestAProviderThatIsDownIsNotAskedForAWhile(t *testing.T) {
	t.Parallel()
	p := &provider{answers: []error{errDown}}
	guarded := guard.New("down", p, config)
	const questions = 40
	for range questions {
		_, err := guarded.Stat(t.Context(), "a")
		var failed *oss.ProviderError
		if !errors.As(err, &failed) || !failed.Temporary() {
			t.Fatalf("the error is %v", err)
		}
	}
	if p.asked == 0 || p.asked >= 3*questions/2 {
		t.Errorf("it was asked %d times for %d questions", p.asked, questions)
	}
}

func TestRefusalsSayNothingAgainstAProvider(t *testing.T) {
	t.Parallel()
	p := &provider{answers: []error{errDenied}}
	guarded := guard.New("denies", p, config)
	for range 100 {
		if _, err := guarded.Stat(t.Context(), "a"); !errors.Is(err, error(errDenied)) {
			t.Fatalf("the error is %v", err)
		}
	}
	if p.asked != 100 {
		t.Errorf("it was asked %d times of 100", p.asked)
	}
}

func TestOnlyAnIssuerIssues(t *testing.T) {
	t.Parallel()
	if _, ok := guard.New("test", &provider{}, config).(oss.Issuer); ok {
		t.Error("a provider without credentials is taken for an issuer")
	}
	c, err := guard.New("test", issuing{&provider{answers: []error{nil}}}, config).(oss.Issuer).Issue(t.Context())
	if err != nil || c.AccessKeyID != "key" {
		t.Errorf("got %+v, error %v", c, err)
	}
}

// carrier answers err to everything.
type carrier struct {
	err  error
	sent int
}

func (c *carrier) Send(context.Context, oss.Signed, io.Reader, int64) (string, error) {
	c.sent++
	return "etag", c.err
}

func TestBytesAreNotSentToAProviderThatIsDown(t *testing.T) {
	t.Parallel()
	const tries = 200
	for name, row := range map[string]struct {
		err     error
		refused bool
	}{
		"down": {errDown, true}, "denies": {errDenied, false}, "the client broke off": {errors.New("the body broke off"), false},
		"the client went": {context.Canceled, false}, "works": {nil, false},
	} {
		c := &carrier{err: row.err}
		guarded := guard.NewCarrier(c)
		for range tries {
			if _, err := guarded.Send(t.Context(), oss.Signed{Provider: name}, strings.NewReader(""), 0); (err == nil) != (row.err == nil) {
				t.Fatalf("%s: the error is %v", name, err)
			}
		}
		if refused := c.sent < tries; refused != row.refused {
			t.Errorf("%s: %d of %d were sent", name, c.sent, tries)
		}
	}
}

func TestRequestsAreCountedByWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{"ok": nil, "failed": errDown, "refused": errDenied, "cancelled": context.Canceled} {
		guarded := guard.New("counted "+want, &provider{answers: []error{err}}, config)
		_, _ = guarded.Stat(t.Context(), "a")
	}
	down := guard.New("counted not_asked", &provider{answers: []error{errDown}}, config)
	for range 40 {
		_, _ = down.Stat(t.Context(), "a")
	}
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	outcomes, open := make(map[string]bool), make(map[string]float64)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := make(map[string]string)
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			switch family.GetName() {
			case "parley_provider_request_duration_seconds":
				outcomes[labels["provider"]+" is "+labels["outcome"]] = true
			case "parley_provider_breaker_open":
				open[labels["provider"]] = m.GetGauge().GetValue()
			}
		}
	}
	for _, want := range []string{"ok", "failed", "refused", "cancelled", "not_asked"} {
		if !outcomes["counted "+want+" is "+want] {
			t.Errorf("%s was not counted: %v", want, outcomes)
		}
	}
	if open["counted ok"] != 0 || open["counted not_asked"] != 1 {
		t.Errorf("the breakers that are open: %v", open)
	}
}
