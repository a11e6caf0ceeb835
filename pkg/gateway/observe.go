package gateway

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/zeromicro/go-zero/core/logc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"parley/pkg/fault"
	"parley/pkg/reply"
)

// observe gives a request its trace and its identity, writes one line about it
// when it is answered, and turns a panic into an answer.
func (g *Gateway) observe(next http.Handler) http.Handler {
	tracer := otel.Tracer("parley/pkg/gateway")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w, config: &g.config}
		rec.origin = origin{request: r, proxies: g.config.Proxies}
		ctx, span := startSpan(r, rec.origin, tracer)
		r = r.WithContext(context.WithValue(ctx, identityKey{}, &rec.identity))
		defer func() {
			if p := recover(); p != nil {
				rec.recovered(r, p)
			}
			g.account(r, rec, time.Since(start))
			if span.IsRecording() {
				// A path may be anything, a route is ours.
				span.SetName(strings.TrimSpace(r.Method + " " + g.label(rec, r)))
				span.SetAttributes(attribute.Int("http.status_code", rec.status), attribute.Int("parley.result", int(rec.result)))
			}
			span.End()
		}()
		next.ServeHTTP(rec, r)
	})
}

// account writes the access log and the metrics. Neither has a header, a
// query or a body of the request: those hold tokens and messages. Pings are
// left out, they would be most of it.
func (g *Gateway) account(r *http.Request, rec *recorder, took time.Duration) {
	if r.URL.Path == "/ping" {
		return
	}
	g.measures.observe(answer{g.label(rec, r), rec.status, rec.result}, took)
	g.log.write(&line{
		method: r.Method, path: r.URL.Path, uid: string(rec.uid),
		trace:  trace.SpanContextFromContext(r.Context()).TraceID(),
		status: rec.status, result: int(rec.result), at: time.Now(), took: took,
	})
}

// label is the path of a request as a label: one of our routes, or nothing,
// because strangers must not be able to make labels.
func (g *Gateway) label(rec *recorder, r *http.Request) string {
	if rec.tree != "" {
		return rec.tree
	}
	if at := path.Clean(r.URL.Path); g.allow[at] != "" {
		return at
	}
	return ""
}

// startSpan continues the trace that came with the request, or starts one. Whether it
// is recorded is for a configured proxy to say, and not for strangers.
// Without a tracer in the process the request gets a trace id all the same,
// so that its log lines, here and in the services, can be found together.
func startSpan(r *http.Request, from origin, tracer trace.Tracer) (context.Context, trace.Span) {
	ctx := r.Context()
	if len(r.Header["Traceparent"]) > 0 {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		if c := trace.SpanContextFromContext(ctx); c.IsSampled() && !from.throughProxy() {
			ctx = trace.ContextWithRemoteSpanContext(ctx, c.WithTraceFlags(c.TraceFlags().WithSampled(false)))
		}
	}
	ctx, span := tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	if !span.SpanContext().IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, newSpanContext())
	}
	return ctx, span
}

func newSpanContext() trace.SpanContext {
	var traceID trace.TraceID
	var spanID trace.SpanID
	binary.NativeEndian.PutUint64(traceID[:8], rand.Uint64())
	// A trace id must not be zero, hence the bit.
	binary.NativeEndian.PutUint64(traceID[8:], rand.Uint64()|1)
	binary.NativeEndian.PutUint64(spanID[:], rand.Uint64()|1)
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID})
}

// recorder is the ResponseWriter of a request; it remembers what was answered
// and who asked.
type recorder struct {
	http.ResponseWriter
	identity
	status int
	result fault.Code
	tree   string // the prefix of its tree, if it has one
	config *Config
}

var _ reply.Recorder = (*recorder)(nil)

// Result implements reply.Recorder.
func (rec *recorder) Result(code fault.Code) { rec.result = code }

// begin notes the status when the answer begins.
func (rec *recorder) begin(status int) {
	if rec.status != 0 || status < http.StatusOK {
		return
	}
	rec.status = status
	// Not before: a request may have come before the process was told to stop, and
	// be answered long after.
	rec.config.endConnection(rec.Header())
}

// WriteHeader implements http.ResponseWriter.
func (rec *recorder) WriteHeader(status int) {
	rec.begin(status)
	rec.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (rec *recorder) Write(p []byte) (int, error) {
	rec.begin(http.StatusOK)
	return rec.ResponseWriter.Write(p)
}

// ReadFrom implements io.ReaderFrom, so that the system can copy files by itself.
func (rec *recorder) ReadFrom(r io.Reader) (int64, error) {
	rec.begin(http.StatusOK)
	return io.Copy(rec.ResponseWriter, r)
}

// Unwrap is for http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// recovered answers a request whose handler panicked, if nothing was sent yet.
// The log gets the stack either way.
func (rec *recorder) recovered(r *http.Request, p any) {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	err := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	if rec.status != 0 {
		logc.Errorw(r.Context(), "request panicked behind its answer", logc.Field("error", err.Error()))
		return
	}
	reply.Write(rec, r, nil, err)
}
