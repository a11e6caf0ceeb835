package rpc

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"parley/pkg/fault"
	"parley/pkg/traces"
)

// guardUnary stands around every call: it continues the caller's trace, turns
// a panic into an error, and errors into what callers understand.
func guardUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	if strings.HasPrefix(info.FullMethod, "/"+grpc_health_v1.Health_ServiceDesc.ServiceName+"/") {
		return handler(ctx, req) // it is asked all the time, and says nothing of the work
	}
	began := time.Now()
	ctx, span := traces.Root(callersTrace(ctx), trace.SpanKindServer, strings.TrimPrefix(info.FullMethod, "/"))
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
		err = outgoing(ctx, info.FullMethod, err)
		span.End(err)
		served.observe(info.FullMethod, began, err)
	}()
	return handler(ctx, req)
}

// guardStream is guardUnary for streams.
func guardStream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	began := time.Now()
	// A stream may be open for as long as a process lives and serve many requests,
	// so it has no span of its own.
	ctx := callersTrace(stream.Context())
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
		err = outgoing(ctx, info.FullMethod, err)
		served.observe(info.FullMethod, began, err)
	}()
	return handler(service, tracedStream{stream, ctx})
}

// tracedStream is a stream with the context that carries its trace.
type tracedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s tracedStream) Context() context.Context { return s.ctx }

// panicked is the error of a call that panicked. It is called while the panic
// is recovered, so the stack is still that of the panic.
func panicked(value any) error { return fmt.Errorf("panic: %v\n%s", value, debug.Stack()) }

// outgoing returns err as a gRPC status, the same for callers inside and
// outside, and logs what has no code: the cause does not leave the service.
func outgoing(ctx context.Context, method string, err error) error {
	if err == nil {
		return nil
	}
	coded := fault.Status(err)
	if isStatus(err) && ctx.Err() == nil {
		coded = nested(coded)
	}
	if !isStatus(err) && !isContextError(err) && !fault.Expected(err) {
		logx.WithContext(ctx).Errorf("call of %s: %v", method, err)
	}
	return status.Convert(coded).Err()
}

// nested returns what a call says that failed because one that it made itself found no
// server, or none in time. As it came it would say so of this service: its callers would
// repeat what was repeated already, each level times the one below, and their breakers
// would keep them from a service that works.
func nested(err error) error {
	s := status.Convert(err)
	if s.Code() != codes.Unavailable && s.Code() != codes.DeadlineExceeded {
		return err
	}
	p := s.Proto()
	p.Code = int32(codes.Aborted)
	return status.ErrorProto(p)
}

func isStatus(err error) bool {
	_, ok := status.FromError(err)
	return ok
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// drainStream ends the streams that clients write into when the server stops.
// Their clients keep them open as long as they live, so waiting for their end
// would be in vain; they open a new one elsewhere and send again what was not
// answered. The handler sees the end of its stream's context and of its stream,
// and returns then.
func (s *Server) drainStream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if !info.IsClientStream {
		return handler(service, stream)
	}
	done := make(chan error, 1)
	go func() { done <- handler(service, stream) }()
	select {
	case err := <-done:
		return err
	case <-s.draining:
		return status.Error(codes.Unavailable, s.name+" is stopping")
	}
}
