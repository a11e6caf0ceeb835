// Package gateway is the HTTP gateway for object storage: the routes of
// api/oss.api. Handlers and types are generated; the logic of a route only
// translates between HTTP and the storage service.
package gateway

import (
	"io"
	"net/http"

	"parley/api"
	"parley/oss/gateway/internal/handler"
	"parley/oss/gateway/internal/svc"
	"parley/pkg/gateway"
)

// Services are the clients of the services that the routes call.
type Services = svc.ServiceContext

// tokenRoutes answer GET besides POST.
var tokenRoutes = []string{"/oss/get-token", "/oss/get-huaweiyun-token"}

// Tree is where objects of an embedded store are read.
type Tree struct {
	Prefix  string
	Handler http.Handler
}

// New returns the gateway with all its routes, and the objects in trees beside them.
// The access log goes to log.
func New(config gateway.Config, verifier gateway.Verifier, log io.Writer, services *Services, trees ...Tree) (*gateway.Handler, error) {
	g, err := gateway.New(config, verifier, log)
	if err != nil {
		return nil, err
	}
	handler.RegisterHandlers(g.Server(), services)
	for _, path := range tokenRoutes {
		if err := g.Alias(path, http.MethodGet, path); err != nil {
			return nil, err
		}
	}
	if err := g.Public(http.MethodGet, "/openapi.json", http.HandlerFunc(api.ServeOpenAPI)); err != nil {
		return nil, err
	}
	for _, t := range trees {
		g.Tree(t.Prefix, t.Handler)
	}
	return g.Handler()
}
