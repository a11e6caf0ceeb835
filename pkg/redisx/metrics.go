package redisx

import (
	"sync"

	"github.com/go-redis/redis/v8"

	"parley/pkg/metrics"
)

var (
	connections = metrics.NewGaugeSum("parley_redis_connections",
		"Connections to Redis, of a cluster to all of its nodes: state is in_use or idle.", "state")
	poolTimeouts = metrics.NewCounterSum("parley_redis_pool_timeouts_total",
		"How often a command waited in vain for a connection.")
	errorsTotal = metrics.NewCounter("parley_redis_errors_total",
		"Commands, or pipelines of them, to which there was no answer: Redis is away, silent, or not what it should be. What it answers is none, even if it refuses.")
)

// measured has, by the client, what ends the measuring of it.
var measured sync.Map

// measure counts the errors of a client, and has its pools asked until it is closed.
func measure(client redis.UniversalClient) {
	client.AddHook(hook{})
	all := []func(){
		connections.Add(func() float64 { s := client.PoolStats(); return float64(s.TotalConns - s.IdleConns) }, "in_use"),
		connections.Add(func() float64 { return float64(client.PoolStats().IdleConns) }, "idle"),
		poolTimeouts.Add(func() float64 { return float64(client.PoolStats().Timeouts) }),
	}
	measured.Store(client, all)
}

// unmeasure ends it for a client, if it was begun.
func unmeasure(client redis.UniversalClient) {
	all, ok := measured.LoadAndDelete(client)
	if !ok {
		return
	}
	for _, one := range all.([]func()) {
		one()
	}
}
