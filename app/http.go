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
	"parley/pkg/drain"
	"parley/pkg/gateway"
	"parley/pkg/launch"
)

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

// serve opens the port of g, says so, and answers there with handler. The server is
// net/http's own: go-zero's ends on a signal of its own accord and cannot be told when.
func (a *App) serve(name string, g GatewayConfig, handler http.Handler) (launch.Stop, error) {
	listener, err := net.Listen("tcp", g.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another process; stop that one, or choose another address with -listen or the key Listen: %w", g.Listen, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w", err)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       g.ReadTimeout,
		WriteTimeout:      g.ReadTimeout + g.Deadline + writeSlack,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(errorLog{}, "", 0),
	}
	connlimit.NewPort(a.budget, g.MaxConns).Guard(server, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gateway.Busy(w, r, name, gateway.Connections)
	}))
	s := drain.New(server, listener.(*net.TCPListener))
	a.addresses[name] = listener.Addr().String()
	a.servers = append(a.servers, s)
	go func() {
		if err := s.Serve(); err != nil {
			a.fail(err)
		}
	}()
	return s.Stop, nil
}

// afterPorts is how much of the grace, a third of it at most, is kept for what ends
// behind the ports: a client that dawdles must not keep the appender and the database
// from ending in order.
const afterPorts = 5 * time.Second

// closePorts closes all ports at once and finishes what is in flight on them.
func (a *App) closePorts(ctx context.Context) error {
	grace := a.config.Stop.Grace
	ctx, cancel := context.WithTimeout(ctx, grace-min(grace/3, afterPorts))
	defer cancel()
	a.leaving.Store(true)
	errs := make([]error, len(a.servers))
	var open sync.WaitGroup
	for i, s := range a.servers {
		open.Go(func() { errs[i] = s.Stop(ctx) })
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

// withSockets serves sockets beside the routes of a gateway. As those do, it ends
// connections with its refusals once the process is to stop.
func (a *App) withSockets(sockets, routes http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.Path; path == socketPath || path == socketPath+"/" {
			if a.leaving.Load() {
				w.Header().Set("Connection", "close")
			}
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
