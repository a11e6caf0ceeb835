package gateway_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"parley/pkg/fault"
	"parley/pkg/gateway"
)

// origin returns what the gateway takes for the origin of a request.
func origin(t *testing.T, prepare func(*http.Request)) (string, error) {
	t.Helper()
	g, err := gateway.New(gateway.Config{Name: "test", Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	var failed error
	g.Tree("/where/", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, failed = gateway.Origin(r.Context()) }))
	handler, err := g.Handler()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/where/am/i", nil)
	r.Host, r.RemoteAddr = "chat.example.com:8888", "192.0.2.1:5555"
	prepare(r)
	handler.ServeHTTP(httptest.NewRecorder(), r)
	return got, failed
}

func TestTheOriginIsWhereTheClientCameTo(t *testing.T) {
	t.Parallel()
	forwarded := func(r *http.Request) {
		r.Header.Set("X-Forwarded-Proto", "https, http")
		r.Header.Set("X-Forwarded-Host", "public.example.com, inner")
	}
	for name, row := range map[string]struct {
		prepare func(*http.Request)
		want    string
	}{
		"as it is":            {func(*http.Request) {}, "http://chat.example.com:8888"},
		"over TLS":            {func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, "https://chat.example.com:8888"},
		"an IPv6 address":     {func(r *http.Request) { r.Host = "[2001:db8::1]:80" }, "http://[2001:db8::1]:80"},
		"a stranger's word":   {forwarded, "http://chat.example.com:8888"},
		"a proxy's word":      {func(r *http.Request) { forwarded(r); r.RemoteAddr = "10.1.2.3:1" }, "https://public.example.com"},
		"a proxy over IPv6":   {func(r *http.Request) { forwarded(r); r.RemoteAddr = "[::ffff:10.1.2.3]:1" }, "https://public.example.com"},
		"a silent proxy":      {func(r *http.Request) { r.RemoteAddr = "10.1.2.3:1" }, "http://chat.example.com:8888"},
		"a scheme of no kind": {func(r *http.Request) { r.RemoteAddr = "10.1.2.3:1"; r.Header.Set("X-Forwarded-Proto", "javascript") }, "http://chat.example.com:8888"},
	} {
		if got, err := origin(t, row.prepare); err != nil || got != row.want {
			t.Errorf("%s: %q, error %v, want %q", name, got, err, row.want)
		}
	}
	for _, host := range []string{"", "a/b", "a b", "a@b", "a?b", "a#b", "a\"b", "ä"} {
		if got, err := origin(t, func(r *http.Request) { r.Host = host }); fault.Of(err) == nil || fault.Of(err).Code != fault.BadRequest {
			t.Errorf("host %q gives %q, error %v", host, got, err)
		}
	}
	if got, err := gateway.Origin(context.Background()); err == nil {
		t.Errorf("without a request it is %q", got)
	}
}
