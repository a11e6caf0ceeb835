package rpc

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"
)

// callersTrace puts the caller's trace, which comes in the metadata, into the
// context of a call.
func callersTrace(ctx context.Context) context.Context {
	return otel.GetTextMapPropagator().Extract(ctx, incoming{ctx})
}

// carryTrace puts the trace of ctx, if there is one, into the metadata of the
// call that ctx is for.
func carryTrace(ctx context.Context) context.Context {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	var out outgoingPairs
	otel.GetTextMapPropagator().Inject(ctx, &out)
	return metadata.AppendToOutgoingContext(ctx, out...)
}

// incoming reads the metadata of a call without copying it.
type incoming struct{ ctx context.Context }

func (i incoming) Get(key string) string {
	if values := metadata.ValueFromIncomingContext(i.ctx, key); len(values) > 0 {
		return values[0]
	}
	return ""
}

func (i incoming) Set(string, string) {}

func (i incoming) Keys() []string {
	md, _ := metadata.FromIncomingContext(i.ctx)
	keys := make([]string, 0, len(md))
	for key := range md {
		keys = append(keys, key)
	}
	return keys
}

// outgoingPairs collects keys and values for metadata.AppendToOutgoingContext.
type outgoingPairs []string

func (o *outgoingPairs) Get(string) string     { return "" }
func (o *outgoingPairs) Set(key, value string) { *o = append(*o, key, value) }
func (o *outgoingPairs) Keys() []string        { return nil }

var (
	_ propagation.TextMapCarrier = incoming{}
	_ propagation.TextMapCarrier = (*outgoingPairs)(nil)
)
