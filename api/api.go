// Package api is the folder of the contracts: .api files for the HTTP routes,
// proto files for the services and for the clients' messages, and routes.md,
// the document that the .api files mirror. As a Go package it has nothing but
// the OpenAPI document that `make gen` makes of the .api files.
package api

import (
	_ "embed"
	"net/http"
)

// OpenAPI describes all routes of the three gateways, as JSON.
//
//go:embed openapi.json
var OpenAPI []byte

// ServeOpenAPI answers a request with the OpenAPI document.
func ServeOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(OpenAPI) // an error means that the client is gone
}
