package e2e

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// relay is a way to a server that a test may block: then it takes what clients
// send and keeps it, and nothing comes through any more.
type relay struct {
	target string
	listen net.Listener

	mu      sync.Mutex
	blocked bool
	kept    bytes.Buffer
}

func startRelay(t testing.TB, target string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &relay{target: target, listen: l}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(client)
		}
	}()
	return r
}

func (r *relay) addr() string { return r.listen.Addr().String() }

// pass connects a client with the server until one of them ends.
func (r *relay) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", r.target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer client.Close()
		io.Copy(client, server)
	}()
	io.Copy(throughRelay{r, server}, client)
}

// throughRelay is the server as a client reaches it.
type throughRelay struct {
	relay  *relay
	server net.Conn
}

// Write implements io.Writer.
func (w throughRelay) Write(p []byte) (int, error) {
	w.relay.mu.Lock()
	defer w.relay.mu.Unlock()
	if w.relay.blocked {
		return w.relay.kept.Write(p)
	}
	return w.server.Write(p)
}

// block lets nothing through from now on.
func (r *relay) block() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocked = true
}

// unblock lets everything through again but what was kept.
func (r *relay) unblock() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocked = false
	r.kept.Reset()
}

// keeps reports whether a text was sent and did not get through.
func (r *relay) keeps(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Contains(r.kept.Bytes(), []byte(text))
}
