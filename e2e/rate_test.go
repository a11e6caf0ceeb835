package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/app"
	"parley/e2e/servers/fixture"
	"parley/pkg/fault"
)

// patient is a configuration in which nobody is let through because the machine has
// other things to do.
func patient() app.Config {
	config := app.Default()
	config.Limit.Timeout = 10 * time.Second
	return config
}

// groupList is a request that needs nothing but a user.
func (c *client) groupList() *answer { return c.post("/group/app/group-list", fields{}) }

// limited waits until the answer to a request is that there were too many.
func limited(t testing.TB, ask func() *answer) *answer {
	t.Helper()
	var a *answer
	until(t, func() bool {
		a = ask()
		return a.status == http.StatusTooManyRequests
	})
	return a
}

// wantTooMany checks the answer to a request that was one too many.
func wantTooMany(t testing.TB, a *answer) {
	t.Helper()
	want := fmt.Sprintf(`{"result":%d,"message":"%s","data":null}`, fault.Busy, fault.Busy.Text(false))
	if string(a.body) != want || a.header.Get("Retry-After") != "1" {
		t.Errorf("the answer is %s, to be tried again after %q seconds; want %s and 1", a.body, a.header.Get("Retry-After"), want)
	}
}

// All gateways count together, and each user for himself.
func TestAUserMaySendSoMuchAndNoMore(t *testing.T) {
	config := patient()
	config.Limit.UserRate, config.Limit.UserBurst = 2, 10
	everywhereWith(t, config, func(t *testing.T, w *world) {
		ann, ben := w.user(), w.user()
		began := time.Now()
		var let atomic.Int64
		atOnce(60, func(i int) {
			path := []string{"/app/user/login", "/group/app/group-list", "/oss/get-host"}[i%3]
			switch a := ann.post(path, fields{}); a.status {
			case http.StatusOK:
				let.Add(1)
			case http.StatusTooManyRequests:
				wantTooMany(t, a)
			default:
				t.Errorf("%s is answered with status %d and %s", path, a.status, a.body)
			}
		})
		if n, most := let.Load(), 11+int64(2*time.Since(began).Seconds()); n < 10 || n > most {
			t.Errorf("%d of 60 requests are let through, want from 10 to %d", n, most)
		}
		wantTooMany(t, limited(t, ann.groupList))
		ben.groupList().want(t, fault.OK)
		until(t, func() bool { return ann.groupList().status == http.StatusOK })
	})
}

// come sends a request as a proxy hands it on for a client, without a token.
func (w *world) come(forwarded string) *answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.site.url("/group/app/group-list"), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if forwarded != "" {
		req.Header.Set("X-Forwarded-For", forwarded)
	}
	a, err := do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// A proxy appends the address that it was called from. What a client wrote before
// that neither helps him nor harms others.
func TestAnAddressBehindAProxyCannotBeMadeUp(t *testing.T) {
	config := patient()
	config.Proxies = []string{"127.0.0.1"}
	config.Limit.AddressRate, config.Limit.AddressBurst = 1, 5
	everywhereWith(t, config, func(t *testing.T, w *world) {
		const flooder, victim = "192.0.2.1", "198.51.100.7"
		n := 0
		a := limited(t, func() *answer {
			n++
			return w.come(fmt.Sprintf("203.0.113.%d, %s", n%250, flooder))
		})
		wantTooMany(t, a)
		limited(t, func() *answer { return w.come(victim + ", 127.0.0.1, " + flooder) })
		w.come(victim).want(t, fault.BadSignature)
		// Of an IPv6 network all addresses are one.
		n = 0
		limited(t, func() *answer {
			n++
			return w.come(fmt.Sprintf("2001:db8:1:2::%x", n))
		})
		w.come("2001:db8:1:3::1").want(t, fault.BadSignature)
	})
}

func TestWithoutAProxyNobodyIsBelieved(t *testing.T) {
	config := patient()
	config.Limit.AddressRate, config.Limit.AddressBurst = 1, 5
	everywhereWith(t, config, func(t *testing.T, w *world) {
		n := 0
		limited(t, func() *answer {
			n++
			return w.come(fmt.Sprintf("203.0.113.%d", n%250))
		})
	})
}

// handshake asks for a socket and returns the answer.
func (w *world) handshake() (*rawConn, *http.Response) {
	w.t.Helper()
	c := dial(w.t, w.site.connect).write(head("GET /sub HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
	res, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { res.Body.Close() })
	return c, res
}

// opens waits until the answer to a handshake has a status.
func (w *world) opens(status int) *http.Response {
	w.t.Helper()
	var res *http.Response
	until(w.t, func() bool {
		_, res = w.handshake()
		return res.StatusCode == status
	})
	return res
}

func TestSocketsAreOpenedAtTheRateOfTheAddress(t *testing.T) {
	config := patient()
	config.Limit.AddressRate, config.Limit.AddressBurst = 1, 3
	everywhereWith(t, config, func(t *testing.T, w *world) {
		w.opens(http.StatusSwitchingProtocols)
		if res := w.opens(http.StatusTooManyRequests); res.Header.Get("Retry-After") != "1" {
			t.Errorf("the headers are %v", res.Header)
		}
		w.opens(http.StatusSwitchingProtocols)
	})
}

func TestAGatewayHasSoManySockets(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*app.Config)
		status int
	}{
		"of one address": {func(c *app.Config) { c.Connect.MaxPerAddress = 2 }, http.StatusTooManyRequests},
		"in all":         {func(c *app.Config) { c.Connect.MaxConns = 2 }, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			config := app.Default()
			row.change(&config)
			atOneGateway(t, config, func(t *testing.T, w *world) {
				first, one := w.handshake()
				_, two := w.handshake()
				_, three := w.handshake()
				if one.StatusCode != 101 || two.StatusCode != 101 || three.StatusCode != row.status {
					t.Errorf("three sockets are answered with %d, %d and %d", one.StatusCode, two.StatusCode, three.StatusCode)
				}
				must(t, first.Close())
				w.opens(http.StatusSwitchingProtocols)
			})
		})
	}
}

// Two gateways with nothing in common but Redis: what one lets through the other
// counts. When Redis dies everything is let through at once, and when it is back the
// limits hold again.
func TestLimitsHoldAsLongAsRedisLives(t *testing.T) {
	needServers(t)
	t.Parallel()
	r := ownRedis(t)
	var sites []site
	for range 2 {
		p := newProcess(t, []string{"PARLEY_REDIS_ADDRS=" + r.Addr, "PARLEY_LIMIT_USERRATE=5", "PARLEY_LIMIT_USERBURST=20", "PARLEY_LIMIT_TIMEOUT=500ms"}, "-data", t.TempDir())
		p.start()
		sites = append(sites, p.site)
	}
	ann := newUser(t, sites[0])
	both := []*client{ann, {t: t, site: sites[1], key: ann.key, headers: make(http.Header)}}
	burst := func() int64 {
		var let atomic.Int64
		atOnce(100, func(i int) {
			if both[i%2].groupList().status == http.StatusOK {
				let.Add(1)
			}
		})
		return let.Load()
	}
	began := time.Now()
	if n, most := burst(), 36+int64(5*time.Since(began).Seconds()); n < 20 || n > most {
		t.Errorf("two gateways let %d of 100 requests through, want from 20 to %d", n, most)
	}
	limited(t, both[0].groupList)
	limited(t, both[1].groupList)
	newUser(t, sites[1]).groupList().want(t, fault.OK)
	for range 2 {
		must(t, r.Kill())
		for _, c := range both {
			until(t, func() bool { return c.groupList().status == http.StatusOK })
		}
		began = time.Now()
		for range 50 {
			for _, c := range both {
				c.groupList().want(t, fault.OK)
			}
		}
		if took := time.Since(began); took > fast {
			t.Errorf("without Redis 100 requests take %s", took)
		}
		must(t, r.Start(context.Background()))
		limited(t, both[0].groupList)
		limited(t, both[1].groupList)
	}
}

// A Redis that hangs is worse than one that is gone.
func TestALimitDoesNotWaitForARedisThatHangs(t *testing.T) {
	needServers(t)
	t.Parallel()
	r := ownRedis(t)
	p := newProcess(t, []string{"PARLEY_REDIS_ADDRS=" + r.Addr, "PARLEY_LIMIT_USERRATE=5", "PARLEY_LIMIT_USERBURST=100000"}, "-data", t.TempDir())
	p.start()
	ann := newUser(t, p.site)
	ann.groupList().want(t, fault.OK)
	must(t, r.Freeze())
	began := time.Now()
	for range 200 {
		ann.groupList().want(t, fault.OK)
	}
	if took := time.Since(began); took > fast {
		t.Errorf("while Redis hangs 200 requests take %s", took)
	}
	must(t, r.Thaw())
}

// The buckets of users lie on all nodes, each of which learns the script.
func TestLimitsHoldOnARedisCluster(t *testing.T) {
	needServers(t)
	t.Parallel()
	cluster, err := fixture.StartRedisCluster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, cluster.Stop()) })
	p := newProcess(t, []string{"PARLEY_REDIS_ADDRS=" + strings.Join(cluster.Addrs(), ","), "PARLEY_LIMIT_USERRATE=1", "PARLEY_LIMIT_USERBURST=5"}, "-data", t.TempDir())
	p.start()
	atOnce(12, func(int) {
		limited(t, newUser(t, p.site).groupList)
	})
	newUser(t, p.site).groupList().want(t, fault.OK)
}
