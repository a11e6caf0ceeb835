package presence

import (
	"context"
	"fmt"
	"strconv"
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
	// told again: a Redis may lose keys, and one that nobody needs must go.
	keepUser   = time.Hour
	againAfter = keepUser / 4
	// keepAbsent is how long it is kept when the user is gone.
	keepAbsent = 2 * MaxGap
)

// Keeper tells Redis of the connections of one gateway. It is safe for concurrent
// use, and nobody waits for Redis.
type Keeper struct {
	redis   redis.UniversalClient
	gateway string
	wake    chan struct{} // holds one token when there is something to tell

	mu     sync.Mutex
	last   int64 // number of a connection
	here   map[*Entry]struct{}
	untold map[*Entry]struct{}
	leases *leases
	// read is when leases was read, on this machine's clock, whose pace is good
	// enough for a few seconds.
	read time.Time
}

// Entry is a connection that was told of.
type Entry struct {
	Connection
	number int64
	told   time.Time
	gone   bool
}

// NewKeeper returns a Keeper for a gateway, whose name is used once. Keep does its
// work.
func NewKeeper(client redis.UniversalClient, gateway string) *Keeper {
	return &Keeper{
		redis: client, gateway: gateway, wake: make(chan struct{}, 1),
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
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Keep renews the lease and tells of connections until ctx ends.
func (k *Keeper) Keep(ctx context.Context) {
	renew := time.NewTicker(renewEvery)
	defer renew.Stop()
	healthy := k.try(ctx, "renew the lease of this gateway", k.renew)
	for {
		if healthy {
			healthy = k.try(ctx, "tell who is connected", k.tell)
		}
		select {
		case <-ctx.Done():
			return
		case <-renew.C:
			healthy = k.try(ctx, "renew the lease of this gateway", k.renew)
		case <-k.wake:
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

// Close tells of connections that are gone, and gives up the lease.
func (k *Keeper) Close(ctx context.Context) error {
	k.mu.Lock()
	known := k.leases != nil
	k.mu.Unlock()
	if !known {
		return nil // nothing was ever told
	}
	if err := k.tell(ctx); err != nil {
		return err
	}
	if err := k.redis.HDel(ctx, gateways, k.gateway).Err(); err != nil {
		return fmt.Errorf("give up the lease of this gateway: %w", err)
	}
	return nil
}

// renew renews the lease. When it had ended, or Redis lost it, others took the
// connections for gone, and all of them are told again.
func (k *Keeper) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	answer := renewScript.Run(ctx, k.redis, []string{gateways}, k.gateway, forgetLease.Milliseconds())
	leases, err := readLeases(answer)
	if err != nil {
		return err
	}
	list, err := answer.Slice()
	if err != nil || len(list) != 3 {
		return errAnswer
	}
	before, _ := list[2].(int64)
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	lost := before < 0 || leases.now-before > Lease.Milliseconds()
	for e := range k.here {
		if lost || now.Sub(e.told) > againAfter {
			k.untold[e] = struct{}{}
		}
	}
	k.leases, k.read = leases, now
	return nil
}

// tell tells of everything that is untold.
func (k *Keeper) tell(ctx context.Context) error {
	for {
		batch, now, leases := k.take()
		if len(batch) == 0 {
			return nil
		}
		if err := k.send(ctx, batch, now, leases); err != nil {
			k.mu.Lock()
			for _, e := range batch {
				k.untold[e] = struct{}{}
			}
			k.mu.Unlock()
			return err
		}
	}
}

// take takes some of the connections that are untold, with the present time on
// the clock of the leases.
func (k *Keeper) take() (batch []*Entry, now int64, leases *leases) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.leases == nil {
		return nil, 0, nil
	}
	for e := range k.untold {
		if len(batch) == maxTold {
			break
		}
		delete(k.untold, e)
		batch = append(batch, e)
	}
	return batch, k.leases.now + time.Since(k.read).Milliseconds(), k.leases
}

func (k *Keeper) send(ctx context.Context, batch []*Entry, now int64, leases *leases) error {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	renewed := make([]any, 0, 2*len(leases.renewed))
	for gateway, at := range leases.renewed {
		renewed = append(renewed, gateway, at)
	}
	_, err := k.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, e := range batch {
			k.mu.Lock()
			gone := e.gone
			k.mu.Unlock()
			key := []string{userPrefix + string(e.User)}
			field := k.gateway + "/" + strconv.FormatInt(e.number, 10)
			if gone {
				p.Eval(ctx, leaveScript, key, now, keepAbsent.Milliseconds(), field)
				continue
			}
			since := now - time.Since(e.Since).Milliseconds()
			args := []any{now, MaxGap.Milliseconds(), Lease.Milliseconds(), keepUser.Milliseconds(), field, e.value(since), since}
			p.Eval(ctx, enterScript, key, append(args, renewed...)...)
			e.told = time.Now()
		}
		return nil
	})
	return err
}
