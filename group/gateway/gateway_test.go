package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"parley/api"
	"parley/api/apitest"
	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway"
	"parley/pkg/fault"
	shared "parley/pkg/gateway"
)

// newGateway returns the gateway in front of the group service behind conn.
func newGateway(t *testing.T, conn grpc.ClientConnInterface) http.Handler {
	t.Helper()
	handler, err := gateway.New(shared.Config{Name: "group"}, apitest.Verifier{}, io.Discard, &gateway.Services{
		Groups: groupv1.NewGroupServiceClient(conn),
	})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// send sends the request of a route as alice and returns the answer.
func send(handler http.Handler, r route) string {
	req := httptest.NewRequest(http.MethodPost, r.path, strings.NewReader(r.body))
	req.Header.Set("FZM-SIGNATURE", "good")
	switch {
	case r.form:
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case r.body != "":
		req.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, req)
	return w.Body.String()
}

// wantFailure demands an answer with a code, its words with more behind them,
// and no data.
func wantFailure(t *testing.T, answer string, code fault.Code, more string) {
	t.Helper()
	if want := fmt.Sprintf(`{"result":%d,"message":"%s%s","data":null}`, code, code.Text(false), more); answer != want {
		t.Errorf("the answer is\n%s, want\n%s", answer, want)
	}
}

func TestTheRoutesAreWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	apitest.Conforms(t, newGateway(t, apitest.Refusing{}), "group")
}

func TestEveryRouteIsTranslatedBothWays(t *testing.T) {
	t.Parallel()
	for _, r := range routes {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := &service{answers: r.answers}
			answer := send(newGateway(t, s), r)
			if s.rpc != r.rpc || !proto.Equal(s.request, r.request) {
				t.Errorf("the service is asked %s %v, want %s %v", s.rpc, s.request, r.rpc, r.request)
			}
			if want := `{"result":0,"message":"OK","data":` + r.data + `}`; answer != want {
				t.Errorf("the answer is\n%s, want\n%s", answer, want)
			}
		})
	}
}

func TestEveryRouteHasARow(t *testing.T) {
	t.Parallel()
	var document struct{ Paths map[string]any }
	if err := json.Unmarshal(api.OpenAPI, &document); err != nil {
		t.Fatal(err)
	}
	for path := range document.Paths {
		if !strings.HasPrefix(path, "/group/") {
			continue
		}
		if !slices.ContainsFunc(routes, func(r route) bool { return r.path == path }) {
			t.Errorf("no row shows how %s is translated", path)
		}
	}
}

func TestTheTextOfTheGroupWins(t *testing.T) {
	t.Parallel()
	for _, r := range naming(`"id":1,"idStr":"7"`) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := &service{answers: r.answers}
			send(newGateway(t, s), r)
			if s.rpc != r.rpc || !proto.Equal(s.request, r.request) {
				t.Errorf("the service is asked %s %v, want %s %v", s.rpc, s.request, r.rpc, r.request)
			}
		})
	}
}

func TestWithoutAGroupTheServiceIsNotAsked(t *testing.T) {
	t.Parallel()
	for fields, more := range map[string]string{
		`"more":1`:                      ": id must be a positive whole number",
		`"id":-7`:                       ": id must be a positive whole number",
		`"id":7,"idStr":"seven"`:        ": idStr must be a positive whole number",
		`"idStr":"007"`:                 ": idStr must be a positive whole number",
		`"idStr":"9999999999999999999"`: ": idStr must be a positive whole number",
	} {
		for _, r := range naming(fields) {
			t.Run(fields+" "+r.name, func(t *testing.T) {
				t.Parallel()
				s := &service{answers: r.answers}
				wantFailure(t, send(newGateway(t, s), r), fault.BadRequest, more)
				if s.rpc != "" {
					t.Errorf("the service is asked %s %v, want nothing", s.rpc, s.request)
				}
			})
		}
	}
}

// naming returns the routes that name the group 7, with other fields in the
// place of its id.
func naming(fields string) []route {
	var named []route
	for _, r := range routes {
		if body := strings.Replace(r.body, `"id":7`, fields, 1); body != r.body {
			r.body = body
			named = append(named, r)
		}
	}
	return named
}

func TestWithoutAnApplicationTheServiceIsNotAsked(t *testing.T) {
	t.Parallel()
	for fields, more := range map[string]string{
		`"more":1`:                ": applicationId must be a positive whole number",
		`"applicationId":0`:       ": applicationId must be a positive whole number",
		`"applicationIdStr":"-1"`: ": applicationIdStr must be a positive whole number",
	} {
		s := &service{answers: one(&groupv1.AnswerApplicationResponse{})}
		r := route{path: "/group/app/answer-application", body: `{"id":7,"accept":true,` + fields + `}`}
		wantFailure(t, send(newGateway(t, s), r), fault.BadRequest, more)
		if s.rpc != "" {
			t.Errorf("the service is asked %s %v, want nothing", s.rpc, s.request)
		}
	}
}

func TestCodesOfTheServicePassThrough(t *testing.T) {
	t.Parallel()
	for _, r := range routes {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			handler := newGateway(t, &service{err: fault.ApplicationPending})
			wantFailure(t, send(handler, r), fault.ApplicationPending, "")
			handler = newGateway(t, &service{err: fault.Invalid("memberIds", "has more than 5000 entries")})
			wantFailure(t, send(handler, r), fault.BadRequest, ": memberIds has more than 5000 entries")
			handler = newGateway(t, &service{err: errors.New("the database is down")})
			wantFailure(t, send(handler, r), fault.Busy, "")
		})
	}
}

func TestAListThatBreaksOffIsNoList(t *testing.T) {
	t.Parallel()
	for _, r := range routes {
		if len(r.answers) < 2 {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			handler := newGateway(t, &service{answers: r.answers, err: fault.NotMember})
			wantFailure(t, send(handler, r), fault.NotMember, "")
		})
	}
}
