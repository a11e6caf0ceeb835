package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/pkg/gateway"
)

func TestTheAddressOfAClient(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, row := range []struct {
		what, from string
		forwarded  []string
		want       string
	}{
		{"a client that comes by itself", "192.0.2.1:5", nil, "192.0.2.1/32"},
		{"and makes a proxy up", "192.0.2.1:5", []string{"198.51.100.7"}, "192.0.2.1/32"},
		{"a client behind a proxy", "10.0.0.1:5", []string{"198.51.100.7"}, "198.51.100.7/32"},
		{"behind two", "10.0.0.1:5", []string{"198.51.100.7, 10.0.0.2"}, "198.51.100.7/32"},
		{"in two headers", "10.0.0.1:5", []string{"198.51.100.7", "10.0.0.2"}, "198.51.100.7/32"},
		{"and says that it is another", "10.0.0.1:5", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7/32"},
		{"or a proxy", "10.0.0.1:5", []string{"10.9.9.9, 198.51.100.7"}, "198.51.100.7/32"},
		{"in a header of its own", "10.0.0.1:5", []string{"203.0.113.9", "198.51.100.7"}, "198.51.100.7/32"},
		{"a proxy that says nothing", "10.0.0.1:5", nil, "10.0.0.1/32"},
		{"an empty word", "10.0.0.1:5", []string{""}, "10.0.0.1/32"},
		{"no address", "10.0.0.1:5", []string{"198.51.100.7, unknown"}, "10.0.0.1/32"},
		{"an address with its port", "10.0.0.1:5", []string{"198.51.100.7:4711"}, "198.51.100.7/32"},
		{"none but proxies", "10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3/32"},
		{"IPv6 without a proxy", "[2001:db8:1:2:3:4:5:6]:5", nil, "2001:db8:1:2::/64"},
		{"IPv6 of this link", "[fe80::1%eth0]:5", nil, "fe80::/64"},
		{"IPv6 behind a proxy", "[fd00::1]:5", []string{"2001:db8:1:2:ffff::1"}, "2001:db8:1:2::/64"},
		{"with its port", "[fd00::1]:5", []string{"[2001:db8:1:2:ffff::1]:80"}, "2001:db8:1:2::/64"},
		{"in brackets", "[fd00::1]:5", []string{"[2001:db8:1:2:ffff::1]"}, "2001:db8:1:2::/64"},
		{"IPv4 within IPv6", "[::ffff:192.0.2.1]:5", nil, "192.0.2.1/32"},
		{"said by a proxy", "[::ffff:10.0.0.1]:5", []string{"::ffff:198.51.100.7"}, "198.51.100.7/32"},
		{"more proxies than there are", "10.0.0.1:5", []string{"198.51.100.7" + strings.Repeat(",10.0.0.2", 1000)}, "10.0.0.2/32"},
		{"no network at all", "@", nil, "invalid Prefix"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = row.from
		r.Header["X-Forwarded-For"] = row.forwarded
		if got := gateway.Address(r, proxies).String(); got != row.want {
			t.Errorf("%s (%s, %q) is at %s, want %s", row.what, row.from, row.forwarded, got, row.want)
		}
	}
}

// counted is a Limiter with so many tokens a key.
type counted struct {
	mu    sync.Mutex
	left  map[string]int
	asked int
}

func (c *counted) Take(key string) (bool, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	c.left[key]--
	return c.left[key] >= 0, 1200 * time.Millisecond
}

const tooMany = `{"result":-1000,"message":"服务器繁忙，请稍后重试","data":null}`

func TestAUserWhoSendsTooMuchIsToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	users := &counted{left: map[string]int{"alice": 2}}
	w := newWorld(t, gateway.Config{Users: users})
	for range 2 {
		if answer, body := w.do("POST", "/app/ask", `{"count":1}`); answer.StatusCode != http.StatusOK || body != asked {
			t.Errorf("within the limit: status %d, body %s", answer.StatusCode, body)
		}
	}
	answer, body := w.do("POST", "/app/ask", `{"count":1}`)
	if answer.StatusCode != http.StatusTooManyRequests || body != tooMany || answer.Header.Get("Retry-After") != "2" {
		t.Errorf("beyond it: status %d, Retry-After %q, body %s", answer.StatusCode, answer.Header.Get("Retry-After"), body)
	}
	if answer.Header.Get("Access-Control-Allow-Origin") != "*" || answer.Header.Get("Access-Control-Expose-Headers") != "Retry-After" {
		t.Errorf("a browser does not see when to come again: %v", answer.Header)
	}
	if answer, _ := w.do("POST", "/app/ask", `{"count":1}`, "FZM-SIGNATURE", "stolen"); answer.StatusCode != http.StatusOK {
		t.Errorf("a bad token is answered with status %d", answer.StatusCode)
	}
	if users.asked != 3 {
		t.Errorf("the limit was asked %d times, want 3: who is nobody has none", users.asked)
	}
}

func TestAnAddressIsLimitedBeforeItsTokenIsRead(t *testing.T) {
	t.Parallel()
	addresses := &counted{left: map[string]int{"127.0.0.1/32": 1}}
	w := newWorld(t, gateway.Config{Addresses: addresses})
	if answer, body := w.do("POST", "/app/ask", `{}`, "FZM-SIGNATURE", "stolen"); answer.StatusCode != http.StatusOK || !strings.HasPrefix(body, `{"result":-1010,`) {
		t.Errorf("within the limit a bad token gives status %d, body %s", answer.StatusCode, body)
	}
	// Nobody can take another address than his own, or burden another with his requests.
	for _, header := range []string{"", "192.0.2.1"} {
		if answer, body := w.do("POST", "/app/ask", `{}`, "FZM-SIGNATURE", "stolen", "X-Forwarded-For", header); answer.StatusCode != http.StatusTooManyRequests || body != tooMany {
			t.Errorf("beyond it a bad token gives status %d, body %s", answer.StatusCode, body)
		}
	}
	for _, path := range []string{"/ping", "/openapi.json"} {
		if answer, _ := w.do("GET", path, ""); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, answer.StatusCode)
		}
	}
	if len(addresses.left) != 1 {
		t.Errorf("requests were counted for %v", addresses.left)
	}
}
