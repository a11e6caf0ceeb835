package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testv1 "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"parley/pkg/fault"
)

// service is gRPC's own test service; each test says what its calls do.
type service struct {
	testv1.UnimplementedTestServiceServer
	unary  func(context.Context) error
	stream func(grpc.BidiStreamingServer[testv1.StreamingOutputCallRequest, testv1.StreamingOutputCallResponse]) error
}

func (s service) EmptyCall(ctx context.Context, _ *testv1.Empty) (*testv1.Empty, error) {
	return &testv1.Empty{}, s.unary(ctx)
}

func (s service) FullDuplexCall(stream grpc.BidiStreamingServer[testv1.StreamingOutputCallRequest, testv1.StreamingOutputCallResponse]) error {
	return s.stream(stream)
}

// calling returns a service of which unary calls and streams both do this.
func calling(do func(context.Context) error) service {
	return service{unary: do, stream: func(stream grpc.BidiStreamingServer[testv1.StreamingOutputCallRequest, testv1.StreamingOutputCallResponse]) error {
		return do(stream.Context())
	}}
}

const patience = 10 * time.Second

// listen starts a server on the network.
func listen(t *testing.T, s service) *Server {
	t.Helper()
	server := NewServer("test")
	testv1.RegisterTestServiceServer(server, s)
	if err := server.Listen(ServerConfig{Listen: "127.0.0.1:0"}, func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	return server
}

func dial(t *testing.T, server *Server, timeout time.Duration) *Client {
	t.Helper()
	client, err := Dial(ClientConfig{Service: "test", Endpoints: []string{server.Addr()}, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := client.Ready(ctx); err != nil {
		t.Fatalf("the server is not ready: %v", err)
	}
	return client
}

// everywhere runs a test with a call of each kind in each form.
func everywhere(t *testing.T, s service, timeout time.Duration, test func(t *testing.T, call func(context.Context) error)) {
	t.Parallel()
	remote := listen(t, s)
	t.Cleanup(func() {
		if err := remote.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	local := NewServer("test")
	testv1.RegisterTestServiceServer(local, s)
	for form, client := range map[string]*Client{"in process": local.Local(timeout), "over zrpc": dial(t, remote, timeout)} {
		stub := testv1.NewTestServiceClient(client)
		t.Run("unary "+form, func(t *testing.T) {
			test(t, func(ctx context.Context) error {
				_, err := stub.EmptyCall(ctx, &testv1.Empty{})
				return err
			})
		})
		t.Run("stream "+form, func(t *testing.T) {
			test(t, func(ctx context.Context) error {
				stream, err := stub.FullDuplexCall(ctx)
				if err != nil {
					return err
				}
				_, err = stream.Recv()
				return err
			})
		})
	}
}

func TestACodedErrorArrivesWithItsCodeAndDetail(t *testing.T) {
	s := calling(func(context.Context) error { return fmt.Errorf("push: %w", fault.Invalid("msgId", "is empty")) })
	everywhere(t, s, patience, func(t *testing.T, call func(context.Context) error) {
		err := call(t.Context())
		if got := fault.Of(err); got.Code != fault.BadRequest || got.Detail != "msgId is empty" {
			t.Errorf("the caller gets code %d, detail %q", got.Code, got.Detail)
		}
		if code := status.Code(err); code != codes.InvalidArgument {
			t.Errorf("the status is %v", code)
		}
	})
}

func TestAnUnexpectedErrorKeepsItsCauseToItself(t *testing.T) {
	s := calling(func(context.Context) error { return errors.New("password of the database is hunter2") })
	everywhere(t, s, patience, func(t *testing.T, call func(context.Context) error) {
		err := call(t.Context())
		if status.Code(err) != codes.Internal || fault.Of(err).Code != fault.Busy || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the caller gets %v", err)
		}
	})
}

func TestAPanicIsAnErrorOfItsCallOnly(t *testing.T) {
	s := calling(func(context.Context) error { panic("a bug") })
	everywhere(t, s, patience, func(t *testing.T, call func(context.Context) error) {
		for range 2 {
			if err := call(t.Context()); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "bug") {
				t.Errorf("the caller gets %v", err)
			}
		}
	})
}

func TestAStatusPassesAsItIs(t *testing.T) {
	s := calling(func(context.Context) error { return fmt.Errorf("ask: %w", status.Error(codes.AlreadyExists, "twice")) })
	everywhere(t, s, patience, func(t *testing.T, call func(context.Context) error) {
		err := call(t.Context())
		st, ok := err.(interface{ GRPCStatus() *status.Status })
		if !ok || st.GRPCStatus().Code() != codes.AlreadyExists {
			t.Errorf("the caller gets %T %v", err, err)
		}
	})
}

func TestAContextErrorOfTheServiceIsAStatus(t *testing.T) {
	s := calling(func(context.Context) error { return fmt.Errorf("select: %w", context.DeadlineExceeded) })
	everywhere(t, s, patience, func(t *testing.T, call func(context.Context) error) {
		if err := call(t.Context()); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("the caller gets %v", err)
		}
	})
}

func TestTheEndOfTheCallersContextEndsTheCall(t *testing.T) {
	s := calling(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	everywhere(t, s, patience, func(t *testing.T, call func(context.Context) error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := call(ctx); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("the caller gets %v", err)
		}
	})
}

func TestACallWithoutADeadlineGetsOne(t *testing.T) {
	t.Parallel()
	s := calling(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	server := NewServer("test")
	testv1.RegisterTestServiceServer(server, s)
	_, err := testv1.NewTestServiceClient(server.Local(20*time.Millisecond)).EmptyCall(t.Context(), &testv1.Empty{})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("the caller gets %v", err)
	}
}

func TestATraceGoesOnInTheService(t *testing.T) {
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5}})
	s := calling(func(ctx context.Context) error {
		if got := trace.SpanContextFromContext(ctx).TraceID(); got != parent.TraceID() {
			return status.Error(codes.DataLoss, "the trace is "+got.String())
		}
		return fault.NotFound
	})
	everywhere(t, s, patience, func(t *testing.T, call func(context.Context) error) {
		if err := call(trace.ContextWithSpanContext(t.Context(), parent)); fault.Of(err).Code != fault.NotFound {
			t.Errorf("the caller gets %v", err)
		}
	})
}
