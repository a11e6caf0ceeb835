package redis

import (
	"context"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"

	"parley/app/call"
	"parley/pkg/id"
	"parley/pkg/leaktest"
	"parley/pkg/redisx/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/app/call/redis.") }

const (
	keep = 24 * time.Hour
	ring = time.Minute
)

// start is when the calls of these tests start.
var start = time.UnixMilli(1_700_000_000_000)

// world is a Redis with a store on it.
type world struct {
	testing.TB
	redis redis.UniversalClient
	store *Store
}

func newWorld(t testing.TB) *world {
	t.Helper()
	client := redistest.New(t)
	return &world{t, client, New(client, keep)}
}

// ringing returns a call that owes nothing.
func ringing(i call.ID, room int32, caller id.UID, invitees ...id.UID) *call.Session {
	c := call.New(i, call.Audio, 0, room, caller, invitees, invitees, start.UnixMilli(), ring.Milliseconds())
	c.Owed = nil
	return c
}

func (w *world) update(now time.Time, fn func(call.Tx) error) {
	w.Helper()
	if err := w.store.Update(context.Background(), now, fn); err != nil {
		w.Fatalf("update: %v", err)
	}
}

// put stores calls, in their order.
func (w *world) put(now time.Time, calls ...*call.Session) {
	w.Helper()
	w.update(now, func(tx call.Tx) error {
		for _, c := range calls {
			known, err := tx.Session(c.ID)
			if err != nil {
				return err
			}
			if known != nil {
				*known = *c
				c = known
			}
			tx.Put(c)
		}
		return nil
	})
}

// change changes a call that there is.
func (w *world) change(now time.Time, i call.ID, change func(c *call.Session)) {
	w.Helper()
	w.update(now, func(tx call.Tx) error { return changeIn(tx, i, change) })
}

func changeIn(tx call.Tx, i call.ID, change func(c *call.Session)) error {
	c, err := tx.Session(i)
	if err != nil {
		return err
	}
	change(c)
	tx.Put(c)
	return nil
}

// session reads a call, or nil.
func (w *world) session(i call.ID) (c *call.Session) {
	w.Helper()
	w.update(start, func(tx call.Tx) error {
		var err error
		c, err = tx.Session(i)
		return err
	})
	return c
}

// of reads which calls somebody is in.
func (w *world) of(u id.UID) (ids []call.ID) {
	w.Helper()
	w.update(start, func(tx call.Tx) error {
		calls, err := tx.Of(u)
		ids = nil
		for _, c := range calls {
			ids = append(ids, c.ID)
		}
		return err
	})
	return ids
}

// over ends a call for everybody.
func over(c *call.Session) {
	for i := range c.Parties {
		c.Parties[i].State = call.Over
	}
	c.Ended = start.UnixMilli()
}

// owes has a call owe its caller so many signals.
func owes(n int) func(c *call.Session) {
	return func(c *call.Session) {
		c.Owed = nil
		for range n {
			c.Count++
			c.Owed = append(c.Owed, call.Owed{Number: c.Count, To: c.Caller(), What: call.Stop})
		}
	}
}
