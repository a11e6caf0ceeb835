package app

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/zeromicro/go-zero/core/logx"

	"parley/pkg/connlimit"
	"parley/pkg/gateway"
	"parley/pkg/launch"
)

// httpServer answers on one port. It is net/http's own server around the
// gateways' handlers: go-zero's ends on a signal of its own accord and cannot be
// told when.
type httpServer struct {
	server   *http.Server
	listener net.Listener
}

const (
	// maxHeader is plenty: a token has about 180 bytes.
	maxHeader = 64 << 10
	// readHeaderTimeout and idleTimeout free the connections of clients that
	// say nothing. Apps that are used keep theirs.
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	// writeSlack is how long a client may take to read its answer, beside the
	// time that reading the request and the work may take.
	writeSlack = 30 * time.Second
)

// serve opens the port of g, says so, and answers there with handler.
func (a *App) serve(name string, g GatewayConfig, handler http.Handler) (launch.Stop, error) {
	listener, err := net.Listen("tcp", g.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another process; stop that one, or choose another address with -listen or the key Listen: %w", g.Listen, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w", err)
	}
	s := &httpServer{listener: listener, server: &http.Server{
		Handler:           a.takingLeave(handler),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       g.ReadTimeout,
		WriteTimeout:      g.ReadTimeout + g.Deadline + writeSlack,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(errorLog{}, "", 0),
	}}
	connlimit.NewPort(a.budget, g.MaxConns).Guard(s.server, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gateway.Busy(w, r, name, gateway.Connections)
	}))
	a.addresses[name] = listener.Addr().String()
	a.servers = append(a.servers, s)
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.fail(fmt.Errorf("serve HTTP on %s: %w", listener.Addr(), err))
		}
	}()
	return s.stop, nil
}

// takingLeave tells clients with every answer, once the process was told to stop, that
// their connection ends with it. A connection that was kept would be closed just as
// somebody sends his next request on it, and nobody could tell what became of that.
func (a *App) takingLeave(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// stop closes the port, finishes the requests in flight and cuts those that
// are not finished when ctx ends.
func (s *httpServer) stop(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("finish the requests on %s: %w", s.listener.Addr(), errors.Join(err, s.server.Close()))
	}
	return err
}

// closePorts closes all ports at once and finishes what is in flight on them.
// It takes at most two thirds of the grace: a client that dawdles on one port
// must not keep the appender and the database from ending in order.
func (a *App) closePorts(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.config.Stop.Grace*2/3)
	defer cancel()
	errs := make([]error, len(a.servers))
	var open sync.WaitGroup
	for i, s := range a.servers {
		open.Go(func() { errs[i] = s.stop(ctx) })
	}
	open.Wait()
	return errors.Join(errs...)
}

// errorLog takes what net/http has to say, such as a broken handshake, into
// the log.
type errorLog struct{}

func (errorLog) Write(line []byte) (int, error) {
	logx.Error(strings.TrimSpace(string(line)))
	return len(line), nil
}

// socketPath is where sockets are, with or without a slash at its end.
const socketPath = "/sub"

// withSockets serves sockets beside the routes of a gateway.
func withSockets(sockets, routes http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.Path; path == socketPath || path == socketPath+"/" {
			sockets.ServeHTTP(w, r)
			return
		}
		routes.ServeHTTP(w, r)
	})
}

// byPrefix serves all gateways on one port: by the first part of the path, as
// nginx does in front of a split installation. The app gateway has what is
// left.
func byPrefix(app, group, oss http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/group/"):
			group.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/oss/"):
			oss.ServeHTTP(w, r)
		default:
			app.ServeHTTP(w, r)
		}
	})
}

// largest returns the limits of a port that serves all gateways: for each the
// one of the gateway that needs most. The gateways have their own within.
func largest(app, group, oss GatewayConfig) GatewayConfig {
	app.ReadTimeout = max(app.ReadTimeout, group.ReadTimeout, oss.ReadTimeout)
	app.Deadline = max(app.Deadline, group.Deadline, oss.Deadline)
	return app
}
