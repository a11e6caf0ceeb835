package drain_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"parley/pkg/drain"
)

// start serves until the test ends.
func start(t *testing.T, handler http.HandlerFunc) (s *drain.Server, address string, states <-chan http.ConnState) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	changes := make(chan http.ConnState, 100)
	s = drain.New(&http.Server{Handler: handler, ConnState: func(_ net.Conn, state http.ConnState) {
		select {
		case changes <- state:
		default: // of no interest any more
		}
	}}, listener.(*net.TCPListener))
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Errorf("stop once more: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serving ended with %v", err)
		}
	})
	return s, listener.Addr().String(), changes
}

func connect(t *testing.T, address string, states <-chan http.ConnState) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if state := <-states; state != http.StateNew {
		t.Fatalf("the state of a connection is %s", state)
	}
	return conn
}

func ask(t *testing.T, conn net.Conn) int {
	t.Helper()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Errorf("no answer: %v", err)
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestWhoHasJustConnectedIsAnswered(t *testing.T) {
	t.Parallel()
	s, address, states := start(t, func(http.ResponseWriter, *http.Request) {})
	conn := connect(t, address, states)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(context.Background()) }()
	for { // until nobody new may come
		other, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		other.Close()
	}
	if status := ask(t, conn); status != http.StatusOK {
		t.Errorf("the status is %d", status)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestAConnectionThatSaysNothingHoldsNobodyForLong(t *testing.T) {
	t.Parallel()
	s, address, states := start(t, func(http.ResponseWriter, *http.Request) {})
	connect(t, address, states)
	// Shutdown alone would wait for five seconds.
	ctx, cancel := context.WithTimeout(context.Background(), 4500*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestWhatIsNotFinishedInTimeIsCut(t *testing.T) {
	t.Parallel()
	working := make(chan struct{})
	s, address, states := start(t, func(_ http.ResponseWriter, r *http.Request) {
		close(working)
		<-r.Context().Done()
	})
	conn := connect(t, address, states)
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-working
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Stop(ctx); err == nil {
		t.Error("stopping says that everything was finished")
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the request that is not finished is answered")
	}
}
