package rpc

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/zeromicro/go-zero/core/logx"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/pkg/fault"
)

// guardUnary stands around every call: it continues the caller's trace, turns
// a panic into an error, and errors into what callers understand.
func guardUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	ctx, span := continueTrace(ctx, info.FullMethod)
	defer span.End()
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
		err = outgoing(ctx, info.FullMethod, err)
	}()
	return handler(ctx, req)
}

// guardStream is guardUnary for streams.
func guardStream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	ctx, span := continueTrace(stream.Context(), info.FullMethod)
	defer span.End()
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
		err = outgoing(ctx, info.FullMethod, err)
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
	if !isStatus(err) && !isContextError(err) && !fault.Expected(err) {
		logx.WithContext(ctx).Errorf("call of %s: %v", method, err)
	}
	return status.Convert(coded).Err()
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
