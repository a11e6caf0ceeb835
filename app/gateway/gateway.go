// Package gateway is the HTTP gateway for calls, records and users: the routes
// of api/app.api. Handlers and types are generated; the logic of a route only
// translates between HTTP and the services.
package gateway

import (
	"io"
	"net/http"

	"parley/api"
	"parley/app/gateway/internal/handler"
	"parley/app/gateway/internal/svc"
	"parley/pkg/gateway"
)

// Services are the clients of the services that the routes call.
type Services = svc.ServiceContext

// callRoutes are served under the prefix /call too: one client calls them there.
var callRoutes = []string{"/app/start-call", "/app/reply-busy", "/app/check-call", "/app/handle-call"}

// New returns the gateway with all its routes. The access log goes to log.
func New(config gateway.Config, verifier gateway.Verifier, log io.Writer, services *Services) (*gateway.Handler, error) {
	g, err := gateway.New(config, verifier, log)
	if err != nil {
		return nil, err
	}
	handler.RegisterHandlers(g.Server(), services)
	for _, path := range callRoutes {
		if err := g.Alias(path, http.MethodPost, "/call"+path); err != nil {
			return nil, err
		}
	}
	if err := g.Public(http.MethodGet, "/openapi.json", http.HandlerFunc(api.ServeOpenAPI)); err != nil {
		return nil, err
	}
	return g.Handler()
}
