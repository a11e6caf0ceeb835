package redis

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/app/call"
	"parley/pkg/id"
)

// ttl is how long a key lives, from now on. -2 ns is a key that there is not, -1 ns
// one that lives for ever.
func (w *world) ttl(key string) time.Duration {
	w.Helper()
	d, err := w.redis.PTTL(context.Background(), key).Result()
	if err != nil {
		w.Fatalf("how long %s lives: %v", key, err)
	}
	return d
}

// lives checks how long a key lives, give or take what the test took.
func (w *world) lives(key string, want time.Duration) {
	w.Helper()
	if got := w.ttl(key); got > want || got < want-10*time.Second {
		w.Errorf("%s lives for %s, want %s", key, got, want)
	}
}

func TestACallAndItsRoomAreKeptAfterItsDeadlineItsLastAcceptanceAndItsEnd(t *testing.T) {
	const late = 2 * time.Hour
	for _, c := range []struct {
		name   string
		change func(c *call.Session)
		now    time.Duration
		want   time.Duration
	}{
		{"ringing", nil, 0, ring + keep},
		{"accepted", func(c *call.Session) { c.Renewed = start.Add(time.Second).UnixMilli() }, time.Second, ring - time.Second + keep},
		{"accepted late", func(c *call.Session) { c.Renewed = start.Add(late).UnixMilli() }, late, keep},
		{"changed after that", func(c *call.Session) { c.Renewed, c.Count = start.Add(time.Hour).UnixMilli(), 9 }, late, keep - time.Hour},
		{"over", func(c *call.Session) { over(c); c.Ended = start.Add(late).UnixMilli() }, late, keep},
		{"changed much too late", func(c *call.Session) { c.Count = 9 }, 3 * keep, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.put(start, ringing(1, 11, "a", "b"))
			if c.change != nil {
				w.change(start.Add(c.now), 1, c.change)
			}
			w.lives(sessionKey(1), c.want)
			w.lives(roomKey(11), c.want)
		})
	}
}

// Whoever still has a ticket for a room must not meet another call in it.
func TestARoomIsReservedUntilItsTicketsEnd(t *testing.T) {
	w := newWorld(t)
	w.put(start, ringing(1, 11, "a", "b"))
	w.change(start.Add(time.Second), 1, func(c *call.Session) {
		c.Renewed = start.Add(time.Second).UnixMilli()
		c.Until = start.Add(10 * keep).UnixMilli()
	})
	w.lives(roomKey(11), 10*keep-time.Second)
	w.lives(sessionKey(1), keep+ring-time.Second)
	w.change(start.Add(time.Hour), 1, over)
	w.lives(roomKey(11), 10*keep-time.Hour)
}

func TestNothingLivesForEverButTheIndexes(t *testing.T) {
	w := newWorld(t)
	c := ringing(1, 11, "a", "b")
	owes(1)(c)
	w.update(start, func(tx call.Tx) error {
		tx.Put(c)
		tx.Note("name", start)
		return nil
	})
	keys := w.redis.Keys(context.Background(), "*").Val()
	slices.Sort(keys)
	want := []string{deadlines, owing, roomKey(11), sessionKey(1), tickets, userKey("a"), userKey("b")}
	if !slices.Equal(keys, want) {
		t.Errorf("there are the keys %v, want %v", keys, want)
	}
	for _, key := range keys {
		index := key == deadlines || key == owing || key == tickets
		if forever := w.ttl(key) < 0; forever != index {
			t.Errorf("%s lives for %s", key, w.ttl(key))
		}
	}
}

// Who is in a call is found as long as it is kept.
func TestTheListOfAUserOutlivesHisCalls(t *testing.T) {
	w := newWorld(t)
	w.put(start, ringing(1, 11, "a", "b"))
	w.redis.Expire(context.Background(), userKey("a"), time.Second)
	w.change(start, 1, func(c *call.Session) { c.Count++ })
	for _, u := range []id.UID{"a", "b"} {
		if list, session := w.ttl(userKey(u)), w.ttl(sessionKey(1)); list < session {
			t.Errorf("the list of %s lives for %s, his call for %s", u, list, session)
		}
	}
}

func TestWhatIsGoneIsTakenOutOfTheIndexes(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	for i := range call.ID(3) {
		c := ringing(i+1, int32(11+i), "a", "b")
		owes(1)(c)
		w.put(start, c)
	}
	w.redis.Del(ctx, sessionKey(1), sessionKey(3))
	late := start.Add(time.Hour)
	for name, find := range map[string]func(context.Context, time.Time) ([]call.ID, error){deadlines: w.store.Overdue, owing: w.store.Owing} {
		if got, err := find(ctx, late); err != nil || !slices.Equal(got, []call.ID{2}) {
			t.Errorf("%s are %v, want call 2: %v", name, got, err)
		}
		if got := w.redis.ZRange(ctx, name, 0, -1).Val(); !slices.Equal(got, []string{"2"}) {
			t.Errorf("%s has %v, want 2", name, got)
		}
	}
}

// Somebody who calls often would otherwise drag along every call that ended
// because it was forgotten.
func TestWhatIsGoneIsTakenOutOfTheListsOfUsers(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.put(start, ringing(1, 11, "a", "b"), ringing(2, 12, "a", "c"))
	w.redis.Del(ctx, sessionKey(1))
	w.update(start, func(tx call.Tx) error {
		if _, err := tx.Of("a"); err != nil {
			return err
		}
		tx.Put(ringing(3, 13, "a", "d"))
		return nil
	})
	if got := w.redis.Get(ctx, userKey("a")).Val(); got != "2 3" {
		t.Errorf("the list of a is %q, want 2 and 3", got)
	}
	if got := w.of("a"); !slices.Equal(got, []call.ID{2, 3}) {
		t.Errorf("a is in %v", got)
	}
}

func TestCallsAreOverdueFromTheirDeadlinesUntilTheyStopRinging(t *testing.T) {
	w := newWorld(t)
	overdue := func(after time.Duration) []call.ID {
		ids, err := w.store.Overdue(context.Background(), start.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	later := ringing(1, 11, "a", "b")
	later.Deadline += 1_000
	w.put(start, later, ringing(2, 12, "c", "d"))
	for after, want := range map[time.Duration][]call.ID{ring - 1: nil, ring: {2}, ring + time.Second - 1: {2}, ring + time.Second: {2, 1}} {
		if got := overdue(after); !slices.Equal(got, want) {
			t.Errorf("after %s are overdue %v, want %v", after, got, want)
		}
	}
	w.change(start, 2, func(c *call.Session) { c.Parties[0].State, c.Parties[1].State = call.Talking, call.Talking })
	w.change(start, 1, over)
	if got := overdue(time.Hour); len(got) != 0 {
		t.Errorf("overdue are %v, which do not ring", got)
	}
}

func TestCallsOweInTheOrderInWhichTheyBeganTo(t *testing.T) {
	w := newWorld(t)
	owing := func(after time.Duration) []call.ID {
		ids, err := w.store.Owing(context.Background(), start.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	calls := make([]*call.Session, 12)
	for n := range calls {
		calls[n] = ringing(call.ID(100-n), int32(200+n), "a", "b")
		owes(1)(calls[n])
	}
	w.put(start.Add(time.Second), calls...) // all in one transition, in their order
	first := ringing(500, 300, "a", "b")
	owes(1)(first)
	w.put(start, first)
	if got := owing(time.Second - time.Millisecond); !slices.Equal(got, []call.ID{500}) {
		t.Errorf("those who owed a second ago are %v", got)
	}
	want := []call.ID{500, 100, 99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 89}
	if got := owing(time.Minute); !slices.Equal(got, want) {
		t.Errorf("they owe in the order %v, want %v", got, want)
	}
	// Who owes more keeps his place, and who has paid and owes again does not.
	w.change(start.Add(time.Minute), 100, owes(2))
	w.change(start.Add(time.Minute), 99, owes(0))
	w.change(start.Add(time.Minute), 98, owes(0))
	w.change(start.Add(2*time.Minute), 98, owes(1))
	want = []call.ID{500, 100, 97, 96, 95, 94, 93, 92, 91, 90, 89, 98}
	if got := owing(time.Hour); !slices.Equal(got, want) {
		t.Errorf("then they owe in the order %v, want %v", got, want)
	}
}

func TestSignalsWithTicketsAreKnownUntilTheyAreForgotten(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	c := ringing(1, 11, "a", "b")
	w.update(start, func(tx call.Tx) error {
		tx.Put(c)
		for n := range 3 {
			tx.Note(fmt.Sprint("name ", n), start.Add(time.Duration(n)*time.Hour))
		}
		return nil
	})
	expired := func(after time.Duration) []string {
		names, err := w.store.Expired(ctx, start.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	for after, want := range map[time.Duration][]string{
		-1: nil, time.Hour - 1: {"name 0"}, time.Hour: {"name 0", "name 1"}, 9 * time.Hour: {"name 0", "name 1", "name 2"},
	} {
		if got := expired(after); !slices.Equal(got, want) {
			t.Errorf("after %s have ended %v, want %v", after, got, want)
		}
	}
	if err := w.store.Forget(ctx, []string{"name 0", "name 2"}); err != nil {
		t.Fatal(err)
	}
	if got := expired(9 * time.Hour); !slices.Equal(got, []string{"name 1"}) {
		t.Errorf("what is not forgotten is %v", got)
	}
}

func TestAllKeysAreOnOneNodeOfACluster(t *testing.T) {
	for _, key := range []string{deadlines, owing, tickets, sessionKey(1), roomKey(2), userKey("a}{b")} {
		if want := "parley:{call}:"; len(key) <= len(want) || key[:len(want)] != want {
			t.Errorf("%s has not the hash tag {call}", key)
		}
	}
}
