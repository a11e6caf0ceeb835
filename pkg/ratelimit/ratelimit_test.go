package ratelimit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/go-redis/redis/v8"

	"parley/pkg/ratelimit"
	"parley/pkg/redisx/redistest"
)

// patient is how long most tests wait for Redis: on a busy machine nobody is to be let
// through because it is slow.
const patient = time.Minute

// frozen is a Redis whose clock stands still until a test moves it.
type frozen struct {
	*miniredis.Miniredis
	client redis.UniversalClient
	now    time.Time
}

func newFrozen(t *testing.T) *frozen {
	t.Helper()
	f := &frozen{Miniredis: miniredis.RunT(t), now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	f.client = redis.NewClient(&redis.Options{Addr: f.Addr()})
	t.Cleanup(func() { f.client.Close() })
	f.SetTime(f.now)
	return f
}

// pass lets time pass in Redis.
func (f *frozen) pass(d time.Duration) {
	f.now = f.now.Add(d)
	f.SetTime(f.now)
	f.FastForward(d)
}

// putBack changes the clock of Redis, of which its expiry of keys knows nothing.
func (f *frozen) putBack(d time.Duration) {
	f.now = f.now.Add(-d)
	f.SetTime(f.now)
}

// take returns how many of n tokens there are. Each is wanted by a process of its
// own, which remembers nothing of those before.
func (f *frozen) take(rate ratelimit.Rate, key string, n int) (taken int, wait time.Duration) {
	for range n {
		ok, w := ratelimit.New(f.client, "test", rate, patient).Take(key)
		if ok {
			taken++
		}
		wait = max(wait, w)
	}
	return taken, wait
}

func TestABucketHasItsBurstAndFillsAtItsRate(t *testing.T) {
	t.Parallel()
	r := newFrozen(t)
	rate := ratelimit.Rate{PerSecond: 4, Burst: 10}
	for _, step := range []struct {
		passes time.Duration
		wants  int
		taken  int
		wait   time.Duration
	}{
		{0, 12, 10, 250 * time.Millisecond},
		{100 * time.Millisecond, 1, 0, 150 * time.Millisecond},
		{150 * time.Millisecond, 2, 1, 250 * time.Millisecond},
		{time.Second, 5, 4, 250 * time.Millisecond},
		{time.Hour, 11, 10, 250 * time.Millisecond},
	} {
		r.pass(step.passes)
		if taken, wait := r.take(rate, "ann", step.wants); taken != step.taken || wait != step.wait {
			t.Errorf("after %s more %d of %d tokens are taken, and the next comes in %s; want %d and %s",
				step.passes, taken, step.wants, wait, step.taken, step.wait)
		}
	}
}

func TestBucketsAreApart(t *testing.T) {
	t.Parallel()
	r := newFrozen(t)
	rate := ratelimit.Rate{PerSecond: 1, Burst: 3}
	if taken, _ := r.take(rate, "ann", 9); taken != 3 {
		t.Errorf("ann takes %d of 3", taken)
	}
	if taken, _ := r.take(rate, "ben", 9); taken != 3 {
		t.Errorf("ben takes %d of 3 when ann has none", taken)
	}
	if ok, _ := ratelimit.New(r.client, "other", rate, patient).Take("ann"); !ok {
		t.Error("a limiter of another name has the same bucket")
	}
}

func TestAFullBucketLeavesNothingInRedis(t *testing.T) {
	t.Parallel()
	r := newFrozen(t)
	r.take(ratelimit.Rate{PerSecond: 2, Burst: 5}, "ann", 3)
	if left := r.TTL("rate:test:ann"); left != 1500*time.Millisecond {
		t.Errorf("the key of a bucket that is full in 1.5s lives for %s", left)
	}
	r.pass(1500 * time.Millisecond)
	if r.Exists("rate:test:ann") {
		t.Error("the key of a full bucket is still there")
	}
}

// A replica that takes over may have another clock.
func TestAClockThatIsPutBackEmptiesABucketAtMost(t *testing.T) {
	t.Parallel()
	r := newFrozen(t)
	rate := ratelimit.Rate{PerSecond: 10, Burst: 20}
	r.take(rate, "ann", 5)
	r.putBack(24 * time.Hour)
	if taken, wait := r.take(rate, "ann", 1); taken != 0 || wait != 100*time.Millisecond {
		t.Errorf("after the clock was put back %d tokens are taken, and the next comes in %s", taken, wait)
	}
	r.pass(500 * time.Millisecond)
	if taken, _ := r.take(rate, "ann", 30); taken != 5 {
		t.Errorf("half a second later %d tokens are taken, want 5", taken)
	}
}

func TestABurstThatIsMadeSmallerLocksNobodyOut(t *testing.T) {
	t.Parallel()
	r := newFrozen(t)
	r.take(ratelimit.Rate{PerSecond: 2, Burst: 200}, "ann", 200)
	small := ratelimit.Rate{PerSecond: 2, Burst: 4}
	if taken, wait := r.take(small, "ann", 1); taken != 0 || wait != 500*time.Millisecond {
		t.Errorf("of an empty bucket that was made smaller %d tokens are taken, and the next comes in %s", taken, wait)
	}
	r.pass(time.Second)
	if taken, _ := r.take(small, "ann", 5); taken != 2 {
		t.Errorf("a second later %d tokens are taken, want 2", taken)
	}
}

// model is a bucket as a page of mathematics would have it, in micro-tokens.
type model struct {
	rate   ratelimit.Rate
	amount int64
	at     time.Time
}

const micro = 1_000_000

func (m *model) take(now time.Time) bool {
	m.amount = min(int64(m.rate.Burst)*micro, m.amount+now.Sub(m.at).Microseconds()*int64(m.rate.PerSecond))
	m.at = now
	if m.amount < micro {
		return false
	}
	m.amount -= micro
	return true
}

// Whole microseconds make a bucket stricter than the model by less than one token
// in each burst, and never more generous.
func TestABucketIsLikeTheModel(t *testing.T) {
	t.Parallel()
	r := newFrozen(t)
	for round := range 30 {
		rate := ratelimit.Rate{PerSecond: 1 + rand.IntN(300), Burst: 1 + rand.IntN(30)}
		exact := micro%rate.PerSecond == 0
		m := model{rate: rate, amount: int64(rate.Burst) * micro, at: r.now}
		key := strconv.Itoa(round)
		taken, possible := 0, 0
		for range 100 {
			r.pass(time.Duration(rand.IntN(2*micro/rate.PerSecond)) * time.Microsecond)
			got, _ := r.take(rate, key, 1)
			want := m.take(r.now)
			taken += got
			if want {
				possible++
			}
			if exact && (got == 1) != want {
				t.Fatalf("%+v: %d tokens are taken where the model says %v", rate, got, want)
			}
			if taken > possible {
				t.Fatalf("%+v: %d tokens are taken where the model gives %d", rate, taken, possible)
			}
		}
		if taken < possible-1 {
			t.Errorf("%+v: %d tokens are taken where the model gives %d", rate, taken, possible)
		}
	}
}

func FuzzABucketNeverGivesMoreThanItMay(f *testing.F) {
	f.Add(10, 5, uint64(1))
	f.Add(7, 1, uint64(2))
	f.Add(ratelimit.MaxPerSecond, ratelimit.MaxBurst, uint64(3))
	f.Fuzz(func(t *testing.T, perSecond, burst int, seed uint64) {
		if perSecond < 1 || perSecond > ratelimit.MaxPerSecond || burst < 1 || burst > ratelimit.MaxBurst {
			t.Skip()
		}
		r := newFrozen(t)
		rate := ratelimit.Rate{PerSecond: perSecond, Burst: burst}
		random := rand.New(rand.NewPCG(seed, 0))
		began, taken := r.now, 0
		for range 50 {
			r.pass(time.Duration(random.Int64N(3*micro/int64(perSecond)+1)) * time.Microsecond)
			n, wait := r.take(rate, "ann", 1+random.IntN(3))
			taken += n
			most := int64(burst)*micro + r.now.Sub(began).Microseconds()*int64(perSecond)
			if int64(taken)*micro > most {
				t.Fatalf("%+v: %d tokens are taken in %s", rate, taken, r.now.Sub(began))
			}
			if wait > time.Second {
				t.Fatalf("%+v: the next token is said to come in %s", rate, wait)
			}
		}
	})
}

// Several gateways, many requests at once, and Redis's own clock: in no stretch of
// time are more tokens given than the burst and what the bucket gained.
func TestProcessesShareABucket(t *testing.T) {
	t.Parallel()
	client := redistest.New(t)
	rate := ratelimit.Rate{PerSecond: 200, Burst: 50}
	began := time.Now()
	var taken atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		l := ratelimit.New(client, "test", rate, patient)
		for range 16 {
			all.Go(func() {
				for time.Since(began) < 300*time.Millisecond {
					if ok, wait := l.Take("ann"); ok {
						taken.Add(1)
					} else if wait <= 0 || wait > time.Second {
						t.Errorf("the next token is said to come in %s", wait)
					}
				}
			})
		}
	}
	all.Wait()
	most := int64(rate.Burst) + int64(float64(rate.PerSecond)*time.Since(began).Seconds()) + 1
	if n := taken.Load(); n > most || n == 0 {
		t.Errorf("%d tokens are taken, want from 1 to %d", n, most)
	}
}

func TestAServerThatForgetsTheScriptGetsIt(t *testing.T) {
	t.Parallel()
	client := redistest.New(t)
	l := ratelimit.New(client, "test", ratelimit.Rate{PerSecond: 1, Burst: 2}, patient)
	for i := range 4 {
		if err := client.ScriptFlush(context.Background()).Err(); err != nil {
			t.Fatal(err)
		}
		if ok, _ := l.Take("ann"); ok != (i < 2) {
			t.Errorf("take %d of a burst of 2 is %v", i+1, ok)
		}
	}
}

func TestWhoHasNoTokenIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	r := newFrozen(t)
	l := ratelimit.New(r.client, "test", ratelimit.Rate{PerSecond: 1, Burst: 1}, patient)
	l.Take("ann")
	l.Take("ann")
	asked := r.CommandCount()
	for range 100 {
		if ok, wait := l.Take("ann"); ok || wait <= 0 || wait > time.Second {
			t.Fatalf("ann without a token gets %v, %s", ok, wait)
		}
	}
	if more := r.CommandCount() - asked; more != 0 {
		t.Errorf("a hundred who are too many cost %d commands", more)
	}
	if ok, _ := l.Take("ben"); !ok {
		t.Error("ben has no token because ann has none")
	}
}

func TestManyKeysAreKeptApartInOneBatch(t *testing.T) {
	t.Parallel()
	l := ratelimit.New(redistest.New(t), "test", ratelimit.Rate{PerSecond: 1, Burst: 3}, patient)
	const users, tries = 500, 5
	var taken [users]atomic.Int64
	began := time.Now()
	var all sync.WaitGroup
	for i := range users * tries {
		all.Go(func() {
			if ok, _ := l.Take(fmt.Sprint("user-", i%users)); ok {
				taken[i%users].Add(1)
			}
		})
	}
	all.Wait()
	for i := range taken {
		// A question whose answer comes too late is asked again, so fewer are possible.
		if n := taken[i].Load(); n > 4+int64(time.Since(began).Seconds()) {
			t.Fatalf("user %d takes %d of 3 tokens", i, n)
		}
	}
}
