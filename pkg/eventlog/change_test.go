package eventlog

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/sqldb"
)

func TestAChangeThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.group(l, 1, "owner")
	sorry := errors.New("sorry")
	for name, change := range map[string]func(tx *Tx) error{
		"in build": func(tx *Tx) error {
			return tx.Append(1, func(at Position, _ int64) ([]Event, error) {
				return nil, errors.Join(admitAndJoin(tx, 1, at, "bob"), sorry)
			})
		},
		"after its events": func(tx *Tx) error {
			return errors.Join(tx.Append(1, func(at Position, _ int64) ([]Event, error) {
				return []Event{signal(ToGroup(1), "join bob")}, admitAndJoin(tx, 1, at, "bob")
			}), sorry)
		},
		"without events": func(tx *Tx) error { return errors.Join(admitAndJoin(tx, 1, 1, "bob"), sorry) },
	} {
		if err := l.Change(context.Background(), change); !errors.Is(err, sorry) {
			t.Errorf("%s: got %v, want %v", name, err, sorry)
		}
	}
	if _, m, err := l.Seat(context.Background(), 1, "bob"); err != nil || m.Present {
		t.Errorf("bob is in the group: %+v %v", m, err)
	}
	if r := w.append(l, private("alice", "bob", "m1")); r.Pos != 1 {
		t.Errorf("the first event has position %d", r.Pos)
	}
}

func TestAChangeMustMakeAsManyEventsAsItAnnounced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	err := l.Change(context.Background(), func(tx *Tx) error {
		return tx.Append(2, func(Position, int64) ([]Event, error) { return []Event{signal(ToUser("bob"), "one")}, nil })
	})
	if err == nil {
		t.Error("a change announced 2 events, made 1 and succeeded")
	}
	if head := w.head(l); head != 0 {
		t.Errorf("head is %d", head)
	}
}

func TestAChangeWithoutAnEventTakesNoPosition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.append(l, private("alice", "bob", "m1"))
	w.change(l, func(tx *Tx) error {
		return tx.Append(0, func(first Position, _ int64) ([]Event, error) {
			if first != 2 {
				t.Errorf("the next position is %d, want 2", first)
			}
			return nil, nil
		})
	})
	if r := w.append(l, private("alice", "bob", "m2")); r.Pos != 2 {
		t.Errorf("the next event has position %d, want 2", r.Pos)
	}
}

func TestAChangeThatLostAgainstAnotherRunsAgainFromTheBeginning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log(failing("INSERT INTO log_event", 2, &driver.MySQLError{Number: 1213}).onWrites(w))
	runs := 0
	w.change(l, func(tx *Tx) error {
		runs++
		if err := tx.OpenGroup(1, Newcomer{User: "alice", Role: Owner}); err != nil {
			return err
		}
		return tx.Append(1, func(Position, int64) ([]Event, error) { return []Event{signal(ToGroup(1), "opened")}, nil })
	})
	if runs != 3 {
		t.Errorf("it ran %d times, want 3", runs)
	}
	same(t, "what alice reads", positionsOf(w.read(l, "alice", 0, 10)), []Position{1})
}

func TestTheEventsOfAChangeStandTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	logs := w.logs(2)
	var all sync.WaitGroup
	for n, l := range logs {
		all.Go(func() {
			for i := range 20 {
				w.change(l, func(tx *Tx) error {
					for range 2 { // one change may append more than once
						err := tx.Append(2, func(Position, int64) ([]Event, error) {
							body := fmt.Sprintf("%d-%d", n, i)
							return []Event{signal(ToUser("bob"), body), signal(ToUser("bob"), body)}, nil
						})
						if err != nil {
							return err
						}
					}
					return nil
				})
			}
		})
		all.Go(func() {
			for i := range 20 {
				w.append(l, private("alice", "carol", fmt.Sprintf("%d-%d", n, i)))
			}
		})
	}
	all.Wait()
	events := w.read(logs[0], "bob", 0, 1000)
	if len(events) != 2*20*4 {
		t.Fatalf("bob reads %d events, want %d", len(events), 2*20*4)
	}
	for four := range slices.Chunk(events, 4) {
		for i, e := range four {
			if string(e.Body) != string(four[0].Body) || e.Pos != four[0].Pos+Position(i) {
				t.Errorf("change %s: its event %d is at %d, the first at %d", four[0].Body, i, e.Pos, four[0].Pos)
			}
		}
	}
}

func TestChangesOfAGroupAreSeenByWhoAsksForASeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.group(l, 1, "owner", "alice", "bob")
	type state struct {
		GroupState
		Membership
	}
	for _, step := range []struct {
		name   string
		change func(tx *Tx, at Position) error
		want   state // of alice
	}{
		{"nothing", func(*Tx, Position) error { return nil }, state{GroupState{Exists: true}, Membership{Present: true}}},
		{"role", func(tx *Tx, _ Position) error { return tx.SetRole(1, Admin, "alice", "nobody") }, state{GroupState{Exists: true}, Membership{Present: true, Role: Admin}}},
		{"mute", func(tx *Tx, _ Position) error { return tx.Mute(1, Forever, "alice") }, state{GroupState{Exists: true}, Membership{Present: true, Role: Admin, MutedUntil: Forever}}},
		{"mute lifted", func(tx *Tx, _ Position) error { return tx.Mute(1, 0, "alice") }, state{GroupState{Exists: true}, Membership{Present: true, Role: Admin}}},
		{"all muted", func(tx *Tx, _ Position) error { return tx.SetMuteAll(1, true) }, state{GroupState{Exists: true, MuteAll: true}, Membership{Present: true, Role: Admin}}},
		{"blocked", func(tx *Tx, _ Position) error { return tx.SetStatus(1, Blocked) }, state{GroupState{Exists: true, Status: Blocked, MuteAll: true}, Membership{Present: true, Role: Admin}}},
		{"left", func(tx *Tx, at Position) error { return tx.Leave(1, at, "alice") }, state{GroupState{Exists: true, Status: Blocked, MuteAll: true}, Membership{}}},
		{"came back", func(tx *Tx, at Position) error { return admitAndJoin(tx, 1, at, "alice") }, state{GroupState{Exists: true, Status: Blocked, MuteAll: true}, Membership{Present: true}}},
		{"disbanded", func(tx *Tx, at Position) error { return tx.Disband(1, at) }, state{GroupState{Exists: true, Status: Disbanded, MuteAll: true}, Membership{Present: true}}},
	} {
		w.signalled(l, 1, step.name, func(tx *Tx, at Position) error {
			if err := step.change(tx, at); err != nil {
				return err
			}
			group, member, err := tx.Seat(1, "alice")
			if got := (state{group, member}); got != step.want {
				t.Errorf("%s: inside the change alice has %+v, want %+v", step.name, got, step.want)
			}
			return err
		})
		group, member, err := l.Seat(context.Background(), 1, "alice")
		if got := (state{group, member}); err != nil || got != step.want {
			t.Errorf("%s: alice has %+v, want %+v (%v)", step.name, got, step.want, err)
		}
	}
	if _, m, _ := l.Seat(context.Background(), 1, "bob"); m != (Membership{Present: true}) {
		t.Errorf("bob, to whom nothing happened, has %+v", m)
	}
	if g, _, _ := l.Seat(context.Background(), 2, "bob"); g.Exists {
		t.Error("group 2 exists")
	}
}

func TestNobodyIsInAGroupTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.group(l, 1, "alice")
	err := l.Change(context.Background(), func(tx *Tx) error {
		return tx.Append(1, func(at Position, _ int64) ([]Event, error) {
			return []Event{signal(ToGroup(1), "join alice")}, admitAndJoin(tx, 1, at, "alice")
		})
	})
	if !sqldb.IsDuplicate(err) {
		t.Errorf("alice joined a group that she is in: %v", err)
	}
}

func TestPlacesInAGroupChangeWithASignalOfTheGroupOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.group(l, 1, "alice")
	w.group(l, 2, "alice")
	appending := func(e Event, change func(tx *Tx, first Position) error) func(tx *Tx) error {
		return func(tx *Tx) error {
			return tx.Append(1, func(first Position, _ int64) ([]Event, error) { return []Event{e}, change(tx, first) })
		}
	}
	for name, change := range map[string]func(tx *Tx) error{
		"joined without an event": func(tx *Tx) error { return admitAndJoin(tx, 1, 1, "bob") },
		"joined at a message": appending(toGroup("alice", 1, "m1"),
			func(tx *Tx, first Position) error { return admitAndJoin(tx, 1, first, "bob") }),
		"joined at a notice": appending(Event{ID: "n", Audience: ToGroup(1), Kind: Notice},
			func(tx *Tx, first Position) error { return admitAndJoin(tx, 1, first, "bob") }),
		"joined at the signal of another group": appending(signal(ToGroup(2), "s"),
			func(tx *Tx, first Position) error { return admitAndJoin(tx, 1, first, "bob") }),
		"joined before the signal": appending(signal(ToGroup(1), "s"),
			func(tx *Tx, first Position) error { return admitAndJoin(tx, 1, first-1, "bob") }),
		"left after the signal": appending(signal(ToGroup(1), "s"),
			func(tx *Tx, first Position) error { return tx.Leave(1, first+1, "alice") }),
		"disbanded after the signal": appending(signal(ToGroup(1), "s"),
			func(tx *Tx, first Position) error { return tx.Disband(1, first+1) }),
		"one of two without a signal": appending(signal(ToGroup(1), "s"),
			func(tx *Tx, first Position) error {
				return errors.Join(tx.Leave(1, first, "alice"), tx.Leave(2, first, "alice"))
			}),
	} {
		if err := l.Change(context.Background(), change); err == nil || !strings.Contains(err.Error(), "no signal of the group") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if head := w.head(l); head != 0 {
		t.Errorf("the log is at %d, want nothing in it", head)
	}
	w.change(l, func(tx *Tx) error {
		return tx.Append(2, func(first Position, _ int64) ([]Event, error) {
			return []Event{signal(ToGroup(1), "left"), signal(ToGroup(2), "closed")},
				errors.Join(tx.Leave(1, first, "alice"), tx.Disband(2, first+1))
		})
	})
}

func TestAGroupOfManyIsOpenedChangedAndLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	var everybody []id.UID
	for i := range 2*memberChunk + 1 {
		everybody = append(everybody, id.UID(fmt.Sprintf("u%04d", i)))
	}
	w.change(l, func(tx *Tx) error { return tx.OpenGroup(1, newcomers(everybody...)...) })
	w.change(l, func(tx *Tx) error { return tx.Mute(1, 99, everybody...) })
	for _, u := range []id.UID{"u0000", "u0500", "u1000"} {
		if _, m, err := l.Seat(context.Background(), 1, u); err != nil || m != (Membership{Present: true, MutedUntil: 99}) {
			t.Errorf("%s has %+v (%v)", u, m, err)
		}
	}
	w.signalled(l, 1, "all leave", func(tx *Tx, at Position) error { return tx.Leave(1, at, everybody...) })
	var open int
	if err := w.db.ReaderSQL().QueryRow("SELECT COUNT(*) FROM log_member WHERE to_pos = ?", int64(Forever)).Scan(&open); err != nil || open != 0 {
		t.Errorf("%d are still in the group (%v)", open, err)
	}
}

func TestARevokedMessageIsErasedForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	first := w.append(l, private("alice", "bob", "m1"))
	won := 0
	erase := func(p Position) {
		w.change(l, func(tx *Tx) error {
			ok, err := tx.Erase(p)
			if ok {
				won++
			}
			return err
		})
	}
	erase(first.Pos)
	erase(first.Pos)
	erase(99)
	if won != 1 {
		t.Errorf("%d of three erased something, want 1", won)
	}
	e, err := l.Find(context.Background(), first.Pos)
	if err != nil || e.Kind != Tombstone || len(e.Body) != 0 {
		t.Errorf("left behind: %+v (%v)", e, err)
	}
	if e.Scope != "alice" || e.ID != "m1" || e.Author != "alice" || e.Audience != ToPair("bob", "alice") || e.At != first.At {
		t.Errorf("what must stay is gone: %+v", e)
	}
	if again := w.append(l, private("alice", "bob", "m1")); again != first {
		t.Errorf("a late repeat got %v, the first %v", again, first)
	}
	if events := w.read(l, "bob", 0, 10); len(events) != 0 {
		t.Errorf("bob still reads %v", idsOf(events))
	}
	if events := w.history(l, "alice", "bob", 0, 10); len(events) != 0 {
		t.Errorf("the history still has %v", idsOf(events))
	}
}

func TestOnlyMessagesCanBeErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	s := w.append(l, signal(ToUser("bob"), "s"))
	w.change(l, func(tx *Tx) error {
		if ok, err := tx.Erase(s.Pos); ok || err != nil {
			t.Errorf("a signal was erased (%v)", err)
		}
		return nil
	})
}

func TestOfManyWhoEraseAtOnceOneWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	logs := w.logs(2)
	p := w.append(logs[0], private("alice", "bob", "m1")).Pos
	winners := make(chan int, 50)
	var all sync.WaitGroup
	for i := range cap(winners) {
		all.Go(func() {
			var won bool
			w.change(logs[i%2], func(tx *Tx) (err error) {
				won, err = tx.Erase(p)
				return err
			})
			if won {
				winners <- i
			}
		})
	}
	all.Wait()
	if len(winners) != 1 {
		t.Errorf("%d won, want 1", len(winners))
	}
}

func TestFindTellsWhatIsNotThere(t *testing.T) {
	t.Parallel()
	l := newWorld(t).log()
	for _, p := range []Position{1, 0, -1, Forever} {
		if _, err := l.Find(context.Background(), p); !errors.Is(err, fault.NotFound) {
			t.Errorf("event %d: got %v, want %v", p, err, fault.NotFound)
		}
	}
}

func TestWhoWasAdmittedIsInFromThePositionAtWhichHeJoins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.group(l, 1, "alice")
	w.append(l, toGroup("alice", 1, "before"))
	joined := w.signalledWith(l, 1, "join bob",
		func(tx *Tx) error { return tx.Admit(1, Newcomer{User: "bob", Role: Admin, MutedUntil: Forever}) },
		func(tx *Tx, at Position) error { return tx.Join(1, at, "bob") })
	w.append(l, toGroup("alice", 1, "after"))
	same(t, "what bob reads", positionsOf(w.read(l, "bob", 0, 10)), []Position{joined, joined + 1})
	if _, m, err := l.Seat(context.Background(), 1, "bob"); err != nil || m != (Membership{Present: true, Role: Admin, MutedUntil: Forever}) {
		t.Errorf("bob has %+v (%v)", m, err)
	}
}

func TestWhoIsAdmittedJoinsAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.group(l, 1, "alice")
	w.group(l, 2, "alice")
	for name, row := range map[string]struct {
		join func(tx *Tx, at Position) error
		says string
	}{
		"a stranger":           {func(tx *Tx, at Position) error { return tx.Join(1, at, "bob", "carol") }, "carol was not admitted"},
		"a member":             {func(tx *Tx, at Position) error { return tx.Join(1, at, "alice") }, "alice was not admitted"},
		"twice":                {func(tx *Tx, at Position) error { return tx.Join(1, at, "bob", "bob") }, "bob was not admitted"},
		"another group":        {func(tx *Tx, at Position) error { return tx.Join(2, at, "bob") }, "bob was not admitted to group 2"},
		"nobody":               {func(*Tx, Position) error { return nil }, "bob was admitted to group 1 and did not join"},
		"nobody, by a mistake": {func(tx *Tx, at Position) error { return tx.Join(1, at) }, "bob was admitted to group 1 and did not join"},
	} {
		err := l.Change(context.Background(), func(tx *Tx) error {
			if err := tx.Admit(1, newcomers("bob")...); err != nil {
				return err
			}
			return tx.Append(1, func(at Position, _ int64) ([]Event, error) {
				return []Event{signal(ToGroup(1), "join")}, row.join(tx, at)
			})
		})
		if err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: got %v, want: %s", name, err, row.says)
		}
	}
	if _, m, err := l.Seat(context.Background(), 1, "bob"); err != nil || m.Present {
		t.Errorf("bob has a place: %+v (%v)", m, err)
	}
}

func TestMessagesFindAConnectionWhileChangesWaitForEachOther(t *testing.T) {
	onServer(t, func(w *world) {
		l := w.log()
		w.group(l, 1, "alice")
		holding, release := make(chan struct{}), make(chan struct{})
		var changes sync.WaitGroup
		changes.Go(func() {
			w.change(l, func(tx *Tx) error {
				defer func() { <-release }()
				defer close(holding)
				return tx.SetMuteAll(1, false)
			})
		})
		<-holding
		most := w.db.WriterSQL().Stats().MaxOpenConnections
		for range 2 * most {
			changes.Go(func() { w.change(l, func(tx *Tx) error { return tx.SetMuteAll(1, false) }) })
		}
		for w.db.WriterSQL().Stats().InUse < most-appenderConns {
			runtime.Gosched()
		}
		w.append(l, toGroup("alice", 1, "m1"))
		close(release)
		changes.Wait()
	})
}
