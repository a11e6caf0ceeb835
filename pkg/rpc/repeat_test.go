package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testv1 "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	groupv1 "parley/api/proto/group/v1"
	recordv1 "parley/api/proto/record/v1"
)

func TestWhatMayBeRepeatedIsInTheContract(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]repetition{
		recordv1.RecordService_Sync_FullMethodName:  reads,
		recordv1.RecordService_Focus_FullMethodName: idempotent,
		groupv1.GroupService_Create_FullMethodName:  unknown,
		"/nobody.v1.Knows/This":                     unknown,
	} {
		if got := repetitionOf(method); got != want {
			t.Errorf("%s is %v, want %v", method, got, want)
		}
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	unavailable, left := status.Error(codes.Unavailable, "gone"), status.Error(codes.Canceled, "left")
	for _, row := range []struct {
		what string
		f    failure
		want bool
	}{
		{"what was not sent", failure{err: unavailable}, true},
		{"what was not sent for long", failure{err: unavailable, waited: restartWithin}, false},
		{"reading that was not sent for long", failure{err: unavailable, method: reads, waited: restartWithin}, false},
		{"what may have been done", failure{err: unavailable, sent: true}, false},
		{"what may be done twice", failure{err: unavailable, sent: true, method: idempotent}, true},
		{"reading that hangs", failure{err: left, sent: true, method: reads, cut: true}, true},
		{"reading whose caller has left", failure{err: left, sent: true, method: reads}, false},
		{"reading that was late", failure{err: status.Error(codes.DeadlineExceeded, "late"), sent: true, method: reads}, false},
		{"what was refused", failure{err: status.Error(codes.PermissionDenied, "no"), method: reads}, false},
	} {
		if got := row.f.again(); got != row.want {
			t.Errorf("%s is tried again: %v, want %v", row.what, got, row.want)
		}
	}
}

// several starts servers and a client that knows where they are.
func several(t *testing.T, n int, s service) ([]*Server, *Client) {
	t.Helper()
	var servers []*Server
	var endpoints []string
	for range n {
		server := listen(t, s)
		servers = append(servers, server)
		endpoints = append(endpoints, server.Addr())
	}
	client, err := Dial(ClientConfig{Service: "test", Endpoints: endpoints, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return servers, client
}

// calls are made by several callers at once until the test ends them.
type calls struct {
	t    *testing.T
	stop context.CancelFunc
	wg   sync.WaitGroup
	done atomic.Int64
}

// keepCalling makes calls one after the other. Each must succeed.
func keepCalling(t *testing.T, client *Client) *calls {
	ctx, stop := context.WithCancel(context.Background())
	c := &calls{t: t, stop: stop}
	stub := testv1.NewTestServiceClient(client)
	for range 8 {
		c.wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := stub.EmptyCall(context.Background(), &testv1.Empty{}); err != nil {
					t.Errorf("a call fails: %v", err)
				}
				c.done.Add(1)
				time.Sleep(time.Millisecond) // so that other tests get on, too
			}
		})
	}
	t.Cleanup(c.end)
	return c
}

func (c *calls) end() {
	c.stop()
	c.wg.Wait()
}

// progress waits for n more calls.
func (c *calls) progress(n int64) {
	c.t.Helper()
	for from, began := c.done.Load(), time.Now(); c.done.Load() < from+n; time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			c.t.Fatalf("there are no more than %d calls", c.done.Load())
		}
	}
}

// Calls that may not be repeated, and still none fails.
func TestNoCallFailsWhenServersStopInOrder(t *testing.T) {
	t.Parallel()
	servers, client := several(t, 3, calling(func(context.Context) error { return nil }))
	c := keepCalling(t, client)
	for _, server := range servers[:2] {
		c.progress(200)
		if err := server.Stop(t.Context()); err != nil {
			t.Errorf("stopping fails: %v", err)
		}
	}
	c.progress(200)
	c.end()
	if err := servers[2].Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestNoCallThatMayBeRepeatedFailsWhenAServerDies(t *testing.T) {
	t.Parallel()
	servers, client := several(t, 3, calling(func(context.Context) error { return nil }))
	client.remote.repetition = func(string) repetition { return idempotent }
	c := keepCalling(t, client)
	for _, server := range servers[:2] {
		c.progress(200)
		server.network.Stop() // cuts what is in flight
	}
	c.progress(200)
	c.end()
	servers[2].network.Stop()
}

// The server that fails is the faster one, which a balancer prefers.
func TestACallThatFailedIsTriedAtAnotherServer(t *testing.T) {
	t.Parallel()
	// Unlike what Server offers, this answers Unavailable at once while its port is open.
	failing := grpc.NewServer()
	var failed, worked atomic.Int64
	testv1.RegisterTestServiceServer(failing, calling(func(context.Context) error {
		failed.Add(1)
		return status.Error(codes.Unavailable, "it fails")
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = failing.Serve(listener) }()
	t.Cleanup(failing.Stop)
	good := listen(t, calling(func(context.Context) error {
		worked.Add(1)
		time.Sleep(10 * time.Millisecond) // its work
		return nil
	}))
	client, err := Dial(ClientConfig{Service: "test", Endpoints: []string{listener.Addr().String(), good.Addr()}, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.remote.repetition = func(string) repetition { return idempotent }
	call := func() error {
		_, err := testv1.NewTestServiceClient(client).EmptyCall(t.Context(), &testv1.Empty{})
		return err
	}
	for began := time.Now(); failed.Load() == 0 || worked.Load() == 0; {
		if err := call(); err != nil && time.Since(began) > patience {
			t.Fatalf("not both servers are called: %v", err)
		}
	}
	for from := failed.Load(); failed.Load() < from+5; {
		before := failed.Load()
		if err := call(); err != nil {
			t.Errorf("the call fails: %v", err)
		}
		if n := failed.Load() - before; n > 1 {
			t.Errorf("a call went to the server that fails %d times", n)
		}
	}
	if err := good.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// However often a call may be tried, it waits only once for a server to come back.
func TestACallOfAServiceThatIsGoneFailsInTime(t *testing.T) {
	t.Parallel()
	servers, client := several(t, 2, calling(func(context.Context) error { return nil }))
	client.remote.repetition = func(string) repetition { return reads }
	for _, server := range servers {
		server.network.Stop()
	}
	began := time.Now()
	_, err := testv1.NewTestServiceClient(client).EmptyCall(t.Context(), &testv1.Empty{})
	if took := time.Since(began); status.Code(err) != codes.Unavailable || took > 2*restartWithin {
		t.Errorf("after %v the call ends with %v", took, err)
	}
}

// Only who calls the server that is gone repeats the call, not also who called him.
func TestACallThatFailsBelowIsNotRepeatedAbove(t *testing.T) {
	t.Parallel()
	below, client := several(t, 1, calling(func(context.Context) error { return nil }))
	below[0].network.Stop()
	var done atomic.Int64
	above, caller := several(t, 1, calling(func(ctx context.Context) error {
		done.Add(1)
		_, err := testv1.NewTestServiceClient(client).EmptyCall(ctx, &testv1.Empty{})
		if status.Code(err) != codes.Unavailable {
			t.Errorf("what is gone answers %v", err)
		}
		return fmt.Errorf("ask below: %w", err)
	}))
	caller.remote.repetition = func(string) repetition { return reads }
	_, err := testv1.NewTestServiceClient(caller).EmptyCall(t.Context(), &testv1.Empty{})
	if err == nil || !acceptable(err) {
		t.Errorf("the caller is told %v, which its breaker counts", err)
	}
	if n := done.Load(); n != 1 {
		t.Errorf("the call is made %d times", n)
	}
	stop(t, above[0])
}

// A server that accepts and says nothing: what only reads is asked of another one
// while there is time.
func TestReadingFromAServerThatHangsGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	var hangs atomic.Int32 // the number of the server
	var servers []*Server
	var endpoints []string
	for n := range int32(2) {
		server := listen(t, calling(func(context.Context) error {
			if hangs.CompareAndSwap(0, n+1) || hangs.Load() == n+1 {
				<-hang
			}
			return nil
		}))
		servers, endpoints = append(servers, server), append(endpoints, server.Addr())
	}
	client, err := Dial(ClientConfig{Service: "test", Endpoints: endpoints, Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.remote.repetition = func(string) repetition { return reads }
	// Longer than the second after which a server is asked again however bad it is.
	for range 2 {
		if _, err := testv1.NewTestServiceClient(client).EmptyCall(t.Context(), &testv1.Empty{}); err != nil {
			t.Errorf("the call fails: %v", err)
		}
	}
	hangs.Store(0)
	client.remote.repetition = func(string) repetition { return idempotent }
	if _, err := testv1.NewTestServiceClient(client).EmptyCall(t.Context(), &testv1.Empty{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a call that changes something and hangs ends with %v", err)
	}
	close(hang)
	for _, server := range servers {
		if err := server.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Where everything is slow, nearly nothing is asked twice.
func TestReadingThatIsSlowEverywhereIsRarelyRepeated(t *testing.T) {
	t.Parallel()
	var done atomic.Int64
	servers, client := several(t, 2, calling(func(ctx context.Context) error {
		done.Add(1)
		select {
		case <-time.After(300 * time.Millisecond): // more than half of what callers wait
		case <-ctx.Done():
		}
		return ctx.Err()
	}))
	client.remote.repetition = func(string) repetition { return reads }
	const n = 200
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			_, _ = testv1.NewTestServiceClient(client).EmptyCall(ctx, &testv1.Empty{}) // those that are cut may be late
		})
	}
	all.Wait()
	if most := int64(n + n/10 + budgetMost + 5); done.Load() > most {
		t.Errorf("of %d calls %d are made, want at most %d", n, done.Load(), most)
	}
	for _, server := range servers {
		stop(t, server)
	}
}

// Reading from the only server there is takes all the time that there is.
func TestReadingFromTheOnlyServerIsNotCutShort(t *testing.T) {
	t.Parallel()
	var done atomic.Int64
	servers, client := several(t, 1, calling(func(ctx context.Context) error {
		done.Add(1)
		<-ctx.Done()
		return ctx.Err()
	}))
	client.remote.repetition = func(string) repetition { return reads }
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := testv1.NewTestServiceClient(client).EmptyCall(ctx, &testv1.Empty{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("the call ends with %v", err)
	}
	if n := done.Load(); n != 1 {
		t.Errorf("it was made %d times", n)
	}
	stop(t, servers[0])
}

// Nothing is done twice that must not be.
func TestACallThatMayHaveBeenDoneIsNotRepeated(t *testing.T) {
	t.Parallel()
	var done atomic.Int64
	arrived := make(chan struct{}, 10)
	servers, client := several(t, 2, calling(func(ctx context.Context) error {
		done.Add(1)
		arrived <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}))
	answer := make(chan error, 1)
	go func() {
		_, err := testv1.NewTestServiceClient(client).EmptyCall(context.Background(), &testv1.Empty{})
		answer <- err
	}()
	<-arrived
	for _, server := range servers {
		server.network.Stop()
	}
	if err := <-answer; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the call ends with %v", err)
	}
	if n := done.Load(); n != 1 {
		t.Errorf("it was done %d times", n)
	}
}
