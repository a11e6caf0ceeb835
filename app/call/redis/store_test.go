package redis

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/app/call"
	"parley/pkg/id"
)

func TestACallComesBackAsItWasPut(t *testing.T) {
	w := newWorld(t)
	c := call.New(7, call.Video, 5, 9, "a", []id.UID{"z", "b"}, []id.UID{"b"}, start.UnixMilli(), ring.Milliseconds())
	c.Recorded = true
	if _, err := c.Accept("b", "phone", start.UnixMilli()+5, issuer{}); err != nil {
		t.Fatal(err)
	}
	w.put(start, c)
	got, err := json.Marshal(w.session(7))
	if want, _ := json.Marshal(c); err != nil || !bytes.Equal(got, want) || !bytes.Contains(want, []byte("sig of b")) {
		t.Errorf("it is %s, want %s: %v", got, want, err)
	}
	if got := w.session(8); got != nil {
		t.Errorf("a call that there is not is %+v", got)
	}
}

type issuer struct{}

func (issuer) Ticket(u id.UID, room int32) (call.Ticket, error) {
	return call.Ticket{Room: room, UserSig: "sig of " + string(u), PrivateMapKey: "key of " + string(u), AppID: 3}, nil
}

func TestWithinAnUpdateACallIsTheSameEachTime(t *testing.T) {
	w := newWorld(t)
	w.put(start, ringing(1, 11, "a", "b"))
	w.update(start, func(tx call.Tx) error {
		first, err := tx.Session(1)
		if err != nil {
			return err
		}
		again, err := tx.Session(1)
		of, err2 := tx.Of("b")
		if err != nil || err2 != nil || first != again || len(of) != 1 || of[0] != first {
			t.Errorf("%p, then %p, then %v: %v %v", first, again, of, err, err2)
		}
		first.Parties[1].State = call.Over
		if of, err := tx.Of("b"); err != nil || len(of) != 0 {
			t.Errorf("who left is in %v: %v", of, err)
		}
		fresh := ringing(2, 12, "a", "b")
		tx.Put(fresh)
		if c, err := tx.Session(2); c != fresh || err != nil {
			t.Errorf("what was put is %p, want %p: %v", c, fresh, err)
		}
		return nil
	})
}

func TestAnUpdateThatFailsStoresNothing(t *testing.T) {
	w := newWorld(t)
	failure := errors.New("no")
	err := w.store.Update(context.Background(), start, func(tx call.Tx) error {
		tx.Put(ringing(1, 11, "a", "b"))
		tx.Note("name", start)
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("the error is %v, want %v", err, failure)
	}
	if keys := w.redis.Keys(context.Background(), "*").Val(); len(keys) != 0 {
		t.Errorf("it leaves %v", keys)
	}
}

// Whatever an update read may have changed before it stores: a call that it
// changes, one that it only read, that there was none, or the calls of a user.
func TestAnUpdateStartsOverWhenAnythingThatItReadHasChanged(t *testing.T) {
	for _, c := range []struct {
		name      string
		read      func(tx call.Tx) (any, error)
		meanwhile func(w *world)
		want      bool
	}{
		{"a call", func(tx call.Tx) (any, error) { return tx.Session(1) },
			func(w *world) { w.change(start, 1, owes(1)) }, true},
		{"the same user's calls", func(tx call.Tx) (any, error) { return tx.Of("b") },
			func(w *world) { w.put(start, ringing(2, 12, "d", "b")) }, true},
		{"a user without calls", func(tx call.Tx) (any, error) { return tx.Of("x") },
			func(w *world) { w.put(start, ringing(2, 12, "x", "y")) }, true},
		{"a call that there was not", func(tx call.Tx) (any, error) { return tx.Session(2) },
			func(w *world) { w.put(start, ringing(2, 12, "x", "y")) }, true},
		{"a room that was free", func(tx call.Tx) (any, error) { return tx.Reserve(12, 9) },
			func(w *world) { w.put(start, ringing(2, 12, "x", "y")) }, true},
		{"a call that is gone", func(tx call.Tx) (any, error) { return tx.Session(1) },
			func(w *world) { w.redis.FlushDB(context.Background()) }, true},
		{"a call that it did not read", func(tx call.Tx) (any, error) { return tx.Session(1) },
			func(w *world) { w.put(start, ringing(2, 12, "x", "y")) }, false},
	} {
		w := newWorld(t)
		w.put(start, ringing(1, 11, "a", "b"))
		runs := 0
		w.update(start, func(tx call.Tx) error {
			runs++
			if _, err := c.read(tx); err != nil {
				return err
			}
			if runs == 1 {
				c.meanwhile(w)
			}
			tx.Put(ringing(3, 13, "e", "f"))
			return nil
		})
		if again := runs == 2; again != c.want || runs > 2 {
			t.Errorf("%s: it ran %d times", c.name, runs)
		}
	}
}

func TestOfManyWhoChangeACallAtOnceEachFindsWhatTheOthersDid(t *testing.T) {
	w := newWorld(t)
	w.put(start, ringing(1, 11, "a", "b"), ringing(2, 12, "c", "d"))
	const services, times = 4, 10
	var all sync.WaitGroup
	for range services {
		store := New(w.redis, keep)
		all.Go(func() {
			for range times {
				err := store.Update(context.Background(), start, func(tx call.Tx) error {
					return errors.Join(changeIn(tx, 1, func(c *call.Session) { c.Count++ }), changeIn(tx, 2, func(c *call.Session) { c.Count++ }))
				})
				if err != nil {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	all.Wait()
	for i := range call.ID(2) {
		if got, want := w.session(i+1).Count, 1+services*times; got != want {
			t.Errorf("call %d was changed %d times, want %d", i+1, got, want)
		}
	}
}

// Two who make the very same change are two all the same: the second is told of
// the first.
func TestTheSameChangeAtTheSameMomentIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	w.put(start, ringing(1, 11, "a", "b"))
	var found []call.State
	accept := func(c *call.Session) {
		found = append(found, c.Parties[1].State)
		c.Parties[1].State = call.Talking
	}
	runs := 0
	w.update(start, func(tx call.Tx) error {
		runs++
		if err := changeIn(tx, 1, accept); err != nil {
			return err
		}
		if runs == 1 {
			w.change(start, 1, accept)
		}
		return nil
	})
	if want := []call.State{call.Ringing, call.Ringing, call.Talking}; !slices.Equal(found, want) {
		t.Errorf("they find %v, want %v", found, want)
	}
}

func TestAnUpdateGivesUpWhenItsContextEnds(t *testing.T) {
	w := newWorld(t)
	w.put(start, ringing(1, 11, "a", "b"))
	ctx, cancel := context.WithCancel(context.Background())
	runs := 0
	err := w.store.Update(ctx, start, func(tx call.Tx) error {
		runs++
		err := changeIn(tx, 1, owes(1))
		w.change(start, 1, owes(1))
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) || runs != 1 {
		t.Errorf("after %d runs: %v", runs, err)
	}
}

func TestAnUpdateThatIsAlwaysTooLateGivesUp(t *testing.T) {
	w := newWorld(t)
	w.put(start, ringing(1, 11, "a", "b"))
	err := w.store.Update(context.Background(), start, func(tx call.Tx) error {
		err := changeIn(tx, 1, owes(1))
		w.change(start, 1, owes(1))
		return err
	})
	if !errors.Is(err, ErrConflict) {
		t.Errorf("the error is %v", err)
	}
}

func TestAUserIsInTheCallsThatAreNotOverForHim(t *testing.T) {
	w := newWorld(t)
	w.put(start, ringing(1, 11, "a", "b"), ringing(2, 12, "a", "c"))
	w.put(start, ringing(3, 13, "b", "a"))
	for u, want := range map[id.UID][]call.ID{"a": {1, 2, 3}, "b": {1, 3}, "c": {2}, "d": nil} {
		if got := w.of(u); !slices.Equal(got, want) {
			t.Errorf("%s is in %v, want %v", u, got, want)
		}
	}
	w.change(start, 1, func(c *call.Session) { c.Parties[0].State = call.Over })
	w.change(start, 2, over)
	for u, want := range map[id.UID][]call.ID{"a": {3}, "b": {1, 3}, "c": nil} {
		if got := w.of(u); !slices.Equal(got, want) {
			t.Errorf("then %s is in %v, want %v", u, got, want)
		}
	}
	if n := w.redis.Exists(context.Background(), userKey("c")).Val(); n != 0 {
		t.Error("who is in no call has a list")
	}
}

func TestACallConcernsWhomItOwesSomething(t *testing.T) {
	w := newWorld(t)
	w.put(start, ringing(1, 11, "a", "b"))
	w.change(start, 1, func(c *call.Session) { over(c); owes(1)(c) })
	if a, b := w.of("a"), w.of("b"); !slices.Equal(a, []call.ID{1}) || len(b) != 0 {
		t.Errorf("it concerns a: %v, b: %v; it is over, and owes a something", a, b)
	}
	w.change(start, 1, owes(0))
	if a := w.of("a"); len(a) != 0 {
		t.Errorf("a is in %v, which is over and owes nothing", a)
	}
}

func TestARoomIsTakenAsLongAsItsCallIsKept(t *testing.T) {
	w := newWorld(t)
	reserve := func(room int32, i call.ID) (free bool) {
		w.update(start, func(tx call.Tx) error {
			var err error
			free, err = tx.Reserve(room, i)
			return err
		})
		return free
	}
	if !reserve(11, 1) || !reserve(11, 2) {
		t.Error("a room is taken before a call in it is stored")
	}
	w.put(start, ringing(1, 11, "a", "b"))
	if reserve(11, 2) || !reserve(12, 2) {
		t.Error("the room of a call is free, or another is taken")
	}
	w.change(start.Add(time.Hour), 1, over)
	if reserve(11, 2) {
		t.Error("the room of a call that is over is free before that is forgotten")
	}
}
