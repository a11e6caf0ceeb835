package presence

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-redis/redis/v8"
	"github.com/zeromicro/go-zero/core/logx"
)

const (
	// renewEvery is how often a gateway renews its lease: a lost try or two must
	// not cost it.
	renewEvery = Lease / 3
	// maxTold and tellWithin bound one round trip.
	maxTold    = 200
	tellWithin = 2 * time.Second
	// forgetLease is when a lease that ended is forgotten. Until then it tells
	// how long the users of its gateway were connected.
	forgetLease = time.Hour
	// keepUser is how long the key of a user is kept, and againAfter when it is
	// told again at the latest: a Redis may lose keys, and one that nobody needs
	// must go.
	keepUser   = time.Hour
	againAfter = keepUser / 4
	// keepAbsent is how long it is kept when the user is gone.
	keepAbsent = 2 * MaxGap
)

// Keeper tells Redis of the connections of one gateway. It is safe for concurrent
// use, and nobody waits for Redis.
//
// While Redis has the lease and its clock goes forward, nobody removes what was
// told under it: others do so only when they have read that it was not renewed
// for over MaxGap, and such a lease is never renewed. So a lease that ran out for
// less is simply renewed. After more its gateway takes another one under another
// name, and tells everything again: whoever is connected was taken for gone so
// long that he is connected anew. The same is due when Redis lost the lease.
type Keeper struct {
	redis redis.UniversalClient
	// name is that of the first lease.
	name string
	// wake holds a token when there is something to tell, renewed when the lease
	// has just been renewed.
	wake, renewed chan struct{}

	mu     sync.Mutex
	last   int64 // number of a connection
	here   map[*Entry]struct{}
	untold map[*Entry]struct{}
	// gateway is the name of the lease, and ended how many there were before.
	gateway string
	ended   int
	// known is when the lease was last renewed as far as this process has heard,
	// or 0 for one that is new.
	known  int64
	leases *leases
	// read is when leases was read, on this machine's clock, whose pace is good
	// enough for a few seconds.
	read time.Time
}

// Entry is a connection that was told of.
type Entry struct {
	Connection
	number int64
	// field is what it was told as, and again when that is to be repeated.
	field string
	again time.Time
	gone  bool
}

// NewKeeper returns a Keeper for a gateway, whose name is used once. Keep does its
// work.
func NewKeeper(client redis.UniversalClient, gateway string) *Keeper {
	return &Keeper{
		redis: client, name: gateway, gateway: gateway, wake: make(chan struct{}, 1), renewed: make(chan struct{}, 1),
		here: make(map[*Entry]struct{}), untold: make(map[*Entry]struct{}),
	}
}

// Enter tells of a connection, soon.
func (k *Keeper) Enter(c Connection) *Entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last++
	e := &Entry{Connection: c, number: k.last}
	k.here[e] = struct{}{}
	k.owe(e)
	return e
}

// Leave tells that a connection is gone, soon. More than once is as good.
func (k *Keeper) Leave(e *Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !e.gone {
		e.gone = true
		delete(k.here, e)
		k.owe(e)
	}
}

// owe notes what is to be told. The lock is held.
func (k *Keeper) owe(e *Entry) {
	k.untold[e] = struct{}{}
	signal(k.wake)
}

// signal puts a token into a channel that has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Keep renews the lease and tells of connections until ctx ends. However long
// telling takes, the lease does not wait for it.
func (k *Keeper) Keep(ctx context.Context) {
	var telling sync.WaitGroup
	defer telling.Wait()
	telling.Go(func() { k.keepTelling(ctx) })
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		if k.try(ctx, "renew the lease of this gateway", k.renew) {
			signal(k.renewed)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// keepTelling tells of connections until ctx ends. When it failed, it waits until
// Redis has renewed the lease.
func (k *Keeper) keepTelling(ctx context.Context) {
	healthy := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.renewed:
			healthy = true
		case <-k.wake:
		}
		if healthy {
			healthy = k.try(ctx, "tell who is connected", k.tell)
		}
	}
}

func (k *Keeper) try(ctx context.Context, what string, do func(context.Context) error) bool {
	err := do(ctx)
	if err != nil && ctx.Err() == nil {
		logx.Errorf("%s: %v", what, err)
	}
	return err == nil
}

// Close tells of connections that are gone, and gives up the lease. Keep has
// ended.
func (k *Keeper) Close(ctx context.Context) error {
	if k.leases == nil {
		return nil // nothing was ever told
	}
	if err := k.renew(ctx); err != nil {
		return fmt.Errorf("renew the lease of this gateway: %w", err)
	}
	if err := k.tell(ctx); err != nil {
		return err
	}
	// It stays as one that has ended, so that others remove what it left behind.
	ended := k.clock() - 2*Lease.Milliseconds()
	if err := k.redis.HSet(ctx, gateways, k.gateway, ended).Err(); err != nil {
		return fmt.Errorf("give up the lease of this gateway: %w", err)
	}
	return nil
}

// renew renews the lease, or takes a new one and has everything told again.
func (k *Keeper) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	for {
		k.mu.Lock()
		gateway, known := k.gateway, k.known
		k.mu.Unlock()
		answer := k.askRenewal(ctx, gateway, known)
		leases, err := readLeases(answer)
		if err != nil {
			return err
		}
		list, err := answer.Slice()
		if err != nil || len(list) != 3 {
			return errAnswer
		}
		if list[2] == int64(1) {
			k.hold(leases)
			return nil
		}
		k.begin(leases)
	}
}

func (k *Keeper) askRenewal(ctx context.Context, gateway string, known int64) *redis.Cmd {
	return renewScript.Run(ctx, k.redis, []string{gateways}, gateway, known, MaxGap.Milliseconds(), forgetLease.Milliseconds())
}

// hold notes that the lease was renewed, and what is to be told again.
func (k *Keeper) hold(leases *leases) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.leases, k.read, k.known = leases, time.Now(), leases.now
	for e := range k.here {
		if !e.again.IsZero() && k.read.After(e.again) {
			k.untold[e] = struct{}{}
		}
	}
}

// begin prepares for a new lease. Everything is to be told under it, whether or
// not the answer arrives when Redis grants it.
func (k *Keeper) begin(leases *leases) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if renewed, is := leases.renewed[k.gateway]; is && leases.now-renewed > MaxGap.Milliseconds() {
		k.ended++
		k.gateway = fmt.Sprintf("%s~%d", k.name, k.ended)
	}
	k.known = 0
	for e := range k.here {
		k.untold[e] = struct{}{}
	}
}

// clock is the present time on the clock of the leases.
func (k *Keeper) clock() int64 { return k.leases.now + time.Since(k.read).Milliseconds() }

// errStale says that nothing can be told because nobody knows which other
// gateways are there. It is over when the lease is renewed.
var errStale = errors.New("the leases were read too long ago")

// tell tells of everything that is untold.
func (k *Keeper) tell(ctx context.Context) error {
	for {
		batch, err := k.take()
		if err != nil || len(batch) == 0 {
			return err
		}
		if err := k.send(ctx, batch); err != nil {
			k.mu.Lock()
			for _, t := range batch {
				k.untold[t.entry] = struct{}{}
			}
			k.mu.Unlock()
			return err
		}
	}
}

// told is how a connection is told: a script with what it takes.
type told struct {
	entry  *Entry
	script *redis.Script
	key    string
	args   []any
	answer *redis.Cmd
}

// take takes some of the connections that are untold.
func (k *Keeper) take() ([]*told, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.leases == nil || len(k.untold) == 0 {
		return nil, nil
	}
	if time.Since(k.read) > Lease {
		return nil, errStale
	}
	now := k.clock()
	renewed := make([]any, 0, 2*len(k.leases.renewed))
	for gateway, at := range k.leases.renewed {
		renewed = append(renewed, gateway, at)
	}
	var batch []*told
	for e := range k.untold {
		if len(batch) == maxTold {
			break
		}
		delete(k.untold, e)
		t := &told{entry: e, key: userPrefix + string(e.User)}
		if e.gone {
			t.script, t.args = leaveScript, []any{now, keepAbsent.Milliseconds(), e.field}
		} else {
			e.field = k.gateway + "/" + strconv.FormatInt(e.number, 10)
			e.again = time.Now().Add(againAfter/2 + rand.N(againAfter/2))
			since := now - time.Since(e.Since).Milliseconds()
			args := []any{now, k.leases.now, MaxGap.Milliseconds(), keepUser.Milliseconds(), e.field, e.value(since), since}
			t.script, t.args = enterScript, append(args, renewed...)
		}
		batch = append(batch, t)
	}
	return batch, nil
}

// send sends a batch in one round trip, and the text of a script to a server
// that does not have it.
func (k *Keeper) send(ctx context.Context, batch []*told) error {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	_, err := k.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, t := range batch {
			t.answer = t.script.EvalSha(ctx, p, []string{t.key}, t.args...)
		}
		return nil
	})
	if err == nil {
		return nil
	}
	var unknown []*told
	for _, t := range batch {
		switch err := t.answer.Err(); {
		case err == nil:
		case strings.HasPrefix(err.Error(), "NOSCRIPT"):
			unknown = append(unknown, t)
		default:
			return err
		}
	}
	if len(unknown) == 0 {
		return err
	}
	_, err = k.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, t := range unknown {
			t.script.Eval(ctx, p, []string{t.key}, t.args...)
		}
		return nil
	})
	return err
}
