package e2e

import (
	"context"
	"testing"

	"parley/pkg/fault"
)

// The call service dies while it rings, and then Redis, which keeps what it has.
func TestACallTimesOutThoughItsServiceDied(t *testing.T) {
	t.Parallel()
	needServers(t)
	redis := ownRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := startServicesOn(t, redis.Addr, redis.Addr, "PARLEY_CALL_RING=3s")
	w := &world{t: t, site: s.site}
	ann, ben := w.handset("ann's"), w.handset("ben's")
	trace := ann.call(0, ben.client)
	s.call.kill()
	ben.hears(trace, "START_CALL")
	s.call.run()
	ben.hears(trace, "STOP_CALL_TIMEOUT")
	ann.hears(trace, "STOP_CALL_TIMEOUT")

	// Redis is killed, and keeps what it has.
	trace = ann.call(0, ben.client)
	ben.hears(trace, "START_CALL")
	must(t, redis.Kill())
	must(t, redis.Start(context.Background()))
	ben.hears(trace, "STOP_CALL_TIMEOUT")
	ann.hears(trace, "STOP_CALL_TIMEOUT")
	ann.knowsOnly("STOP_CALL_TIMEOUT", "STOP_CALL_TIMEOUT")
	ben.knowsOnly("START_CALL", "STOP_CALL_TIMEOUT", "START_CALL", "STOP_CALL_TIMEOUT")
}

func TestACallIsForgottenWhenRedisLosesIt(t *testing.T) {
	t.Parallel()
	needServers(t)
	redis := ownRedis(t)
	s := startServicesOn(t, redis.Addr, redis.Addr)
	w := &world{t: t, site: s.site}
	ann, ben := w.handset("ann's"), w.handset("ben's")
	trace := ann.call(0, ben.client)
	ben.hears(trace, "START_CALL")
	must(t, redis.Kill())
	must(t, redis.Start(context.Background()))
	until(t, func() bool { return ben.checkCall(trace).Result == fault.NotFound })
	ben.handle(trace, true).want(t, fault.NotFound)
	ann.handle(trace, false).want(t, fault.NotFound)
	carl := w.user()
	again := carl.call(0, ben.client) // nobody is busy by it
	ben.hears(again, "START_CALL")
}
