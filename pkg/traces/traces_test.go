package traces

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// recorded has all spans of a test. The tests of this package set the tracer, which the
// process has once, so they do not run in parallel.
func recorded(t *testing.T) *tracetest.SpanRecorder {
	t.Helper()
	r := tracetest.NewSpanRecorder()
	before := tracer
	tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r)).Tracer("test")
	t.Cleanup(func() { tracer = before })
	return r
}

func request(n byte, flags trace.TraceFlags) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{n}, SpanID: trace.SpanID{n}, TraceFlags: flags})
}

func TestAPartOfATracedRequestIsASpanOfIt(t *testing.T) {
	spans := recorded(t)
	ctx, root := Root(t.Context(), trace.SpanKindServer, "request")
	_, part := Start(ctx, trace.SpanKindClient, "part")
	if !part.Recording() {
		t.Fatal("the part is not recorded")
	}
	part.End(errors.New("password hunter2"))
	root.End(nil)
	ended := spans.Ended()
	if len(ended) != 2 || ended[0].Parent().SpanID() != ended[1].SpanContext().SpanID() {
		t.Fatalf("there are %d spans, or the part is of something else", len(ended))
	}
	if s := ended[0].Status(); s.Code != codes.Error || s.Description != "" || len(ended[0].Events()) != 0 {
		t.Errorf("a failure is told as %v with %d events, want the mark of an error alone", s, len(ended[0].Events()))
	}
}

func TestNothingIsRecordedOutsideOfATracedRequest(t *testing.T) {
	spans := recorded(t)
	for _, ctx := range []context.Context{t.Context(), trace.ContextWithSpanContext(t.Context(), request(1, 0))} {
		within, span := Start(ctx, trace.SpanKindClient, "part")
		span.Set()
		span.End(nil)
		if within != ctx || span.Recording() {
			t.Error("a part of a request that is not traced is recorded")
		}
	}
	if n := len(spans.Ended()); n != 0 {
		t.Errorf("there are %d spans", n)
	}
}

func TestWhatIsNotTracedCostsNoAllocation(t *testing.T) {
	ctx := trace.ContextWithSpanContext(t.Context(), request(1, 0))
	if n := testing.AllocsPerRun(100, func() {
		_, span := Start(ctx, trace.SpanKindClient, "part")
		span.End(nil)
	}); n != 0 {
		t.Errorf("a part of a request that is not traced allocates %v times", n)
	}
}

func BenchmarkWhatIsNotTraced(b *testing.B) {
	ctx := trace.ContextWithSpanContext(b.Context(), request(1, 0))
	b.ReportAllocs()
	for b.Loop() {
		_, span := Start(ctx, trace.SpanKindClient, "part")
		span.End(nil)
	}
}

func TestWhatIsSharedIsPartOfTheFirstAndLinkedToSome(t *testing.T) {
	spans := recorded(t)
	requests := []trace.SpanContext{{}, request(1, 0), request(2, trace.FlagsSampled), request(3, trace.FlagsSampled), request(4, 0)}
	for n := range byte(100) {
		requests = append(requests, request(5+n, trace.FlagsSampled))
	}
	_, span := Shared(t.Context(), "batch", slices.Values(requests))
	span.End(nil)
	s := spans.Ended()[0]
	if s.Parent().TraceID() != requests[2].TraceID() {
		t.Errorf("the batch is part of %v, want the first that is traced", s.Parent().TraceID())
	}
	if links := s.Links(); len(links) != maxLinks || links[0].SpanContext.TraceID() != requests[3].TraceID() {
		t.Errorf("there are %d links, want %d, the first to the second that is traced", len(links), maxLinks)
	}
	if _, span := Shared(t.Context(), "batch", slices.Values(requests[:2])); span.Recording() {
		t.Error("a batch without a traced request is recorded")
	}
}

func TestARequestSurvivesItsWayWithoutHeaders(t *testing.T) {
	for _, c := range []trace.SpanContext{request(7, trace.FlagsSampled), request(8, 0)} {
		if got := Decode(Encode(c)); !got.Equal(c.WithRemote(true)) {
			t.Errorf("%v became %v", c, got)
		}
	}
	for _, b := range [][]byte{nil, {1}, make([]byte, wireSize), make([]byte, wireSize+1)} {
		if Decode(b).IsValid() {
			t.Errorf("%d bytes are taken for a request", len(b))
		}
	}
	if Encode(trace.SpanContext{}) != nil {
		t.Error("no request is encoded")
	}
}
