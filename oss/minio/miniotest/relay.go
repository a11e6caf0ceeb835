package miniotest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"parley/oss"
	"parley/oss/osstest"
)

// Relay returns the bucket as it is reached through a relay, which hands bytes on
// as they come until its faults are used. It ends with the test.
func Relay(t testing.TB, config oss.BucketConfig) (oss.BucketConfig, *osstest.Faults) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{server: strings.TrimPrefix(config.Endpoint, "http://"), open: map[net.Conn]bool{}}
	r.group.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			r.group.Go(func() { r.serve(client.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		r.end()
		r.group.Wait()
	})
	config.Endpoint = "http://" + l.Addr().String()
	return config, &osstest.Faults{
		Slow: func() { r.set(slow) },
		Fail: func() { r.set(fail) },
		Heal: func() { r.set(pass) },
	}
}

type mode int

const (
	pass mode = iota
	slow
	fail
)

type relay struct {
	server string
	group  sync.WaitGroup

	mu       sync.Mutex
	mode     mode
	failures int
	ended    bool
	open     map[net.Conn]bool
}

func (r *relay) set(m mode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode = m
}

func (r *relay) get() mode {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mode
}

// track has a connection closed when the relay ends, or now if it has.
func (r *relay) track(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[c] = true
	if r.ended {
		_ = c.Close()
	}
}

func (r *relay) close(c net.Conn) {
	_ = c.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, c)
}

func (r *relay) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	for c := range r.open {
		_ = c.Close()
	}
}

// serve has one connection. What is told of a request is decided when its first
// bytes come, since clients keep connections.
func (r *relay) serve(client *net.TCPConn) {
	r.track(client)
	defer r.close(client)
	dialed, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	server := dialed.(*net.TCPConn)
	r.track(server)
	defer r.close(server)

	answers := make(chan struct{})
	go func() {
		defer close(answers)
		_, _ = io.Copy(client, server)
		_ = client.CloseWrite()
	}()
	r.requests(client, server)
	<-answers
}

// requests hands on what the client sends until either end has no more of it.
func (r *relay) requests(client, server *net.TCPConn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		switch m := r.get(); {
		case n > 0 && m == slow:
			_, _ = io.Copy(io.Discard, client)
			r.close(server)
			return
		case n > 0 && m == fail:
			r.fail(client, buffer[:n])
			r.close(server)
			return
		}
		if _, writeErr := server.Write(buffer[:n]); writeErr != nil {
			return // there may be an answer all the same
		}
		if errors.Is(err, syscall.ECONNRESET) {
			_ = server.SetLinger(0) // the server shall see it as it was
			r.close(server)
			return
		}
		if err != nil {
			_ = server.CloseWrite()
			return
		}
	}
}

// fail reads half of the body of a request that begins with these bytes. Then it
// answers, or every other time breaks the connection.
func (r *relay) fail(client *net.TCPConn, begin []byte) {
	request, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(begin), client)))
	if err == nil && request.ContentLength > 0 {
		_, err = io.CopyN(io.Discard, request.Body, request.ContentLength/2)
	}
	r.mu.Lock()
	r.failures++
	answer := r.failures%2 == 0
	r.mu.Unlock()
	if err != nil || !answer {
		_ = client.SetLinger(0)
		r.close(client)
		return
	}
	_, _ = io.WriteString(client, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 44\r\n\r\n"+
		"<Error><Code>SlowDown</Code></Error>        ")
	_ = client.CloseWrite()
	_, _ = io.Copy(io.Discard, client)
}
