package redisx_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"

	"parley/e2e/servers/fixture"
	"parley/pkg/redisx"
	"parley/pkg/redisx/redistest"
	"parley/pkg/tlsx"
	"parley/pkg/tlsx/tlstest"
)

// stop ends a server with the test.
func stop(t *testing.T, server interface{ Stop() error }) {
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("stop a server: %v", err)
		}
	})
}

func open(t *testing.T, cfg redisx.Config) redis.UniversalClient {
	t.Helper()
	client, err := redisx.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("open redis: %v", err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// eventually tries until ok returns nil.
func eventually(t *testing.T, within time.Duration, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %v", within, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestNoAddressMeansAnEmbeddedRedis(t *testing.T) {
	t.Parallel()
	client := open(t, redisx.Config{})
	checkWhatParleyUses(t, client)
}

func TestEmbeddedKeysExpireByThemselves(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	client := open(t, redisx.Config{})
	if err := client.Set(ctx, "short", "lived", 20*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() error {
		if err := client.Get(ctx, "short").Err(); !errors.Is(err, redis.Nil) {
			return errors.New("the key is still there")
		}
		return nil
	})
}

func TestEmbeddedServersAreApart(t *testing.T) {
	t.Parallel()
	one, other := open(t, redisx.Config{}), open(t, redisx.Config{})
	if err := one.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := other.Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("a second embedded redis has the first one's key: %v", err)
	}
}

func TestSingleServer(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	server, err := fixture.StartRedis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop(t, server)
	client := open(t, redisx.Config{Addrs: []string{server.Addr}})
	checkWhatParleyUses(t, client)

	t.Run("is an error within seconds while it is gone and recovers by itself", func(t *testing.T) {
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := redisx.Ping(t.Context(), client); err == nil {
			t.Error("a dead redis answers")
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a dead redis was an error only after %s", took)
		}
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, func() error { return redisx.Ping(t.Context(), client) })
	})

	t.Run("is an error within seconds while it hangs", func(t *testing.T) {
		if err := server.Freeze(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := redisx.Ping(t.Context(), client); err == nil {
			t.Error("a frozen redis answers")
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("a frozen redis was an error only after %s", took)
		}
		if err := server.Thaw(); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, func() error { return redisx.Ping(t.Context(), client) })
	})
}

func TestPasswordComesFromAFile(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	server, err := fixture.StartRedis(t.Context(), "--requirepass", "open sesame")
	if err != nil {
		t.Fatal(err)
	}
	stop(t, server)
	file := filepath.Join(t.TempDir(), "password")
	write := func(password string) {
		if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := redisx.Config{Addrs: []string{server.Addr}, PasswordFile: file, StartTimeout: time.Minute}

	write("open sesame\n")
	open(t, cfg)

	write("wrong")
	began := time.Now()
	_, err = redisx.Open(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "Redis.Addrs") {
		t.Errorf("a wrong password gave the error %v, which does not name the key", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("a wrong password was waited for %s", took)
	}
}

func TestOverTLSBothSidesShowACertificate(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	authority := tlstest.New(t)
	cert, key := authority.Issue(t, "server")
	server, err := fixture.StartRedisTLS(t.Context(), fixture.Certificate{CAFile: authority.CAFile, CertFile: cert, KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, server)
	cfg := func(secured tlsx.ClientConfig) redisx.Config {
		return redisx.Config{Addrs: []string{server.Addr}, ClientConfig: secured}
	}
	if err := redisx.Ping(t.Context(), open(t, cfg(authority.Certified(t)))); err != nil {
		t.Error(err)
	}
	wrong := authority.Certified(t)
	wrong.CAFile = tlstest.New(t).CAFile
	if _, err := redisx.Open(t.Context(), cfg(wrong)); err == nil || !strings.Contains(err.Error(), "is not trusted") {
		t.Errorf("a server of another authority gave the error %v", err)
	}
	// These are refused when they have sent a command already, and what the server says
	// may be lost with the connection.
	for who, secured := range map[string]tlsx.ClientConfig{"without a certificate": authority.Client(), "without TLS": {}} {
		c := cfg(secured)
		c.StartTimeout = time.Second
		if _, err := redisx.Open(t.Context(), c); err == nil {
			t.Errorf("a client %s was answered", who)
		}
	}
}

func TestOpenWaitsForAServerThatComesLater(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	server, err := fixture.StartRedis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop(t, server)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		client, err := redisx.Open(context.Background(), redisx.Config{Addrs: []string{server.Addr}})
		if err == nil {
			err = client.Close()
		}
		opened <- err
	}()
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("open redis while it starts: %v", err)
	}
}

func TestOpenGivesUpAndNamesTheKey(t *testing.T) {
	t.Parallel()
	_, err := redisx.Open(t.Context(), redisx.Config{Addrs: []string{"127.0.0.1:1"}, StartTimeout: 200 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "Redis.Addrs") || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("a server that never comes gave the error %v", err)
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	cluster, err := fixture.StartRedisCluster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop(t, cluster)
	for name, addrs := range map[string][]string{
		"by all of its nodes": cluster.Addrs(),
		"by one of its nodes": cluster.Addrs()[:1],
	} {
		t.Run(name, func(t *testing.T) {
			client := open(t, redisx.Config{Addrs: addrs})
			if _, ok := client.(*redis.ClusterClient); !ok {
				t.Fatalf("the client is a %T", client)
			}
			checkWhatParleyUses(t, client)
		})
	}

	t.Run("a command goes to the right node at once", func(t *testing.T) {
		client := open(t, redisx.Config{Addrs: cluster.Addrs()})
		before := redirected(t, cluster)
		for i := range 200 {
			if err := client.Set(t.Context(), "key"+strconv.Itoa(i), i, 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if n := redirected(t, cluster) - before; n != 0 {
			t.Errorf("the nodes sent 200 commands on %d times", n)
		}
	})
}

// redirected counts the MOVED errors that the nodes of a cluster gave.
func redirected(t *testing.T, cluster *fixture.RedisCluster) (total int) {
	t.Helper()
	for _, addr := range cluster.Addrs() {
		node := redis.NewClient(&redis.Options{Addr: addr})
		defer node.Close()
		stats, err := node.Info(t.Context(), "errorstats").Result()
		if err != nil {
			t.Fatal(err)
		}
		_, count, found := strings.Cut(stats, "errorstat_MOVED:count=")
		if !found {
			continue
		}
		n, err := strconv.Atoi(strings.Fields(count)[0])
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return total
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	set, err := fixture.StartRedisSentinel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop(t, set)
	client := open(t, redisx.Config{Addrs: []string{set.Sentinel.Addr}, Master: fixture.SentinelMaster})
	checkWhatParleyUses(t, client)

	t.Run("the replica takes over when the master dies", func(t *testing.T) {
		if err := set.AwaitReplica(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := set.Master.Kill(); err != nil {
			t.Fatal(err)
		}
		eventually(t, 30*time.Second, func() error { return client.Set(t.Context(), "after", "failover", 0).Err() })
	})
}

// checkWhatParleyUses runs one of each kind of command that Parley gives.
func checkWhatParleyUses(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	ctx := t.Context()
	if err := redisx.Ping(ctx, client); err != nil {
		t.Error(err)
	}
	if err := client.Set(ctx, "key", "value", time.Minute).Err(); err != nil {
		t.Errorf("SET: %v", err)
	}
	if got, err := client.Get(ctx, "key").Result(); err != nil || got != "value" {
		t.Errorf("GET: %q, %v", got, err)
	}
	script := redis.NewScript(`redis.call('SET', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])`)
	for range 2 {
		if _, err := script.Run(ctx, client, []string{"{tag}:a", "{tag}:b"}, "x").Int(); err != nil {
			t.Errorf("a script: %v", err)
		}
	}
	_, err := client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, "{tag}:hash", "field", "value")
		p.Expire(ctx, "{tag}:hash", time.Minute)
		return nil
	})
	if err != nil {
		t.Errorf("a transaction: %v", err)
	}
	if _, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 20 {
			p.Set(ctx, "many:"+strconv.Itoa(i), i, time.Minute)
		}
		return nil
	}); err != nil {
		t.Errorf("a pipeline over many slots: %v", err)
	}
	if err := client.Del(ctx, "stream").Err(); err != nil {
		t.Errorf("DEL: %v", err)
	}
	id, err := client.XAdd(ctx, &redis.XAddArgs{Stream: "stream", MaxLen: 1000, Approx: true, Values: []string{"k", "v"}}).Result()
	if err != nil {
		t.Errorf("XADD: %v", err)
	}
	read, err := client.XRead(ctx, &redis.XReadArgs{Streams: []string{"stream", "0"}, Count: 10, Block: time.Second}).Result()
	if err != nil || len(read) != 1 || read[0].Messages[0].ID != id {
		t.Errorf("XREAD: %v, %v; want the entry %s", read, err, id)
	}
	_, err = client.XRead(ctx, &redis.XReadArgs{Streams: []string{"stream", id}, Block: 10 * time.Millisecond}).Result()
	if !errors.Is(err, redis.Nil) {
		t.Errorf("XREAD of nothing: %v", err)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  redisx.Config
		says string
	}{
		"an address without a port":   {redisx.Config{Addrs: []string{"localhost"}}, "localhost"},
		"a master without sentinels":  {redisx.Config{Master: "parley"}, "Redis.Addrs"},
		"a database of a cluster":     {redisx.Config{Addrs: []string{"a:1", "b:1"}, DB: 3}, "Redis.DB"},
		"a password file not there":   {redisx.Config{Addrs: []string{"a:1"}, PasswordFile: "no/such"}, "no/such"},
		"authorities that are not":    {redisx.Config{Addrs: []string{"a:1"}, ClientConfig: tlsx.ClientConfig{TLS: true, CAFile: "redisx_test.go"}}, "redisx_test.go"},
		"a pool of less than nothing": {redisx.Config{PoolSize: -1}, "PoolSize"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := c.cfg.Check(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v, want one that names %s", err, c.says)
			}
		})
	}
}

func TestFixtureGivesAnEmptyRedis(t *testing.T) {
	t.Parallel()
	for range 2 {
		client := redistest.New(t)
		if n, err := client.DBSize(t.Context()).Result(); err != nil || n != 0 {
			t.Errorf("a new redis has %d keys, %v", n, err)
		}
		if err := client.Set(t.Context(), "left", "over", 0).Err(); err != nil {
			t.Error(err)
		}
	}
}
