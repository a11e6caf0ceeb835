package gateway_test

import (
	"io"
	"testing"

	"parley/api/apitest"
	"parley/group/gateway"
	shared "parley/pkg/gateway"
)

func TestTheRoutesAreWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	handler, err := gateway.New(shared.Config{Name: "group"}, apitest.Verifier{}, io.Discard, &gateway.Services{})
	if err != nil {
		t.Fatal(err)
	}
	apitest.Conforms(t, handler, "group")
}
