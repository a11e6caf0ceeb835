package e2e

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/pkg/fault"
)

func TestEveryRouteHasATable(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../api/routes.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile(`(?m)^- Url: (\S+)$`).FindAllStringSubmatch(string(document), -1) {
		documented = append(documented, m[1])
	}
	if len(documented) != 40 {
		t.Fatalf("%d routes are documented, want 40:\n%v", len(documented), documented)
	}
	// Two routes are ours, for those who wait to be let into a group.
	served := append(documented, "/group/app/application-list", "/group/app/answer-application")
	var tested []string
	for _, tb := range tables {
		tested = append(tested, tb.route)
	}
	slices.Sort(served)
	slices.Sort(tested)
	if !slices.Equal(served, tested) {
		t.Fatalf("the %d routes are\n%v\nthe %d tables are for\n%v", len(served), served, len(tested), tested)
	}
}

// preflight asks as a browser does before it sends a request of a page of
// another origin.
func preflight(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://app.example")
	req.Header.Set("Access-Control-Request-Method", "POST")
	req.Header.Set("Access-Control-Request-Headers", "content-type,fzm-signature")
	res, err := httpClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || len(body) > 0 || res.StatusCode != http.StatusNoContent {
		t.Errorf("the preflight is answered with %d and %q, error %v", res.StatusCode, body, err)
	}
	if got := res.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("the origin that is allowed is %q", got)
	}
	if got := res.Header.Get("Access-Control-Allow-Methods"); !strings.Contains(got, "POST") {
		t.Errorf("the methods that are allowed are %q", got)
	}
	allowed := strings.ToLower(res.Header.Get("Access-Control-Allow-Headers"))
	for _, header := range []string{"content-type", "fzm-signature", "fzm-uuid", "fzm-device", "fzm-device-name", "fzm-version"} {
		if !strings.Contains(allowed, header) {
			t.Errorf("the header %s is not allowed: %q", header, allowed)
		}
	}
}

func TestWhatIsNoRoute(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s := newScene(w)
		for _, path := range []string{"/", "/app", "/app/user", "/group/app/no-such-route", "/oss/no-such-route", "/call/app/record/focus", "/call/app", "/favicon.ico"} {
			for _, headers := range []map[string]string{nil, english} {
				s.run(t, &table{route: path, good: nothing{}}, row{headers: headers, status: http.StatusNotFound, result: fault.Unsupported})
			}
		}
	})
}

// Whoever is up says so without a token, each gateway for itself.
func TestEveryGatewayAnswersPing(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for name, url := range w.site.gateways() {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				if got := status(t, method, url+"/ping"); got != http.StatusOK {
					t.Errorf("%s /ping of %s answers %d", method, name, got)
				}
			}
			if got := status(t, http.MethodPost, url+"/ping"); got != http.StatusMethodNotAllowed {
				t.Errorf("POST /ping of %s answers %d", name, got)
			}
		}
	})
}

func status(t *testing.T, method, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := httpClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func TestTheDocumentOfTheRoutesIsServed(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for name, url := range w.site.gateways() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/openapi.json", nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := httpClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var document struct {
				OpenAPI string
				Paths   map[string]map[string]any
			}
			if err := json.NewDecoder(res.Body).Decode(&document); err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("/openapi.json of %s answers %d, error %v", name, res.StatusCode, err)
			}
			if got := document.OpenAPI; !strings.HasPrefix(got, "3.") {
				t.Errorf("the document of %s is OpenAPI %q", name, got)
			}
			for _, tb := range tables {
				if methods := document.Paths[tb.route]; methods["post"] == nil || tb.get != (methods["get"] != nil) {
					t.Errorf("the document of %s has %v for %s", name, slices.Sorted(maps.Keys(methods)), tb.route)
				}
			}
		}
	})
}
