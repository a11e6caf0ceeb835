// Package redistest gives a test an empty Redis.
package redistest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"

	"parley/pkg/redisx"
)

// EnvRedis names the environment variable with the address, host:port, of a
// Redis that is for tests alone. e2e/servers sets it. Without it tests run on
// the embedded one. It may also name clusters: the addresses of a cluster's nodes
// are separated by commas, the clusters by semicolons.
const EnvRedis = "PARLEY_TEST_REDIS"

// Addrs returns the addresses of the Redis that processes of tests share, for
// PARLEY_REDIS_ADDRS, or "" for the embedded one.
func Addrs() string {
	first, _, _ := strings.Cut(os.Getenv(EnvRedis), ";")
	return first
}

// New returns an empty Redis that belongs to t alone and goes with it. On a
// real server it is one of its numbered databases, of which the fixture has
// thousands, so tests of several packages can run at once. A cluster has only
// one database, so it is a whole cluster, and the tests of one package run at a
// time (go test -p 1).
func New(t testing.TB) redis.UniversalClient {
	t.Helper()
	ctx := context.Background()
	cfg, giveBack, err := take(ctx)
	if err != nil {
		t.Fatalf("find an empty redis in %s=%s: %v", EnvRedis, os.Getenv(EnvRedis), err)
	}
	client, err := redisx.Open(ctx, cfg)
	if err != nil {
		t.Fatalf("open a redis: %v", err)
	}
	t.Cleanup(func() {
		defer giveBack()
		if len(cfg.Addrs) > 0 {
			if err := empty(ctx, client); err != nil {
				t.Errorf("empty the redis of a test: %v", err)
			}
		}
		if err := redisx.Close(client); err != nil {
			t.Errorf("close a redis: %v", err)
		}
	})
	if err := empty(ctx, client); err != nil {
		t.Fatalf("empty a redis: %v", err)
	}
	return client
}

func empty(ctx context.Context, client redis.UniversalClient) error {
	if cluster, ok := client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return node.FlushDB(ctx).Err() })
	}
	return client.FlushDB(ctx).Err()
}

// clusters are those that nobody uses. Whoever finds none waits for one.
var clusters = sync.OnceValue(func() chan string {
	all := strings.Split(os.Getenv(EnvRedis), ";")[1:] // the first one is for processes
	free := make(chan string, len(all))
	for _, addrs := range all {
		free <- addrs
	}
	return free
})

// patience is how long a cluster may be waited for. Whoever has one runs meanwhile.
const patience = 3 * time.Minute

// take returns the configuration of a Redis that nobody uses.
func take(ctx context.Context) (cfg redisx.Config, giveBack func(), err error) {
	addr := os.Getenv(EnvRedis)
	switch {
	case addr == "":
		return redisx.Config{}, func() {}, nil
	case strings.Contains(addr, ","):
		select {
		case addrs := <-clusters():
			return redisx.Config{Addrs: strings.Split(addrs, ",")}, func() { clusters() <- addrs }, nil
		case <-time.After(patience):
			return redisx.Config{}, nil, fmt.Errorf("no cluster has become free for %s; is each kept by a test that waits for parallel subtests?", patience)
		}
	}
	db, err := nextDatabase(ctx, addr)
	return redisx.Config{Addrs: []string{addr}, DB: db}, func() {}, err
}

// nextDatabase counts in database 0, which no test gets.
func nextDatabase(ctx context.Context, addr string) (int, error) {
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	n, err := client.Incr(ctx, "redistest:databases").Result()
	if err != nil {
		return 0, err
	}
	config, err := client.ConfigGet(ctx, "databases").Result()
	if err != nil {
		return 0, err
	}
	if len(config) != 2 {
		return 0, fmt.Errorf("the server does not tell how many databases it has")
	}
	databases, err := strconv.Atoi(fmt.Sprint(config[1]))
	if err != nil || databases < 2 {
		return 0, fmt.Errorf("the server has %v databases: %w", config[1], err)
	}
	return 1 + int(n)%(databases-1), nil
}
