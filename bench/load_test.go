package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func TestLoadCountsWhatItsClientsWereAnswered(t *testing.T) {
	t.Parallel()
	clients := clientsOf(t, 3, "fine", "fine, and more")
	s, err := load(t.Context(), clients, 50*time.Millisecond, meter{os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	if s.requests == 0 {
		t.Fatal("measured no request")
	}
	if s.took < 50*time.Millisecond || s.cpuEach() <= 0 {
		t.Errorf("measured %d requests in %v with %v of CPU each", s.requests, s.took, s.cpuEach())
	}
	if s.median() <= 0 || s.median() > s.p99() {
		t.Errorf("the median is %v and 99 %% are below %v", s.median(), s.p99())
	}
}

func TestLoadFailsWhenAnAnswerIsNotTheExpectedOne(t *testing.T) {
	t.Parallel()
	clients := clientsOf(t, 2, `{"result":0`, `{"result":-1000`)
	_, err := load(t.Context(), clients, time.Minute, meter{os.Getpid()})
	if err == nil || !strings.Contains(err.Error(), "-1000") {
		t.Errorf("load says %v, want the wrong answer", err)
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := load(ctx, clientsOf(t, 2, "", "x"), time.Hour, meter{os.Getpid()}); err == nil {
		t.Error("load says nothing of its end")
	}
}

// clientsOf are clients of a server that always gives the same answer.
func clientsOf(t *testing.T, n int, want, answer string) []*client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte(answer)); err != nil {
			t.Logf("answer: %v", err)
		}
	}))
	t.Cleanup(server.Close)
	clients := make([]*client, n)
	for i := range clients {
		c, err := dial(server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		clients[i] = &client{conn: c, next: always(postJSON("/", "token", "{}")), want: []byte(want)}
	}
	return clients
}
