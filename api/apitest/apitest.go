// Package apitest holds a gateway against the OpenAPI document. What the
// document demands of a request, field by field, the gateway has to demand.
package apitest

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"parley/api"
	"parley/pkg/fault"
	"parley/pkg/gateway"
	"parley/pkg/id"
)

const goodToken = "good"

// Verifier takes one token for good and refuses all others.
type Verifier struct{}

var _ gateway.Verifier = Verifier{}

// Verify implements gateway.Verifier.
func (Verifier) Verify(token string) (id.UID, error) {
	if token != goodToken {
		return "", fault.BadSignature
	}
	return "alice", nil
}

// Refusing is a connection to services that answer Unsupported to everything.
// It is all that a gateway needs to show how it reads requests.
type Refusing struct{}

var _ grpc.ClientConnInterface = Refusing{}

// Invoke implements grpc.ClientConnInterface.
func (Refusing) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return fault.Status(fault.Unsupported)
}

// NewStream implements grpc.ClientConnInterface.
func (Refusing) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, fault.Status(fault.Unsupported)
}

// Conforms tests that handler serves every operation of the document whose tag
// is one of tags, as the document says. The handler was made with Verifier.
func Conforms(t *testing.T, handler http.Handler, tags ...string) {
	t.Helper()
	doc := parse(t)
	seen := 0
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for method, op := range doc.Paths[path] {
			if !slices.Contains(tags, op.Tags[0]) {
				continue
			}
			seen++
			method = strings.ToUpper(method)
			t.Run(method+" "+path, func(t *testing.T) {
				t.Parallel()
				conforms(t, handler, doc, method, path)
			})
		}
	}
	if seen == 0 {
		t.Errorf("no route of the document has one of the tags %v", tags)
	}
	t.Run("the document is public", func(t *testing.T) {
		t.Parallel()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
		if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), api.OpenAPI) {
			t.Errorf("GET /openapi.json answers status %d and %d bytes, want the document", w.Code, w.Body.Len())
		}
	})
}

func conforms(t *testing.T, handler http.Handler, doc document, method, path string) {
	t.Helper()
	op := doc.Paths[path][strings.ToLower(method)]
	s := sender{t: t, handler: handler, method: method, path: path}
	if code := s.send(nil, "bad"); code != fault.BadSignature {
		t.Errorf("%s %s with a bad token answers %d, want %d", method, path, code, fault.BadSignature)
	}
	for media, content := range op.RequestBody.Content {
		s.media = media
		s.try(doc, content.Schema)
	}
	if len(op.RequestBody.Content) == 0 {
		s.accepts(nil)
	}
}
