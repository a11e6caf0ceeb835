package presence

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/id"
	"parley/pkg/leaktest"
	"parley/pkg/redisx/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/app/presence") }

// world is a Redis and gateways that do one step after the other.
type world struct {
	testing.TB
	redis redis.UniversalClient
}

func newWorld(t *testing.T) *world {
	t.Parallel()
	return &world{t, redistest.New(t)}
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// gateway returns a Keeper that holds its lease.
func (w *world) gateway(name string) *Keeper {
	w.Helper()
	k := NewKeeper(w.redis, name)
	w.ok(k.renew(w.Context()))
	return k
}

// enter has a device of somebody come in.
func (w *world) enter(k *Keeper, u id.UID, uuid string) *Entry {
	w.Helper()
	e := k.Enter(Connection{User: u, Device: wirev1.Device_DEVICE_IOS, UUID: uuid, Since: time.Now()})
	w.ok(k.tell(w.Context()))
	return e
}

func (w *world) leave(k *Keeper, e *Entry) {
	w.Helper()
	k.Leave(e)
	w.ok(k.tell(w.Context()))
}

func (w *world) of(u id.UID) *Presence {
	w.Helper()
	p, err := NewReader(w.redis).Of(w.Context(), u)
	w.ok(err)
	return p
}

// want compares the devices on which somebody is connected.
func (w *world) want(u id.UID, uuids ...string) {
	w.Helper()
	var got []string
	for _, c := range w.of(u).Connections {
		got = append(got, c.UUID)
	}
	slices.Sort(got)
	if fmt.Sprint(got) != fmt.Sprint(uuids) {
		w.Errorf("%s is connected on %q, want %q", u, got, uuids)
	}
}

// later lets time go by for everything that Redis has, but for the leases of
// some gateways, which renew them meanwhile.
func (w *world) later(d time.Duration, u id.UID, alive ...*Keeper) {
	w.Helper()
	shift := func(key, field string) {
		if w.redis.HExists(w.Context(), key, field).Val() {
			w.ok(w.redis.HIncrBy(w.Context(), key, field, -d.Milliseconds()).Err())
		}
	}
	shift(userPrefix+string(u), sinceField)
	shift(userPrefix+string(u), seenField)
	for gateway := range w.redis.HGetAll(w.Context(), gateways).Val() {
		shift(gateways, gateway)
	}
	for _, k := range alive {
		// It was there all the while, so it is told nothing of a lease that ended.
		w.ok(w.redis.HIncrBy(w.Context(), gateways, k.gateway, d.Milliseconds()).Err())
	}
	for _, k := range alive {
		w.ok(k.renew(w.Context()))
		w.ok(k.tell(w.Context()))
	}
}

// steadyFor reports whether somebody has been connected for so long.
func (w *world) steadyFor(u id.UID, d time.Duration) bool {
	p := w.of(u)
	return p.Steady(p.now.Add(-d))
}

func TestSomebodyIsConnectedUntilHisLastSocketIsGone(t *testing.T) {
	w := newWorld(t)
	a, b := w.gateway("a"), w.gateway("b")
	w.want("ann")
	phone, desk := w.enter(a, "ann", "phone"), w.enter(b, "ann", "desk")
	w.enter(a, "ben", "other")
	w.want("ann", "desk", "phone")
	w.leave(a, phone)
	w.leave(a, phone)
	w.want("ann", "desk")
	w.leave(b, desk)
	w.want("ann")
	w.want("ben", "other")
	if p := w.of("ann"); p.Online() {
		t.Error("nobody is connected, and is online")
	}
}

func TestAConnectionSaysWhatItIs(t *testing.T) {
	w := newWorld(t)
	began := time.Now().Add(-time.Minute)
	k := w.gateway("a")
	k.Enter(Connection{User: "ann", Device: wirev1.Device_DEVICE_WEB, UUID: "a b/c", Since: began})
	w.ok(k.tell(t.Context()))
	p := w.of("ann")
	if len(p.Connections) != 1 {
		t.Fatalf("ann has the connections %v", p.Connections)
	}
	c := p.Connections[0]
	if c.User != "ann" || c.Device != wirev1.Device_DEVICE_WEB || c.UUID != "a b/c" {
		t.Errorf("the connection is %+v", c)
	}
	if age := p.now.Sub(c.Since); age < time.Minute || age > 2*time.Minute {
		t.Errorf("the connection began %v ago, want a minute", age)
	}
}

func TestTheConnectionsOfADeadGatewayVanish(t *testing.T) {
	w := newWorld(t)
	dead, alive := w.gateway("dead"), w.gateway("alive")
	w.enter(dead, "ann", "phone")
	w.enter(alive, "ann", "desk")
	w.later(Lease-time.Second, "ann", alive)
	w.want("ann", "desk", "phone")
	w.later(2*time.Second, "ann", alive)
	w.want("ann", "desk")
	// The next that comes in sweeps them out when that is sure.
	w.later(MaxGap, "ann", alive)
	w.enter(alive, "ann", "web")
	fields := w.redis.HKeys(t.Context(), userPrefix+"ann").Val()
	if len(fields) != 4 {
		t.Errorf("redis keeps %q", fields)
	}
}

func TestAGatewayWhoseLeaseEndedIsThereAgain(t *testing.T) {
	for _, frozen := range []time.Duration{2 * Lease, MaxGap + time.Second} {
		t.Run(frozen.String(), func(t *testing.T) {
			w := newWorld(t)
			slow, other := w.gateway("slow"), w.gateway("other")
			phone := w.enter(slow, "ann", "phone")
			w.later(frozen, "ann", other)
			w.want("ann")
			w.enter(other, "ann", "desk") // which may sweep what looks dead
			w.ok(slow.renew(t.Context()))
			w.ok(slow.tell(t.Context()))
			w.want("ann", "desk", "phone")
			w.leave(slow, phone)
			w.want("ann", "desk")
		})
	}
}

func TestWhoWasOnAFrozenGatewayWasGone(t *testing.T) {
	for frozen, want := range map[time.Duration]bool{MaxGap - time.Second: true, MaxGap + time.Second: false} {
		t.Run(frozen.String(), func(t *testing.T) {
			w := newWorld(t)
			k := w.gateway("a")
			w.enter(k, "ann", "phone")
			w.later(time.Hour, "ann", k)
			w.later(frozen, "ann")
			w.ok(k.renew(t.Context()))
			for range 2 {
				if got := w.steadyFor("ann", time.Hour); got != want {
					t.Errorf("after %v: steady is %v, want %v", frozen, got, want)
				}
				w.ok(k.tell(t.Context()))
				w.want("ann", "phone")
			}
		})
	}
}

func TestAGatewayThatIsNewIsNotTakenForDead(t *testing.T) {
	w := newWorld(t)
	old := w.gateway("old")
	w.enter(w.gateway("new"), "ann", "phone")
	w.enter(old, "ann", "desk")
	w.want("ann", "desk", "phone")
}

func TestALeaseFromTheFutureCountsFromNow(t *testing.T) {
	const back = time.Hour
	w := newWorld(t)
	dead, alive := w.gateway("dead"), w.gateway("alive")
	w.enter(dead, "ann", "phone")
	w.enter(alive, "ben", "phone")
	w.later(-back, "ann") // all that is written is an hour ahead
	w.want("ann")
	w.ok(alive.renew(t.Context()))
	w.ok(alive.tell(t.Context()))
	w.want("ben", "phone")
	w.want("ann", "phone") // it may be alive as well
	w.later(Lease+time.Second, "ann", alive)
	w.want("ann")
}

func TestARedisThatLostItsScriptsIsSentThemAgain(t *testing.T) {
	w := newWorld(t)
	k := w.gateway("a")
	for _, u := range []id.UID{"ann", "ben"} {
		e := w.enter(k, u, "phone")
		w.want(u, "phone")
		w.ok(w.redis.ScriptFlush(t.Context()).Err())
		w.leave(k, e)
		w.want(u)
		w.ok(w.redis.ScriptFlush(t.Context()).Err())
	}
}

func TestARedisThatLostEverythingIsToldAgain(t *testing.T) {
	w := newWorld(t)
	k := w.gateway("a")
	began := time.Now().Add(-time.Hour)
	k.Enter(Connection{User: "ann", UUID: "phone", Since: began})
	w.ok(k.tell(t.Context()))
	w.ok(w.redis.FlushDB(t.Context()).Err())
	w.want("ann")
	w.ok(k.renew(t.Context()))
	w.ok(k.tell(t.Context()))
	w.want("ann", "phone")
	if !w.steadyFor("ann", 50*time.Minute) {
		t.Error("ann's connection is taken for a new one")
	}
}

func TestALossIsNoticedThoughAnAnswerIsLost(t *testing.T) {
	for what, lose := range map[string]func(w *world, key string) error{
		"everything": func(w *world, _ string) error { return w.redis.FlushDB(w.Context()).Err() },
		"what was written last": func(w *world, key string) error {
			w.ok(w.redis.HIncrBy(w.Context(), gateways, "a", -1).Err())
			return w.redis.Del(w.Context(), key).Err()
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			k := w.gateway("a")
			w.enter(k, "ann", "phone")
			w.ok(lose(w, userPrefix+"ann"))
			// Redis does what it is asked, and nobody hears of it.
			w.ok(k.askRenewal(t.Context(), k.gateway, k.known).Err())
			w.ok(k.renew(t.Context()))
			w.ok(k.tell(t.Context()))
			w.want("ann", "phone")
		})
	}
}

func TestAShortGapIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		gap  time.Duration
		want bool
	}{
		"short": {MaxGap - time.Second, true},
		"long":  {MaxGap + time.Second, false},
	} {
		t.Run(name+" after leaving", func(t *testing.T) {
			w := newWorld(t)
			k := w.gateway("a")
			e := w.enter(k, "ann", "phone")
			w.later(time.Hour, "ann", k)
			w.leave(k, e)
			w.later(c.gap, "ann", k)
			if got := w.steadyFor("ann", time.Hour); got != c.want {
				t.Errorf("without a connection: steady is %v, want %v", got, c.want)
			}
			w.enter(k, "ann", "phone")
			if got := w.steadyFor("ann", time.Hour); got != c.want {
				t.Errorf("connected again: steady is %v, want %v", got, c.want)
			}
			if !w.steadyFor("ann", 0) {
				t.Error("connected again, and not steady from now on")
			}
		})
		t.Run(name+" after a gateway died", func(t *testing.T) {
			w := newWorld(t)
			dead, other := w.gateway("dead"), w.gateway("other")
			w.enter(dead, "ann", "phone")
			w.later(time.Hour, "ann", dead, other)
			w.later(c.gap, "ann", other)
			if got := w.steadyFor("ann", time.Hour); got != c.want {
				t.Errorf("without a connection: steady is %v, want %v", got, c.want)
			}
			w.enter(other, "ann", "phone")
			if got := w.steadyFor("ann", time.Hour); got != c.want {
				t.Errorf("connected again: steady is %v, want %v", got, c.want)
			}
		})
	}
}

func TestNobodyIsSteadyFromBeforeHeCame(t *testing.T) {
	w := newWorld(t)
	k := w.gateway("a")
	w.enter(k, "ann", "phone")
	if w.steadyFor("ann", time.Minute) {
		t.Error("ann counts as connected before she came")
	}
	if w.steadyFor("ben", 0) {
		t.Error("ben, whom nobody knows, counts as connected")
	}
}

func TestKeysOfThoseWhoAreGoneExpire(t *testing.T) {
	w := newWorld(t)
	k := w.gateway("a")
	e := w.enter(k, "ann", "phone")
	if left := w.redis.PTTL(t.Context(), userPrefix+"ann").Val(); left <= keepAbsent || left > keepUser {
		t.Errorf("the key of somebody who is there expires in %v", left)
	}
	w.leave(k, e)
	if left := w.redis.PTTL(t.Context(), userPrefix+"ann").Val(); left <= MaxGap || left > keepAbsent {
		t.Errorf("the key of somebody who is gone expires in %v", left)
	}
	w.ok(w.redis.HSet(t.Context(), gateways, "old", 1).Err())
	w.ok(k.renew(t.Context()))
	if w.redis.HExists(t.Context(), gateways, "old").Val() {
		t.Error("a lease of long ago is not forgotten")
	}
}

func TestAKeeperTellsByItself(t *testing.T) {
	w := newWorld(t)
	k := NewKeeper(w.redis, "a")
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		k.Keep(ctx)
	}()
	const people = maxTold + 2
	entries := make([]*Entry, people)
	keys := make([]string, people)
	for i := range entries {
		u := id.UID(fmt.Sprint("u", i))
		entries[i] = k.Enter(Connection{User: u, UUID: "phone", Since: time.Now()})
		keys[i] = userPrefix + string(u)
	}
	for w.redis.Exists(t.Context(), keys...).Val() < people {
		w.ok(t.Context().Err())
	}
	w.want("u0", "phone")
	for _, e := range entries[1:] {
		k.Leave(e)
	}
	stop()
	<-stopped
	w.ok(k.Close(t.Context()))
	for _, key := range keys[1:] {
		if fields := w.redis.HKeys(t.Context(), key).Val(); len(fields) > 2 {
			t.Errorf("%s still has %q", key, fields)
		}
	}
	w.want("u0") // the gateway gave up its lease
}

// slow is a Redis that takes its time for what is told.
type slow time.Duration

var _ redis.Hook = slow(0)

func (d slow) BeforeProcessPipeline(ctx context.Context, _ []redis.Cmder) (context.Context, error) {
	select {
	case <-time.After(time.Duration(d)):
	case <-ctx.Done():
	}
	return ctx, ctx.Err()
}

func (slow) AfterProcessPipeline(context.Context, []redis.Cmder) error { return nil }

func (slow) BeforeProcess(ctx context.Context, _ redis.Cmder) (context.Context, error) {
	return ctx, nil
}

func (slow) AfterProcess(context.Context, redis.Cmder) error { return nil }

func TestASlowRedisIsToldOfEverybody(t *testing.T) {
	w := newWorld(t)
	k := NewKeeper(w.redis, "a")
	// Telling all of them takes longer than a lease.
	const pause = 400 * time.Millisecond
	const people = maxTold * int(5*Lease/4/pause) / 2
	w.redis.AddHook(slow(pause))
	for i := range people {
		for _, uuid := range []string{"desk", "phone"} {
			k.Enter(Connection{User: id.UID(fmt.Sprint("u", i)), UUID: uuid, Since: time.Now()})
		}
	}
	began := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		k.Keep(ctx)
	}()
	defer func() { <-stopped }()
	defer stop()
	there := make(map[id.UID]bool)
	for len(there) < people {
		for i := range people {
			u := id.UID(fmt.Sprint("u", i))
			switch n := len(w.of(u).Connections); {
			case n == 2:
				there[u] = true
			case there[u]:
				t.Fatalf("after %v %s, who was there, has %d connections", time.Since(began), u, n)
			case time.Since(began) > 5*Lease:
				t.Fatalf("after %v %d of %d are connected", time.Since(began), len(there), people)
			}
		}
	}
	if took := time.Since(began); took < Lease {
		t.Errorf("all were told within %v: the test proves nothing", took)
	}
}
