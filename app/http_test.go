package app

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A client that connected before the port was closed sends its request only afterwards.
func TestARequestThatComesAsThePortIsClosedIsAnswered(t *testing.T) {
	t.Parallel()
	a := start(t, local(t), Options{})
	addr := strings.TrimPrefix(a.URL(), "http://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stopped := make(chan error)
	go func() { stopped <- a.Stop(context.Background()) }()
	for { // until nobody new may come
		other, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		other.Close()
	}
	if _, err := io.WriteString(conn, "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("the request comes to %v", err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || !res.Close {
		t.Errorf("the answer has status %d and ends the connection: %t", res.StatusCode, res.Close)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
