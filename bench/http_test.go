package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestConnReadsAnswersOfAnyLengthOneAfterTheOther(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the request: %v", err)
		}
		answer := append([]byte(r.Header.Get("FZM-SIGNATURE")+" "), body...)
		if _, err := w.Write(answer); err != nil {
			t.Errorf("answer: %v", err)
		}
	}))
	defer server.Close()
	c, err := dial(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, n := range []int{0, 1, 1000, 0, 2000} {
		body := strings.Repeat("x", n)
		got, err := c.do(postJSON("/any", "token", body))
		if err != nil {
			t.Fatalf("send %d bytes: %v", n, err)
		}
		if want := "token " + body; string(got) != want {
			t.Errorf("the answer to %d bytes is %.40q, want %.40q", n, got, want)
		}
	}
}

func TestConnGrowsForALongAnswer(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte("x"), 1<<20)
	c := connTo(t, "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n"+string(long))
	got, err := c.do([]byte("request\n"))
	if err != nil || !bytes.Equal(got, long) {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, len(long))
	}
}

func TestConnRefusesWhatItCannotMeasure(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"another status":      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
		"no length":           "HTTP/1.1 200 OK\r\n\r\n",
		"a length of words":   "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
		"a negative length":   "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"more than announced": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
		"an early end":        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := connTo(t, answer).do([]byte("request\n")); err == nil {
				t.Errorf("%q was taken for the answer %q", answer, got)
			}
		})
	}
}

// connTo is a connection to a server that gives one answer to one line and
// leaves.
func connTo(t *testing.T, answer string) *conn {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close() })
	go func() {
		defer theirs.Close()
		if _, err := bufio.NewReader(theirs).ReadString('\n'); err != nil {
			return
		}
		// The client may have heard enough before the end.
		_, _ = io.WriteString(theirs, answer)
	}()
	return &conn{Conn: ours, buffer: make([]byte, 512)}
}
