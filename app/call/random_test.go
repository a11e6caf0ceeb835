package call_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"

	"parley/app/call"
	callredis "parley/app/call/redis"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/redisx/redistest"
)

const (
	// interleavings are tried on a real Redis, fewInterleavings on the embedded
	// one, whose scripts take long.
	interleavings    = 10_000
	fewInterleavings = 100

	actors = 3 // who act at the same time, each on a service of his own
	acts   = 7 // of each
)

// A few people do at random what they can, at the same time on several services
// with logs that fail now and then, while time goes by in leaps. Whatever came of
// it must be what the rules allow.
func TestWhateverHappensAtRandomTheRulesHold(t *testing.T) {
	n := fewInterleavings
	if os.Getenv(redistest.EnvRedis) != "" {
		n = interleavings
	}
	seed := rand.Uint64()
	client := redistest.New(t)
	seen := make(map[string]int)
	now := new(atomic.Int64)
	now.Store(1_700_000_000_000)
	for number := range n {
		r := newRound(client, now, seed, uint64(number))
		r.play()
		r.finish()
		r.judge()
		seen["a log that failed"] += r.log.failed
		for what, times := range r.seen {
			seen[what] += times
		}
		if len(r.wrong) > 0 {
			t.Fatalf("seed %d, interleaving %d:\n%s", seed, number, r.report())
		}
		// The embedded Redis looks at every key that it has for each command.
		if err := client.FlushDB(context.Background()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d: %v", seed, seen)
	for _, what := range []string{
		"answered", "rejected", "cancelled", "busy", "timed out", "a log that failed", "more than two talk", "-10101", "-10102", "-1019",
	} {
		if seen[what] == 0 {
			t.Errorf("in %d interleavings there was never: %s", n, what)
		}
	}
}

// round is one interleaving.
type round struct {
	redis    redis.UniversalClient
	store    call.Store
	now      *atomic.Int64
	random   func() *rand.Rand // one for each actor
	users    []id.UID
	services []*call.Service
	log      *memoryLog

	mu    sync.Mutex
	calls []call.ID
	gone  map[id.UID]bool
	acts  []act
	seen  map[string]int
	wrong []string
}

// act is something that somebody did, and what was answered.
type act struct {
	what   string
	user   id.UID
	call   call.ID
	device string
	code   fault.Code
	ticket *call.Ticket
	told   int // how much was in the log when the answer came
}

func newRound(client redis.UniversalClient, now *atomic.Int64, seed, number uint64) *round {
	r := &round{
		redis: client, store: callredis.New(client, keep), now: now, gone: make(map[id.UID]bool), seen: make(map[string]int),
	}
	streams := atomic.Uint64{}
	r.random = func() *rand.Rand { return rand.New(rand.NewPCG(seed, number<<8|streams.Add(1))) }
	for _, name := range []string{"a", "b", "c", "d"} {
		r.users = append(r.users, id.UID(fmt.Sprintf("%s%d", name, number)))
	}
	r.log = &memoryLog{random: r.random(), known: make(map[string]bool)}
	config := call.Config{Ring: ring, MaxInvitees: 8, TicketExpire: 100 * 365 * 24 * time.Hour}
	for range actors {
		s := call.NewService(config, callredis.New(client, keep), r.log, everybody{}, r, new(world))
		s.SetClock(r.time)
		r.services = append(r.services, s)
	}
	return r
}

func (r *round) time() time.Time { return time.UnixMilli(r.now.Load()) }

// everybody is in every group.
type everybody struct{}

func (everybody) Check(context.Context, id.GID, id.UID, []id.UID) error { return nil }

// Steady implements call.Presence.
func (r *round) Steady(_ context.Context, u id.UID, _ time.Time) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.gone[u], nil
}

// signal is an event in a memoryLog.
type signal struct {
	name string
	to   id.UID
	call call.ID
	what string
}

// memoryLog is a log that fails now and then, before it appends or after.
type memoryLog struct {
	mu     sync.Mutex
	random *rand.Rand
	sound  bool
	known  map[string]bool
	events []signal
	failed int
}

func (l *memoryLog) Append(_ context.Context, e eventlog.Event) (eventlog.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fails := 0
	if !l.sound {
		fails = l.random.IntN(40)
	}
	if fails == 1 {
		l.failed++
		return eventlog.Receipt{}, errLost
	}
	if !l.known[e.ID] {
		l.known[e.ID] = true
		i, what, err := decode(e)
		if err != nil {
			return eventlog.Receipt{}, err
		}
		l.events = append(l.events, signal{name: e.ID, to: e.A, call: call.ID(i), what: what})
	}
	if fails == 2 {
		l.failed++
		return eventlog.Receipt{}, errLost
	}
	return eventlog.Receipt{}, nil
}

func (l *memoryLog) Change(context.Context, func(*eventlog.Tx) error) error {
	return errors.New("no ticket ends in these tests")
}

func (l *memoryLog) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events)
}

// play has everybody act at the same time.
func (r *round) play() {
	var all sync.WaitGroup
	for _, s := range r.services {
		random := r.random()
		all.Go(func() {
			for range acts {
				r.act(s, random)
			}
		})
	}
	all.Wait()
}

// act does one thing at random.
func (r *round) act(s *call.Service, random *rand.Rand) {
	ctx := context.Background()
	u := r.users[random.IntN(len(r.users))]
	device := []string{"phone", "phone", "desk", ""}[random.IntN(4)]
	r.mu.Lock()
	var i call.ID
	if len(r.calls) > 0 {
		i = r.calls[max(random.IntN(len(r.calls)), random.IntN(len(r.calls)))] // rather a late one
	}
	r.mu.Unlock()
	a := act{user: u, call: i, device: device}
	var err error
	choice := random.IntN(20)
	switch {
	case choice < 3 || i == 0:
		a.what = "start"
		a.call, err = r.start(s, u, random)
	case choice < 11:
		a.what = "accept"
		a.ticket, err = s.Accept(ctx, i, u, device)
	case choice < 13:
		a.what = "refuse"
		err = s.Refuse(ctx, i, u, device)
	case choice < 15:
		a.what = "decline"
		err = s.Decline(ctx, i, u)
	case choice < 16:
		a.what = "check"
		_, err = s.Check(ctx, i, u)
	case choice < 17:
		a.what = "look"
		err = s.Look(ctx)
	case choice < 18:
		r.mu.Lock()
		r.gone[u] = !r.gone[u]
		r.mu.Unlock()
		a.what = "connections"
	default:
		a.what = "time"
		r.now.Add([]int64{1, 1_000, 2_000, 30_000, 59_999, 60_000}[random.IntN(6)])
	}
	if err != nil {
		a.code = fault.Of(err).Code
	}
	a.told = r.log.length()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acts = append(r.acts, a)
	r.seen[fmt.Sprint(int32(a.code))]++
	if a.code == fault.Busy && !errors.Is(err, errLost) {
		r.wrong = append(r.wrong, fmt.Sprintf("%s answers %v", a.what, err))
	}
}

// start starts a call to one or more others.
func (r *round) start(s *call.Service, u id.UID, random *rand.Rand) (call.ID, error) {
	others := slices.DeleteFunc(slices.Clone(r.users), func(other id.UID) bool { return other == u })
	random.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	request := call.Request{Caller: u, Kind: call.Audio, Invitees: others[:1]}
	if n := random.IntN(len(others)); n > 0 {
		request.Group, request.Invitees = crew, others[:n+1]
	}
	c, err := s.Start(context.Background(), request)
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.calls, c.ID) {
		r.calls = append(r.calls, c.ID)
	}
	return c.ID, nil
}
