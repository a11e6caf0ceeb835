// Package connlimit bounds the connections that a process has open to its clients,
// so that one too many is told so instead of leaving the process without files for
// its work.
//
// A Port counts the connections of one HTTP server. Requests on those that are too
// many are handed to somebody who refuses them, and the connection ends with the
// answer; when even of these there are many, they are closed as soon as they come. To
// leave them waiting would be worse: a client, or a proxy in front, learns at once
// that it has to go elsewhere.
package connlimit

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// Budget is the number of connections that all ports and sockets of a process share.
type Budget struct {
	most int64
	open atomic.Int64
}

// NewBudget returns a budget of so many connections.
func NewBudget(most int64) *Budget { return &Budget{most: most} }

// Take takes a place and reports whether there was one.
func (b *Budget) Take() bool {
	if b.open.Add(1) > b.most {
		b.open.Add(-1)
		return false
	}
	return true
}

// Release gives a place back.
func (b *Budget) Release() { b.open.Add(-1) }

// extra is how many connections of a port that are too many are told so at the same
// time.
const extra = 64

// Port counts the connections of one HTTP server. A connection that becomes a socket
// is none any more: it has a place of its own (see Budget).
type Port struct {
	budget *Budget
	most   int // 0: what the budget has

	mu     sync.Mutex
	conns  map[net.Conn]place
	counts [hopeless + 1]int
}

// place is what a connection counts as.
type place int

const (
	inside   place = iota // within the limits
	beyond                // told that it is too many
	hopeless              // closed at once
)

// NewPort returns a port with at most so many connections at once, all within the
// budget. 0 means what the budget has.
func NewPort(budget *Budget, most int) *Port {
	return &Port{budget: budget, most: most, conns: make(map[net.Conn]place)}
}

type placeKey struct{}

// Guard makes server count its connections here. Requests on one that is too many go
// to refuse. It is called before the server serves.
func (p *Port) Guard(server *http.Server, refuse http.Handler) {
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at, _ := r.Context().Value(placeKey{}).(place); at != inside {
			w.Header().Set("Connection", "close")
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		at := p.enter(conn)
		if at == hopeless {
			conn.Close() // which the server finds out
		}
		return context.WithValue(ctx, placeKey{}, at)
	}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			p.leave(conn)
		}
	}
}

// enter gives a connection its place.
func (p *Port) enter(conn net.Conn) place {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := inside
	switch {
	case (p.most == 0 || p.counts[inside] < p.most) && p.budget.Take():
	case p.counts[beyond] < extra:
		at = beyond
	default:
		at = hopeless
	}
	p.conns[conn] = at
	p.counts[at]++
	return at
}

// leave gives the place of a connection back.
func (p *Port) leave(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, known := p.conns[conn]
	if !known {
		return
	}
	delete(p.conns, conn)
	p.counts[at]--
	if at == inside {
		p.budget.Release()
	}
}
