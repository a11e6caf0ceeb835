package guard

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeromicro/go-zero/core/breaker"
	"go.opentelemetry.io/otel/trace"

	"parley/oss"
	"parley/pkg/metrics"
	"parley/pkg/traces"
)

var (
	requestDuration = metrics.NewHistogramVec("parley_provider_request_duration_seconds",
		"How long a provider of object storage took for one request, each try for itself: outcome is ok, refused (an answer such as that there is no object), failed, "+
			"cancelled (the client left) or not_asked (it failed most of the time lately).",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}, "provider", "operation", "outcome")
	breakerOpen = metrics.NewGaugeVec("parley_provider_breaker_open",
		"1 if a request to the provider was not made within the last ten seconds, because it failed most of the time; else 0.", "provider")
	objectBytes = metrics.NewCounterVec("parley_object_bytes_total",
		"Bytes of objects: in from clients to their providers, out of the local store to clients. What clouds send passes by.", "direction")

	bytesIn, bytesOut = objectBytes.WithLabelValues("in"), objectBytes.WithLabelValues("out")
)

// measure counts one request, which began at a time and ended with err.
func measure(provider string, op operation, began time.Time, err error) {
	requestDuration.WithLabelValues(provider, op.label, outcomeOf(err)).Observe(time.Since(began).Seconds())
	if errors.Is(err, breaker.ErrServiceUnavailable) {
		shunned(provider)
	}
}

func outcomeOf(err error) string {
	var answered *oss.ProviderError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, breaker.ErrServiceUnavailable):
		return "not_asked"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case !acceptable(err):
		return "failed"
	case errors.As(err, &answered), errors.Is(err, oss.ErrNoObject), errors.Is(err, oss.ErrNoUpload), errors.Is(err, oss.ErrWrongPart), errors.Is(err, oss.ErrPartTooSmall):
		return "refused"
	}
	return "cancelled" // the body broke off
}

// openFor is how long a breaker counts as open after it kept a request back. It goes
// by chance, so there is no moment at which it closes.
const openFor = 10 * time.Second

// closing has the timers that end what shunned said, by provider.
var closing = struct {
	sync.Mutex
	timers map[string]*time.Timer
}{timers: make(map[string]*time.Timer)}

// shunned notes that a request to a provider was kept back.
func shunned(provider string) {
	closing.Lock()
	defer closing.Unlock()
	gauge := breakerOpen.WithLabelValues(provider)
	gauge.Set(1)
	timer := closing.timers[provider]
	if timer == nil {
		closing.timers[provider] = time.AfterFunc(openFor, func() { gauge.Set(0) })
		return
	}
	timer.Reset(openFor)
}

// Measured is an oss.Carrier that counts the bytes that it sends and the time that
// takes.
type Measured struct{ Carrier oss.Carrier }

var _ oss.Carrier = Measured{}

// Send implements oss.Carrier.
func (m Measured) Send(ctx context.Context, s oss.Signed, body io.Reader, size int64) (string, error) {
	began := time.Now()
	ctx, span := traces.Start(ctx, trace.SpanKindClient, s.Provider+" "+send.label)
	counted := &countedReader{Reader: body}
	etag, err := m.Carrier.Send(ctx, s, counted, size)
	bytesIn.Add(float64(counted.n.Load()))
	span.End(err)
	measure(s.Provider, send, began, err)
	return etag, err
}

// countedReader may be read by a goroutine that outlives its request.
type countedReader struct {
	io.Reader
	n atomic.Int64
}

// Read implements io.Reader.
func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n.Add(int64(n))
	return n, err
}

// Out counts the bytes of the answers of a handler that serves objects.
func Out(objects http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		objects.ServeHTTP(&countedWriter{w}, r)
	})
}

// countedWriter counts what is written, and lets the system copy files by itself.
type countedWriter struct{ http.ResponseWriter }

// Write implements io.Writer.
func (w *countedWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	bytesOut.Add(float64(n))
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (w *countedWriter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	bytesOut.Add(float64(n))
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
