// Package traces makes spans where something within a request takes time: a call, a
// statement, a command. They cost nothing where the request is not traced, which a
// look into its context tells.
//
// A span says what kind of thing was done and how it ended, and nothing that people
// wrote, are called or may keep secret: no token, no body, no parameter.
package traces

import (
	"context"
	"iter"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// tracer is that of the process, whenever it is set up.
var tracer = otel.Tracer("parley")

// Span is a part of a traced request, or nothing: the zero Span records nothing.
type Span struct{ span trace.Span }

// Start begins a part of the request that ctx belongs to, if that is traced, and
// returns a context for what is part of it in turn.
func Start(ctx context.Context, kind trace.SpanKind, name string) (context.Context, Span) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, Span{}
	}
	return begin(ctx, kind, name)
}

// begin is not part of Start, so that what it allocates is not allocated in vain.
func begin(ctx context.Context, kind trace.SpanKind, name string, options ...trace.SpanStartOption) (context.Context, Span) {
	ctx, span := tracer.Start(ctx, name, append(options, trace.WithSpanKind(kind))...)
	return ctx, Span{span}
}

// Root begins a request, or continues the one whose span came from elsewhere with
// ctx. Whether it is traced is decided here.
func Root(ctx context.Context, kind trace.SpanKind, name string) (context.Context, Span) {
	return begin(ctx, kind, name)
}

// maxLinks bounds the requests that a span for many is linked to.
const maxLinks = 16

// Shared begins something that is done for many requests at once. It is part of the
// first that is traced, and linked to the others, of which there may be very many:
// to some of them. Without any it is nothing.
func Shared(ctx context.Context, name string, requests iter.Seq[trace.SpanContext]) (context.Context, Span) {
	var first trace.SpanContext
	var links []trace.Link
	for request := range requests {
		switch {
		case !request.IsSampled():
		case !first.IsValid():
			first = request
		default:
			links = append(links, trace.Link{SpanContext: request})
		}
		if len(links) == maxLinks {
			break
		}
	}
	if !first.IsValid() {
		return ctx, Span{}
	}
	return begin(trace.ContextWithSpanContext(ctx, first), trace.SpanKindInternal, name, trace.WithLinks(links...))
}

// Recording reports whether anybody will see the span, so that nothing is computed
// for it in vain.
func (s Span) Recording() bool { return s.span != nil && s.span.IsRecording() }

// SetName gives the span another name.
func (s Span) SetName(name string) {
	if s.span != nil {
		s.span.SetName(name)
	}
}

// Set adds what there is to say.
func (s Span) Set(attributes ...attribute.KeyValue) {
	if s.span != nil {
		s.span.SetAttributes(attributes...)
	}
}

// End ends the span. An error only marks it: its text may hold anything.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// wireSize is what Encode makes, in bytes.
const wireSize = 16 + 8 + 1

// Encode returns a span of another process's request for where there are no
// headers, or nothing when there is none.
func Encode(c trace.SpanContext) []byte {
	if !c.IsValid() {
		return nil
	}
	traceID, spanID := c.TraceID(), c.SpanID()
	b := make([]byte, 0, wireSize)
	b = append(b, traceID[:]...)
	b = append(b, spanID[:]...)
	return append(b, byte(c.TraceFlags()))
}

// Decode reads what Encode made. Anything else is no span.
func Decode(b []byte) trace.SpanContext {
	if len(b) != wireSize {
		return trace.SpanContext{}
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(b[:16]), SpanID: trace.SpanID(b[16:24]), TraceFlags: trace.TraceFlags(b[24]), Remote: true,
	})
}
