package client

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/pkg/auth"
)

func TestWhatTheServerRefusesIsSaidWithItsWords(t *testing.T) {
	t.Parallel()
	key, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]struct {
		says  string
		final bool
	}{
		`{"result":-10032,"message":"You are muted","data":null}`:     {"You are muted (-10032)", true},
		`{"result":-1000,"message":"The server is busy","data":null}`: {"The server is busy (-1000)", false},
		`<html>`: {"is no Parley API", false},
		`{}`:     {"is no Parley API", false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		err := newREST(server.URL, key, "").JSON(t.Context(), "/app/ask", nil, new(struct{}))
		server.Close()
		if err == nil || !strings.Contains(err.Error(), want.says) || Final(err) != want.final {
			t.Errorf("%s becomes %v, for good %t", body, err, Final(err))
		}
	}
}
