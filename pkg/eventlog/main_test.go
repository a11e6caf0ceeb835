package eventlog

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"parley/pkg/id"
	"parley/pkg/leaktest"
	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/pkg/eventlog.") }

// world is a database and the logs on it, each as another process has it.
type world struct {
	testing.TB
	db *sqldb.DB
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return &world{t, sqldbtest.New(t)}
}

func (w *world) log(options ...Option) *Log {
	w.Helper()
	l := Open(w.db, options...)
	w.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			w.Errorf("close a log: %v", err)
		}
	})
	return l
}

// logs opens n of them.
func (w *world) logs(n int, options ...Option) []*Log {
	w.Helper()
	all := make([]*Log, n)
	for i := range all {
		all[i] = w.log(options...)
	}
	return all
}

// group opens a group whose first member is its owner.
func (w *world) group(l *Log, g id.GID, members ...id.UID) {
	w.Helper()
	first := newcomers(members...)
	first[0].Role = Owner
	w.change(l, func(tx *Tx) error { return tx.OpenGroup(g, first...) })
}

func (w *world) change(l *Log, fn func(tx *Tx) error) {
	w.Helper()
	if err := l.Change(context.Background(), fn); err != nil {
		w.Fatalf("change: %v", err)
	}
}

// newcomers are plain members to be.
func newcomers(users ...id.UID) []Newcomer {
	list := make([]Newcomer, len(users))
	for i, u := range users {
		list[i] = Newcomer{User: u}
	}
	return list
}

// admitAndJoin lets people into a group at a position that is known already.
func admitAndJoin(tx *Tx, g id.GID, at Position, users ...id.UID) error {
	if err := tx.Admit(g, newcomers(users...)...); err != nil {
		return err
	}
	return tx.Join(g, at, users...)
}

// signalled makes a change whose one signal goes to a group, and returns the
// position of it.
func (w *world) signalled(l *Log, g id.GID, body string, change func(tx *Tx, at Position) error) Position {
	w.Helper()
	return w.signalledWith(l, g, body, func(*Tx) error { return nil }, change)
}

// signalledWith is signalled after something that comes before the position lock.
func (w *world) signalledWith(l *Log, g id.GID, body string, before func(tx *Tx) error, change func(tx *Tx, at Position) error) Position {
	w.Helper()
	var at Position
	w.change(l, func(tx *Tx) error {
		if err := before(tx); err != nil {
			return err
		}
		return tx.Append(1, func(first Position, _ int64) ([]Event, error) {
			at = first
			return []Event{signal(ToGroup(g), body)}, change(tx, first)
		})
	})
	return at
}

func (w *world) join(l *Log, g id.GID, u id.UID) Position {
	w.Helper()
	return w.signalled(l, g, "join "+string(u), func(tx *Tx, at Position) error { return admitAndJoin(tx, g, at, u) })
}

func (w *world) leave(l *Log, g id.GID, u id.UID) Position {
	w.Helper()
	return w.signalled(l, g, "leave "+string(u), func(tx *Tx, at Position) error { return tx.Leave(g, at, u) })
}

func (w *world) append(l *Log, e Event) Receipt {
	w.Helper()
	r, err := l.Append(context.Background(), e)
	if err != nil {
		w.Fatalf("append %q of %q: %v", e.ID, e.Author, err)
	}
	return r
}

// read pages through the log for u and returns everything after a position.
func (w *world) read(l *Log, u id.UID, after Position, page int) []Event {
	w.Helper()
	var all []Event
	for {
		events, err := readPage(l, u, after, page)
		if err != nil {
			w.Fatalf("read for %q after %d: %v", u, after, err)
		}
		all = append(all, events...)
		if len(events) < page {
			return all
		}
		after = all[len(all)-1].Pos
	}
}

func readPage(l *Log, u id.UID, after Position, page int) ([]Event, error) {
	var events []Event
	err := l.Read(context.Background(), u, after, page, func(part []Event) error {
		events = append(events, part...)
		return nil
	})
	return events, err
}

// stored returns the whole log, tombstones included.
func (w *world) stored() []Event {
	w.Helper()
	positions, err := scanPositions(w.db.ReaderSQL().Query("SELECT pos FROM log_event ORDER BY pos"))
	if err != nil {
		w.Fatalf("read the whole log: %v", err)
	}
	var all []Event
	for chunk := range slices.Chunk(positions, loadChunk) {
		events, err := load(context.Background(), w.db.ReaderSQL(), chunk)
		if err != nil {
			w.Fatalf("read the whole log: %v", err)
		}
		all = append(all, events...)
	}
	return all
}

func (w *world) head(l *Log) Position {
	w.Helper()
	head, err := l.Head(context.Background())
	if err != nil {
		w.Fatalf("read the head: %v", err)
	}
	return head
}

func (w *world) exec(query string, args ...any) {
	w.Helper()
	if _, err := w.db.WriterSQL().Exec(query, args...); err != nil {
		w.Fatalf("%s: %v", query, err)
	}
}

func private(from, to id.UID, msgID string) Event {
	return message(from, ToPair(to, from), msgID)
}

func toGroup(from id.UID, g id.GID, msgID string) Event {
	return message(from, ToGroup(g), msgID)
}

func message(from id.UID, to Audience, msgID string) Event {
	return Event{Scope: string(from), ID: msgID, Author: from, Audience: to, Kind: Message, Body: []byte("body of " + msgID)}
}

var signals atomic.Int64

// signal is an event of the server with an id of its own.
func signal(to Audience, body string) Event {
	return Event{ID: fmt.Sprintf("signal:%d", signals.Add(1)), Audience: to, Kind: Signal, Body: []byte(body)}
}

// until waits for a condition.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func positionsOf(events []Event) []Position {
	positions := make([]Position, len(events))
	for i, e := range events {
		positions[i] = e.Pos
	}
	return positions
}

func idsOf(events []Event) []string {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	return ids
}

func same[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %s", what, firstDifference(got, want))
	}
}

func firstDifference[T comparable](got, want []T) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("entry %d is %v, want %v (of %d and %d)", i, got[i], want[i], len(got), len(want))
		}
	}
	if len(got) < len(want) {
		return fmt.Sprintf("%d entries, want %d; the first missing is %v", len(got), len(want), want[len(got)])
	}
	return fmt.Sprintf("%d entries, want %d; the first too many is %v", len(got), len(want), got[len(want)])
}
