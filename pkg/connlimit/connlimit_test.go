package connlimit_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"parley/pkg/connlimit"
)

// server is an HTTP server with a guarded port.
type server struct {
	t    *testing.T
	addr string
}

func newServer(t *testing.T, port *connlimit.Port) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, addr: listener.Addr().String()}
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/socket" {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
			t.Cleanup(func() { conn.Close() })
			return
		}
		io.WriteString(w, "good")
	})}
	port.Guard(h, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	go h.Serve(listener)
	t.Cleanup(func() { h.Close() })
	return s
}

// client is a connection that is kept.
type client struct {
	net.Conn
	reader *bufio.Reader
	heard  chan struct{} // for whoever waits for the first byte, or the end
}

func (s *server) dial() *client {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &client{conn, bufio.NewReader(conn), make(chan struct{}, 1)}
}

// ask sends a request and returns the status, or 0 when the server hangs up.
func (c *client) ask(path string) (status int, closes bool) {
	c.send(path)
	return c.answer()
}

func (c *client) send(path string) { fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path) }

func (c *client) answer() (status int, closes bool) {
	answer, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, true
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, answer.Close
}

// until waits for something that is about to happen.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !happened(); {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAConnectionThatIsTooManyIsToldSo(t *testing.T) {
	t.Parallel()
	s := newServer(t, connlimit.NewPort(connlimit.NewBudget(100), 2))
	first, second := s.dial(), s.dial()
	for _, c := range []*client{first, second, first, second} {
		if status, closes := c.ask("/"); status != http.StatusOK || closes {
			t.Errorf("within the limit the status is %d, and the connection closes: %v", status, closes)
		}
	}
	if status, closes := s.dial().ask("/"); status != http.StatusServiceUnavailable || !closes {
		t.Errorf("beyond it the status is %d, and the connection closes: %v", status, closes)
	}
	if status, _ := first.ask("/"); status != http.StatusOK {
		t.Errorf("one that was there before gets status %d", status)
	}
	first.Close()
	until(t, "a place getting free", func() bool {
		status, _ := s.dial().ask("/")
		return status == http.StatusOK
	})
}

func TestPortsShareABudget(t *testing.T) {
	t.Parallel()
	budget := connlimit.NewBudget(3)
	a, b := newServer(t, connlimit.NewPort(budget, 0)), newServer(t, connlimit.NewPort(budget, 0))
	for _, c := range []*client{a.dial(), a.dial(), b.dial()} {
		if status, _ := c.ask("/"); status != http.StatusOK {
			t.Errorf("within the budget the status is %d", status)
		}
	}
	for _, s := range []*server{a, b} {
		if status, _ := s.dial().ask("/"); status != http.StatusServiceUnavailable {
			t.Errorf("beyond it the status is %d", status)
		}
	}
}

// Its place is free again: whoever makes sockets counts them.
func TestASocketIsNoConnectionOfThePort(t *testing.T) {
	t.Parallel()
	s := newServer(t, connlimit.NewPort(connlimit.NewBudget(100), 1))
	for range 5 {
		until(t, "a place getting free", func() bool {
			status, _ := s.dial().ask("/socket")
			return status == http.StatusSwitchingProtocols
		})
	}
}

// A flood gets a few answers; the rest is cut off, and all places are free again
// afterwards.
func TestAFloodOfConnectionsLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	const places, told, flood = 4, 64, 300
	budget := connlimit.NewBudget(2 * places)
	s := newServer(t, connlimit.NewPort(budget, places))
	clients := make(map[*client]bool)
	cut := make(chan *client, flood)
	for range flood {
		c := s.dial()
		clients[c] = true
		go func() {
			if _, err := c.reader.Peek(1); err != nil {
				cut <- c
			}
			c.heard <- struct{}{}
		}()
	}
	for range flood - places - told {
		c := <-cut
		<-c.heard
		delete(clients, c)
	}
	statuses := make(map[int]int)
	for c := range clients {
		c.send("/")
		<-c.heard
		status, _ := c.answer()
		statuses[status]++
	}
	if statuses[http.StatusOK] != places || statuses[http.StatusServiceUnavailable] != told {
		t.Errorf("of %d connections that were not cut off %d are served and %d refused, want %d and %d", len(clients),
			statuses[http.StatusOK], statuses[http.StatusServiceUnavailable], places, told)
	}
	for c := range clients {
		c.Close()
	}
	until(t, "all places getting free", func() bool {
		taken := 0
		for taken <= 2*places && budget.Take() {
			taken++
		}
		for range taken {
			budget.Release()
		}
		return taken == 2*places
	})
}

func TestAProcessMayOpenFiles(t *testing.T) {
	t.Parallel()
	if n := connlimit.Files(); n < 64 {
		t.Errorf("the process may open %d files", n)
	}
}
