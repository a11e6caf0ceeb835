package rpc

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	testv1 "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

func TestStoppingFinishesTheCallsInFlight(t *testing.T) {
	t.Parallel()
	arrived, finish := make(chan struct{}), make(chan struct{})
	server := listen(t, calling(func(context.Context) error { close(arrived); <-finish; return nil }))
	client := dial(t, server, patience)
	answer := make(chan error, 1)
	go func() {
		_, err := testv1.NewTestServiceClient(client).EmptyCall(context.Background(), &testv1.Empty{})
		answer <- err
	}()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- server.Stop(context.Background()) }()
	<-server.draining
	close(finish)
	if err := <-answer; err != nil {
		t.Errorf("a call that was in flight fails: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopping fails: %v", err)
	}
}

func TestAServerThatStopsIsNotReady(t *testing.T) {
	t.Parallel()
	server := listen(t, calling(func(context.Context) error { return nil }))
	client := dial(t, server, patience)
	server.health.Shutdown() // as Stop does while calls are in flight
	if err := client.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "NOT_SERVING") {
		t.Errorf("it is ready: %v", err)
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Errorf("stopping fails: %v", err)
	}
}

func TestStoppingEndsStreamsThatClientsKeepOpen(t *testing.T) {
	t.Parallel()
	returned := make(chan struct{})
	server := listen(t, service{stream: func(stream grpc.BidiStreamingServer[testv1.StreamingOutputCallRequest, testv1.StreamingOutputCallResponse]) error {
		defer close(returned)
		for {
			if _, err := stream.Recv(); err != nil {
				return err
			}
			if err := stream.Send(&testv1.StreamingOutputCallResponse{}); err != nil {
				return err
			}
		}
	}})
	stream, err := testv1.NewTestServiceClient(dial(t, server, patience)).FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&testv1.StreamingOutputCallRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatalf("the stream does not work: %v", err)
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Errorf("stopping fails: %v", err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the client of the stream gets %v", err)
	}
	<-returned
}

func TestStoppingCutsCallsWhenTheGraceEnds(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	server := listen(t, calling(func(ctx context.Context) error { close(arrived); <-ctx.Done(); return ctx.Err() }))
	client := dial(t, server, patience)
	answer := make(chan error, 1)
	go func() {
		_, err := testv1.NewTestServiceClient(client).EmptyCall(context.Background(), &testv1.Empty{})
		answer <- err
	}()
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := server.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stopping ends with %v", err)
	}
	if err := <-answer; err == nil {
		t.Error("a call that was cut reports success")
	}
}

func TestAPortThatIsTakenIsAnError(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = NewServer("record-rpc").Listen(ServerConfig{Listen: taken.Addr().String()}, func(error) {})
	if err == nil || !strings.Contains(err.Error(), "record-rpc") || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("the error is %v", err)
	}
}

func TestAServerThatIsNotThereIsNotReady(t *testing.T) {
	t.Parallel()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := gone.Addr().String()
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	client, err := Dial(ClientConfig{Service: "test", Endpoints: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := client.Ready(ctx); err == nil {
		t.Error("a server that does not exist is ready")
	}
}

func TestWhatCallersAreTold(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ advertise, listening, want string }{
		{"", "127.0.0.1:9001", "127.0.0.1:9001"},
		{"", "10.1.2.3:9001", "10.1.2.3:9001"},
		{"record.example:9001", "0.0.0.0:9001", "record.example:9001"},
	} {
		if got := advertised(ServerConfig{Advertise: row.advertise}, row.listening); got != row.want {
			t.Errorf("listening on %s, advertising %q, callers are told %s", row.listening, row.advertise, got)
		}
	}
	if got := advertised(ServerConfig{}, "[::]:9001"); strings.HasPrefix(got, "[::]") || !strings.HasSuffix(got, ":9001") {
		t.Errorf("who listens everywhere advertises %s", got)
	}
}

func BenchmarkUnaryInProcess(b *testing.B) {
	server := NewServer("test")
	testv1.RegisterTestServiceServer(server, calling(func(context.Context) error { return nil }))
	client := testv1.NewTestServiceClient(server.Local(time.Minute))
	for b.Loop() {
		if _, err := client.EmptyCall(b.Context(), &testv1.Empty{}); err != nil {
			b.Fatal(err)
		}
	}
}

// A call that comes while a server is being started again waits for it.
func TestACallWaitsForAServerThatRestarts(t *testing.T) {
	t.Parallel()
	fine := calling(func(context.Context) error { return nil })
	first := listen(t, fine)
	addr := first.Addr()
	client := dial(t, first, patience)
	stub := testv1.NewTestServiceClient(client)
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for { // until the client knows that nobody is there
		conn := client.remote.conn
		conn.Connect()
		if state := conn.GetState(); state == connectivity.TransientFailure {
			break
		} else if !conn.WaitForStateChange(t.Context(), state) {
			t.Fatal("the client does not notice that its server is gone")
		}
	}
	answer := make(chan error, 1)
	go func() {
		_, err := stub.EmptyCall(t.Context(), &testv1.Empty{})
		answer <- err
	}()
	second := NewServer("test")
	testv1.RegisterTestServiceServer(second, fine)
	if err := second.Listen(ServerConfig{Listen: addr}, func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := second.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := <-answer; err != nil {
		t.Errorf("the call fails: %v", err)
	}
}
