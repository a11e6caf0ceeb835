package gateway_test

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zeromicro/go-zero/rest"

	"parley/pkg/bind"
	"parley/pkg/gateway"
	"parley/pkg/id"
	"parley/pkg/ratelimit"
	"parley/pkg/redisx/redistest"
	"parley/pkg/reply"
)

// crowd is a Verifier to which every request comes from another user.
type crowd struct{ asked atomic.Int64 }

func (c *crowd) Verify(string) (id.UID, error) {
	return id.UID("user-" + strconv.Itoa(int(c.asked.Add(1))%10_000)), nil
}

// BenchmarkLimits is what limits cost: the time of a request that does nothing, without
// a limit, with one for ten thousand users and with one for their address too. With
// PARLEY_TEST_REDIS it measures a real server.
func BenchmarkLimits(b *testing.B) {
	rate := ratelimit.Rate{PerSecond: ratelimit.MaxPerSecond, Burst: ratelimit.MaxBurst}
	for _, row := range []struct {
		name             string
		users, addresses bool
	}{{name: "none"}, {name: "users", users: true}, {name: "users and addresses", users: true, addresses: true}} {
		b.Run(row.name, func(b *testing.B) {
			client := redistest.New(b)
			var config gateway.Config
			if row.users {
				config.Users = ratelimit.New(client, "user", rate, time.Second)
			}
			if row.addresses {
				config.Addresses = ratelimit.New(client, "address", rate, time.Second)
			}
			g, err := gateway.New(config, new(crowd), io.Discard)
			if err != nil {
				b.Fatal(err)
			}
			g.Server().AddRoute(rest.Route{Method: http.MethodPost, Path: "/app/record/sync-record",
				Handler: func(w http.ResponseWriter, r *http.Request) {
					var req syncReq
					_, err := bind.Parse(r, &req)
					reply.Write(w, r, nil, err)
				}})
			handler, err := g.Handler()
			if err != nil {
				b.Fatal(err)
			}
			benchmark(b, handler)
		})
	}
}
