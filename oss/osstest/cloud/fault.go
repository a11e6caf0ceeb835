package cloud

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// A handler drops the connection by panicking with http.ErrAbortHandler, as net/http
// has it.

// Faults are what goes wrong on the way to a handler, as a test orders it. There are
// none at first.
type Faults struct {
	busy http.HandlerFunc
	stop chan struct{} // closed when the test ends

	mu    sync.Mutex
	count int
	fail  int
	cut   int
	delay time.Duration
	hang  chan struct{} // closed when it ends, nil when there is none
}

// NewFaults returns no faults. busy answers a request that fails because the cloud
// is said to be busy.
func NewFaults(busy http.HandlerFunc) *Faults {
	return &Faults{busy: busy, stop: make(chan struct{})}
}

// Requests returns how many requests have come.
func (f *Faults) Requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Fail lets the next n requests fail with status 503.
func (f *Faults) Fail(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = n
}

// Cut drops the connections of the next n requests that have a body in the middle
// of it. It comes before Fail.
func (f *Faults) Cut(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = n
}

// Slow lets every request wait for d before it is handled.
func (f *Faults) Slow(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delay = d
}

// Hang lets every request wait without an answer, until Heal. What has waited is
// dropped then: whoever sent it has given up, which the server does not always hear.
func (f *Faults) Hang() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hang == nil {
		f.hang = make(chan struct{})
	}
}

// Heal takes all back.
func (f *Faults) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail, f.cut, f.delay = 0, 0, 0
	if f.hang != nil {
		close(f.hang)
		f.hang = nil
	}
}

// order is what is ordered for one request.
type order struct {
	fail, cut bool
	delay     time.Duration
	hang      <-chan struct{}
}

func (f *Faults) next(body bool) order {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	o := order{delay: f.delay, hang: f.hang}
	switch {
	case f.cut > 0 && body:
		f.cut--
		o.cut = true
	case f.fail > 0:
		f.fail--
		o.fail = true
	}
	return o
}

// wait returns when until does, and drops the connection when the client or the test
// ends before.
func wait[T any](f *Faults, r *http.Request, until <-chan T) {
	select {
	case <-until:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-f.stop:
		panic(http.ErrAbortHandler)
	}
}

// Serve serves h with the faults before it on the loopback address until the test
// ends. It returns host and port.
func (f *Faults) Serve(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(f.before(h))
	t.Cleanup(func() {
		close(f.stop) // else Close waits for what hangs
		server.CloseClientConnections()
		server.Close()
	})
	return server.Listener.Addr().String()
}

// before returns h with the faults before it.
func (f *Faults) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := f.next(r.ContentLength > 0)
		if o.hang != nil {
			wait(f, r, o.hang)
			panic(http.ErrAbortHandler)
		}
		if o.delay > 0 {
			timer := time.NewTimer(o.delay)
			defer timer.Stop()
			wait(f, r, timer.C)
		}
		switch {
		case o.fail:
			f.busy(w, r)
		case o.cut:
			_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
			panic(http.ErrAbortHandler)
		default:
			h.ServeHTTP(w, r)
		}
	})
}
