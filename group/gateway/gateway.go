// Package gateway is the HTTP gateway for groups: the routes of api/group.api.
// Handlers and types are generated; the logic of a route only translates
// between HTTP and the group service.
package gateway

import (
	"io"
	"net/http"

	"parley/api"
	"parley/group/gateway/internal/handler"
	"parley/group/gateway/internal/svc"
	"parley/pkg/gateway"
)

// Services are the clients of the services that the routes call.
type Services = svc.ServiceContext

// New returns the gateway with all its routes. The access log goes to log.
func New(config gateway.Config, verifier gateway.Verifier, log io.Writer, services *Services) (*gateway.Handler, error) {
	g, err := gateway.New(config, verifier, log)
	if err != nil {
		return nil, err
	}
	handler.RegisterHandlers(g.Server(), services)
	if err := g.Public(http.MethodGet, "/openapi.json", http.HandlerFunc(api.ServeOpenAPI)); err != nil {
		return nil, err
	}
	return g.Handler()
}
