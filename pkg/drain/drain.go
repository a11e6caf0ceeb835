// Package drain stops an HTTP server without hanging up on anybody who has just come.
//
// http.Server.Shutdown closes a connection without an answer when it reads its first
// request only after the shutdown began, however long before the client connected and
// sent it; and the system resets connections that were not accepted yet when a port is
// closed. Nobody could tell whether such a request was done. So a server stops in two
// steps here: nobody new may connect, and who got through gets his answer; then it is
// shut down.
package drain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves HTTP on one listener.
type Server struct {
	server *http.Server
	port   *port
	// served is closed when nobody more is accepted.
	served chan struct{}

	mu sync.Mutex
	// silent are the connections from which no request has come, and heard is
	// signalled when one is none of them any more.
	silent map[net.Conn]*arrival
	heard  chan struct{}
}

// New returns a server that is to serve on listener. What server has for its connections
// is kept; it is used through the Server from now on.
func New(server *http.Server, listener *net.TCPListener) *Server {
	s := &Server{
		server: server, port: &port{TCPListener: listener}, served: make(chan struct{}),
		silent: make(map[net.Conn]*arrival), heard: make(chan struct{}, 1),
	}
	handler, inContext, onState := server.Handler, server.ConnContext, server.ConnState
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Context().Value(arrivalKey{}).(*arrival).speaks()
		handler.ServeHTTP(w, r)
	})
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		a := &arrival{server: s, conn: conn}
		s.enter(a)
		ctx = context.WithValue(ctx, arrivalKey{}, a)
		if inContext != nil {
			ctx = inContext(ctx, conn)
		}
		return ctx
	}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			s.leave(conn)
		}
		if onState != nil {
			onState(conn, state)
		}
	}
	return s
}

type arrivalKey struct{}

// arrival is a connection, and whether a request has come on it.
type arrival struct {
	server *Server
	conn   net.Conn
	spoke  atomic.Bool
}

func (a *arrival) speaks() {
	if !a.spoke.Load() && a.spoke.CompareAndSwap(false, true) {
		a.server.leave(a.conn)
	}
}

func (s *Server) enter(a *arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent[a.conn] = a
}

func (s *Server) leave(conn net.Conn) {
	s.mu.Lock()
	delete(s.silent, conn)
	s.mu.Unlock()
	select {
	case s.heard <- struct{}{}:
	default:
	}
}

func (s *Server) allSpoke() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.silent) == 0
}

// Serve serves until the server is stopped. It returns nothing then, and otherwise why
// it cannot go on. It is called once, and before Stop.
func (s *Server) Serve() error {
	defer close(s.served)
	if err := s.server.Serve(s.port); !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", s.port.Addr(), err)
	}
	return nil
}

// speakWithin is how long who has connected may take to send his request. A client may
// also keep a connection ready that it does not need.
const speakWithin = 2 * time.Second

// Stop closes the port, finishes the requests in flight and those of clients that have
// just connected, and cuts what is not finished when ctx ends.
func (s *Server) Stop(ctx context.Context) error {
	s.port.close()
	<-s.served
	s.listen(ctx)
	if err := s.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("finish the requests on %s: %w", s.port.Addr(), errors.Join(err, s.server.Close()))
	}
	return nil
}

// listen waits until a request has come on every connection, and closes those on which
// none comes: Shutdown would wait five seconds for them.
func (s *Server) listen(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, speakWithin)
	defer cancel()
	for !s.allSpoke() {
		select {
		case <-s.heard:
		case <-ctx.Done():
			s.closeSilent()
			return
		}
	}
}

func (s *Server) closeSilent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, a := range s.silent {
		if !a.spoke.Load() { // just now
			conn.Close()
		}
	}
}
