// Package grouptest sets up the group service on a database of its own, for
// tests of the service and of what stands in front of it.
package grouptest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/group"
	"parley/group/store"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
	"parley/record"
)

// World is a database with a log and the group service on it. Its clock stands
// still but when a test moves it.
type World struct {
	testing.TB
	DB      *sqldb.DB
	Log     *eventlog.Log
	Store   group.Store
	Service *group.Service
	Clock   *Clock

	settings settings
}

// Clock is a time that only a test moves.
type Clock struct{ ms atomic.Int64 }

// Start is what the clock of a new world says, in Unix milliseconds.
const Start = 1_700_000_000_000

// Now is the time of the clock.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.ms.Load()) }

// Milli is Now in Unix milliseconds.
func (c *Clock) Milli() int64 { return c.ms.Load() }

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

type settings struct {
	config  group.Config
	options []group.Option
}

// Option changes a World from its defaults.
type Option func(*settings)

// WithConfig sets the bounds of groups.
func WithConfig(cfg group.Config) Option { return func(s *settings) { s.config = cfg } }

// With passes an option to the service.
func With(o group.Option) Option {
	return func(s *settings) { s.options = append(s.options, o) }
}

// New returns a world that goes with t.
func New(t testing.TB, options ...Option) *World {
	t.Helper()
	return On(t, sqldbtest.New(t), options...)
}

// On is New on a database that is there.
func On(t testing.TB, db *sqldb.DB, options ...Option) *World {
	t.Helper()
	s := settings{config: group.DefaultConfig()}
	for _, o := range options {
		o(&s)
	}
	clock := &Clock{}
	clock.ms.Store(Start)
	return on(t, db, clock, s)
}

// Beside returns another service on the database and the clock of w, as another
// process has it.
func (w *World) Beside() *World {
	w.Helper()
	return on(w.TB, w.DB, w.Clock, w.settings)
}

func on(t testing.TB, db *sqldb.DB, clock *Clock, s settings) *World {
	log := eventlog.Open(db, eventlog.WithClock(clock.Now))
	t.Cleanup(func() {
		if err := log.Close(context.Background()); err != nil {
			t.Errorf("close the log: %v", err)
		}
	})
	groups := store.New(db)
	options := append([]group.Option{group.WithClock(clock.Now)}, s.options...)
	return &World{t, db, log, groups, group.New(log, groups, s.config, options...), clock, s}
}

// Must fails the test when something that has to work did not.
func (w *World) Must(what string, err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: %v", what, err)
	}
}

// Group makes a group and returns its id.
func (w *World) Group(owner id.UID, members ...id.UID) id.GID {
	w.Helper()
	v, _, err := w.Service.Create(context.Background(), owner, group.Draft{Name: "a group of " + string(owner), Users: members})
	w.Must("create a group", err)
	return v.ID
}

// Promote makes admins of members.
func (w *World) Promote(g id.GID, owner id.UID, users ...id.UID) {
	w.Helper()
	for _, u := range users {
		w.Must("promote "+string(u), w.Service.SetRole(context.Background(), owner, g, u, eventlog.Admin))
	}
}

// Mute mutes members for a time, which must be positive.
func (w *World) Mute(g id.GID, by id.UID, d time.Duration, users ...id.UID) {
	w.Helper()
	_, err := w.Service.Mute(context.Background(), by, g, users, d.Milliseconds())
	w.Must("mute", err)
}

// Join lets somebody join a group.
func (w *World) Join(g id.GID, u id.UID) {
	w.Helper()
	w.Must(string(u)+" joins", w.Service.Join(context.Background(), u, g, ""))
}

// Leave lets a member leave a group.
func (w *World) Leave(g id.GID, u id.UID) {
	w.Helper()
	w.Must(string(u)+" leaves", w.Service.Leave(context.Background(), u, g))
}

// View is a group as u sees it in the store, whatever he may see.
func (w *World) View(g id.GID, u id.UID) group.View {
	w.Helper()
	v, err := w.Store.View(context.Background(), g, u, w.Clock.Milli())
	w.Must("read group "+g.String(), err)
	return v
}

// Members are those of a group in the order of lists, each with what is special
// about him: "alice, owner", "bob, muted".
func (w *World) Members(g id.GID) (list []string) {
	w.Helper()
	members, err := w.Store.Members(context.Background(), g, 1<<20)
	w.Must("read the members of group "+g.String(), err)
	for _, m := range members {
		line := string(m.User)
		if role := map[eventlog.Role]string{eventlog.Owner: ", owner", eventlog.Admin: ", admin"}[m.Role]; role != "" {
			line += role
		}
		if m.MuteEnd(w.Clock.Milli()) != 0 {
			line += ", muted"
		}
		list = append(list, line)
	}
	return list
}

// Send sends a text message to a group and returns its logId.
func (w *World) Send(from id.UID, g id.GID, msgID string) eventlog.Position {
	w.Helper()
	p, err := w.TrySend(from, g, msgID)
	w.Must("send as "+string(from), err)
	return p
}

// TrySend is Send for what may be refused.
func (w *World) TrySend(from id.UID, g id.GID, msgID string) (eventlog.Position, error) {
	w.Helper()
	e, err := record.Parse(from, text(g, msgID), record.DefaultConfig())
	if err != nil {
		return 0, err
	}
	r, err := w.Log.Append(context.Background(), e)
	return r.Pos, err
}

// Events are what u reads after a position.
func (w *World) Events(u id.UID, after eventlog.Position) (events []Event) {
	w.Helper()
	err := w.Log.Read(context.Background(), u, after, 1<<20, func(page []eventlog.Event) error {
		for i := range page {
			e, err := Decode(&page[i])
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		return nil
	})
	w.Must(fmt.Sprintf("sync %s after %d", u, after), err)
	return events
}

// Sync is Events in words.
func (w *World) Sync(u id.UID, after eventlog.Position) (read []string) {
	w.Helper()
	for _, e := range w.Events(u, after) {
		read = append(read, e.String())
	}
	return read
}

// Head is the last position of the log.
func (w *World) Head() eventlog.Position {
	w.Helper()
	p, err := w.Log.Head(context.Background())
	w.Must("read the head of the log", err)
	return p
}

// names joins users with commas.
func names(users []string) string { return strings.Join(users, ", ") }
