// Package gateway is what the HTTP gateways share: a go-zero rest server, for
// which goctl generates handlers and routes, within middleware of our own.
//
// go-zero's native middleware is replaced as a whole. Its access log writes
// headers, and so tokens, and the bodies of failed requests; its limit on
// bodies looks at Content-Length alone; its time-out buffers whole replies;
// its shedding watches the whole host's CPU; and its answers to all of this
// have no envelope. What stands here instead, from the outside in: CORS, one
// line of access log with trace, metrics and recovery from panics, go-zero's
// router, and for documented routes the limit of requests in flight, that of the
// address, the token, the limit of the user, that on bodies and the deadline.
//
// The package knows nothing of what the routes do.
package gateway

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/zeromicro/go-zero/core/service"
	gozerotrace "github.com/zeromicro/go-zero/core/trace"
	"github.com/zeromicro/go-zero/rest"
	"github.com/zeromicro/go-zero/rest/chain"
	"github.com/zeromicro/go-zero/rest/httpx"
	"github.com/zeromicro/go-zero/rest/router"

	"parley/pkg/id"
	"parley/pkg/reply"
)

// Verifier judges the token of a request. Its errors are answered as they
// are, so they should be coded.
type Verifier interface {
	Verify(token string) (id.UID, error)
}

// Gateway collects the routes of one HTTP gateway. When all are there, Handler
// makes the http.Handler of them.
type Gateway struct {
	config   Config
	verifier Verifier
	server   *rest.Server
	router   httpx.Router
	public   map[string][]string // path → methods
	trees    map[string]http.Handler
	log      *accessLog
	inFlight atomic.Int64
	inTrees  atomic.Int64
	measures *measures
	// allow is what the Allow header says for each path, once all routes are there.
	allow map[string]string
}

// New returns a gateway that has /ping and no other route. It writes a line of
// JSON to log for every request, many lines at once, never two writes at the
// same time.
func New(config Config, verifier Verifier, log io.Writer) (*Gateway, error) {
	g := &Gateway{
		config:   config.WithDefaults(),
		verifier: verifier,
		router:   router.NewRouter(),
		public:   make(map[string][]string),
		trees:    make(map[string]http.Handler),
		log:      newAccessLog(log),
	}
	g.measures = newMeasures(g.config.Name)
	// Logs, traces and metrics are set up once for the process, by whoever
	// starts it. A server would do it again, hence Disabled.
	conf := rest.RestConf{ServiceConf: service.ServiceConf{
		Name:      g.config.Name,
		Mode:      service.ProMode,
		Telemetry: gozerotrace.Config{Disabled: true},
	}}
	middlewares := []chain.Middleware{g.limit, g.limitAddress, g.authenticate, g.limitUser, g.bound}
	if config.Scratch != nil { // it takes files
		middlewares = append([]chain.Middleware{drain}, middlewares...)
	}
	server, err := rest.NewServer(conf, rest.WithRouter(g.router), rest.WithChain(chain.New(middlewares...)))
	if err != nil {
		return nil, fmt.Errorf("make the rest server of gateway %s: %w", g.config.Name, err)
	}
	g.server = server
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if err := g.Public(method, "/ping", http.HandlerFunc(ping)); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// Server is where goctl's RegisterHandlers puts the documented routes. Each of
// them demands a token.
func (g *Gateway) Server() *rest.Server { return g.server }

// Public adds a route that needs no token.
func (g *Gateway) Public(method, path string, handler http.Handler) error {
	if err := g.router.Handle(method, path, handler); err != nil {
		return fmt.Errorf("add public route %s %s: %w", method, path, err)
	}
	g.public[path] = append(g.public[path], method)
	return nil
}

// Tree serves every path that begins with prefix, for any method and without a token.
// How many such requests there may be at once is bounded by themselves, at half of
// what is allowed of routes: they may take long, and shall not keep those out.
func (g *Gateway) Tree(prefix string, handler http.Handler) {
	g.trees[prefix] = g.limitAddress(handler)
}

// forest serves the trees, and next what is in none.
func (g *Gateway) forest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for prefix, tree := range g.trees {
			if strings.HasPrefix(r.URL.Path, prefix) {
				if rec, ok := w.(*recorder); ok {
					rec.tree = prefix
				}
				defer g.inTrees.Add(-1)
				if g.inTrees.Add(1) > (g.config.MaxInFlight+1)/2 {
					Busy(w, r, g.config.Name, InFlight)
					return
				}
				tree.ServeHTTP(w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// Alias serves the route that is registered as POST path under another method
// or path too.
func (g *Gateway) Alias(path, method, alias string) error {
	for _, route := range g.server.Routes() {
		if route.Method == http.MethodPost && route.Path == path {
			g.server.AddRoute(rest.Route{Method: method, Path: alias, Handler: route.Handler})
			return nil
		}
	}
	return fmt.Errorf("alias %s %s of route POST %s: no such route", method, alias, path)
}

// Handler is a finished gateway.
type Handler struct {
	http.Handler
	log       *accessLog
	unmeasure func()
}

// Close writes the end of the access log. It is called when the last request
// was answered, once.
func (h *Handler) Close() {
	h.unmeasure()
	h.log.flush()
}

// Handler finishes the gateway. Routes that are added later are not served.
func (g *Gateway) Handler() (*Handler, error) {
	g.router.SetNotFoundHandler(status(http.StatusNotFound))
	g.allow = g.methods()
	g.router.SetNotAllowedHandler(notAllowed(g.allow))
	routes, err := rest.NewServerless(g.server)
	if err != nil {
		return nil, fmt.Errorf("build the routes of gateway %s: %w", g.config.Name, err)
	}
	return &Handler{
		Handler: g.cors(g.observe(g.forest(http.HandlerFunc(routes.Serve)))),
		log:     g.log,
		unmeasure: requestsInFlight.Add(func() float64 {
			return float64(g.inFlight.Load() + g.inTrees.Load())
		}, g.config.Name),
	}, nil
}

// methods returns what the Allow header says for each path.
func (g *Gateway) methods() map[string]string {
	byPath := maps.Clone(g.public)
	for _, route := range g.server.Routes() {
		byPath[route.Path] = append(byPath[route.Path], route.Method)
	}
	allow := make(map[string]string, len(byPath))
	for at, methods := range byPath {
		slices.Sort(methods)
		allow[path.Clean(at)] = strings.Join(methods, ", ")
	}
	return allow
}

func ping(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

func status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reply.Status(w, r, code) })
}

func notAllowed(allow map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow[path.Clean(r.URL.Path)])
		reply.Status(w, r, http.StatusMethodNotAllowed)
	})
}
