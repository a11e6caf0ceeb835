// Package ops is the operations port of a process: where whoever runs it asks how it
// is, and changes the level of its log. It is one HTTP server for a process,
// whatever that is for, and has
//
//	GET /healthz      200 as long as the process serves. It asks nobody else: an
//	                  outage of the database must not have everything restarted.
//	GET /readyz       200 when the process takes traffic, else 503, with what it
//	                  found as JSON. See Checks.
//	GET /metrics      what is measured, for Prometheus
//	GET /log/level    the least level that is logged
//	PUT /log/level    sets it, to the word in the body
//	GET /debug/pprof/ profiles, if asked for
//
// It asks nobody who he is. So it listens on the loopback address unless told
// otherwise, and belongs on no network that strangers reach.
package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/zeromicro/go-zero/core/logx"

	"parley/pkg/metrics"
)

// Config is what a process has on its operations port.
type Config struct {
	// Listen is a host and port. Port 0 is any free one.
	Listen string
	// Pprof says whether there are profiles. They cost time, and show more of the
	// process than anything else here.
	Pprof bool
	// Log is the log whose level may be changed.
	Log LogLevel
}

// LogLevel is the least level of a log.
type LogLevel interface {
	// Level returns it.
	Level() string
	// SetLevel changes it. The error says which levels there are.
	SetLevel(level string) error
}

// Server is an operations port.
type Server struct {
	*state
	server   *http.Server
	listener net.Listener
	removed  func()
	stop     context.CancelFunc
}

// Listen opens the port and answers there: that the process is starting, until
// Started is called.
func Listen(c Config) (*Server, error) {
	listener, err := net.Listen("tcp", c.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("Ops.Listen: %s is taken by another process; choose another address, one for each process of a machine: %w", c.Listen, err)
	}
	if err != nil {
		return nil, fmt.Errorf("Ops.Listen: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{state: newState(), listener: listener, stop: stop}
	go s.keepLooking(ctx)
	s.removed = readyGauge.Add(func() float64 {
		if s.takesTraffic() {
			return 1
		}
		return 0
	})
	s.server = &http.Server{
		Handler:           s.routes(c),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      2 * time.Minute, // a profile takes its time
		ErrorLog:          log.New(errorLog{}, "", 0),
	}
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logx.Errorf("serve the operations port %s: %v", listener.Addr(), err)
		}
	}()
	return s, nil
}

// Addr is where the server listens, with the port that it got.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close closes the port and cuts whoever is still asking.
func (s *Server) Close() error {
	s.removed()
	s.stop()
	return s.server.Close()
}

// maxLevel is plenty for a word, in bytes.
const maxLevel = 64

func (s *Server) routes(c Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, report{Status: "alive"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		found := s.report(r.Context())
		status := http.StatusOK
		if !found.ready() {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, found)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.Registry, promhttp.HandlerOpts{ErrorLog: log.New(errorLog{}, "", 0)}))
	mux.HandleFunc("GET /log/level", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, c.Log.Level()) })
	mux.HandleFunc("PUT /log/level", func(w http.ResponseWriter, r *http.Request) {
		word, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLevel))
		if err == nil {
			err = c.Log.SetLevel(strings.TrimSpace(string(word)))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		logx.Infof("the level of the log is now %s", c.Log.Level())
		fmt.Fprintln(w, c.Log.Level())
	})
	if c.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// errorLog takes what libraries have to say into the log.
type errorLog struct{}

func (errorLog) Write(line []byte) (int, error) {
	logx.Error(strings.TrimSpace(string(line)))
	return len(line), nil
}
