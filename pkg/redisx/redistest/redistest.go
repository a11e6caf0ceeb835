// Package redistest gives a test an empty Redis.
package redistest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/go-redis/redis/v8"

	"parley/pkg/redisx"
)

// EnvRedis names the environment variable with the address, host:port, of a
// Redis that is for tests alone. e2e/servers sets it. Without it tests run on
// the embedded one.
const EnvRedis = "PARLEY_TEST_REDIS"

// New returns an empty Redis that belongs to t alone and goes with it. On a
// real server it is one of its numbered databases, of which the fixture has
// thousands, so tests of several packages can run at once.
func New(t testing.TB) redis.UniversalClient {
	t.Helper()
	ctx := context.Background()
	var cfg redisx.Config
	addr := os.Getenv(EnvRedis)
	if addr != "" {
		db, err := nextDatabase(ctx, addr)
		if err != nil {
			t.Fatalf("find an empty database in %s=%s: %v", EnvRedis, addr, err)
		}
		cfg = redisx.Config{Addrs: []string{addr}, DB: db}
	}
	client, err := redisx.Open(ctx, cfg)
	if err != nil {
		t.Fatalf("open a redis: %v", err)
	}
	t.Cleanup(func() {
		if addr != "" {
			if err := client.FlushDB(ctx).Err(); err != nil {
				t.Errorf("empty the redis of a test: %v", err)
			}
		}
		if err := redisx.Close(client); err != nil {
			t.Errorf("close a redis: %v", err)
		}
	})
	if err := client.FlushDB(ctx).Err(); err != nil {
		t.Fatalf("empty a redis: %v", err)
	}
	return client
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
