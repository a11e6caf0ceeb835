package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/group"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/leaktest"
	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/pkg/eventlog.") }

// now is the time of all tests.
const now = 1_700_000_000_000

// world is a store, and a log for its transactions.
type world struct {
	testing.TB
	*Store
	log *eventlog.Log
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return on(t, sqldbtest.New(t))
}

func on(t testing.TB, db *sqldb.DB) *world {
	log := eventlog.Open(db)
	t.Cleanup(func() {
		if err := log.Close(context.Background()); err != nil {
			t.Errorf("close the log: %v", err)
		}
	})
	return &world{t, New(db), log}
}

// said are statements in the order in which they were said.
type said struct {
	mu   sync.Mutex
	list []statement
}

type statement struct {
	query string
	args  []any
}

// during returns what was said while f ran.
func (s *said) during(f func()) []statement {
	s.mu.Lock()
	s.list = nil
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// listened returns a world on the database of w that is listened to.
func (w *world) listened() (*world, *said) {
	w.Helper()
	s := new(said)
	tap := &sqldbtest.Tap{Heard: func(query string, args []driver.NamedValue) {
		s.mu.Lock()
		defer s.mu.Unlock()
		heard := statement{query: query}
		for _, a := range args {
			heard.args = append(heard.args, a.Value)
		}
		s.list = append(s.list, heard)
	}}
	reader := tap.Pool(w, w.db.ReaderSQL())
	tapped := *w.db
	tapped.Writer = sqldbtest.ORM(w, w.db, tap.Pool(w, w.db.WriterSQL()))
	tapped.Reader = sqldbtest.ORM(w, w.db, reader)
	listened := on(w.TB, &tapped)
	listened.reader = reader
	return listened, s
}

func (w *world) must(what string, err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: %v", what, err)
	}
}

// change runs f in a transaction.
func (w *world) change(f func(tx *eventlog.Tx) error) {
	w.Helper()
	w.must("change", w.log.Change(context.Background(), f))
}

// group stores a group with members in it.
func (w *world) group(g id.GID, members ...group.Member) {
	w.Helper()
	w.change(func(tx *eventlog.Tx) error {
		done, err := w.Insert(tx, draft(g, len(members)), members)
		if err == nil && !done {
			err = fmt.Errorf("group %s is there already", g)
		}
		return err
	})
}

// draft is a group with something in every column.
func draft(g id.GID, members int) *group.Group {
	return &group.Group{
		ID: g, MarkID: fmt.Sprintf("%08d", int64(g)%100_000_000), Name: "name", PublicName: "public", Avatar: "avatar", Introduce: "introduce",
		Key: strings.Repeat("k", 32), Status: eventlog.Blocked, JoinType: group.JoinByConsent, MuteType: group.AdminsSpeak,
		FriendType: group.FriendsForbidden, Type: 2, Maximum: 2000, MemberNum: int32(members), AdminNum: 3, Seats: int64(members), CreatedAt: now + int64(g),
	}
}

func (w *world) put(g id.GID, members ...group.Member) {
	w.Helper()
	w.change(func(tx *eventlog.Tx) error { return w.Put(tx, g, members) })
}

func (w *world) members(g id.GID, limit int) []group.Member {
	w.Helper()
	members, err := w.Members(context.Background(), g, limit)
	w.must("read members", err)
	return members
}

func (w *world) people(g id.GID, users ...id.UID) group.People {
	w.Helper()
	people, err := w.People(context.Background(), g, users)
	w.must("read people", err)
	return people
}

func (w *world) view(g id.GID, u id.UID) group.View {
	w.Helper()
	v, err := w.View(context.Background(), g, u, now)
	w.must("read a group", err)
	return v
}

func (w *world) apply(list ...group.Application) {
	w.Helper()
	w.change(func(tx *eventlog.Tx) error { return w.Apply(tx, list) })
}

// open are the open applications to a group, each as "who by whom".
func (w *world) open(g id.GID, after int64, limit int) (list []string, last int64) {
	w.Helper()
	applications, err := w.Applications(context.Background(), g, after, limit)
	w.must("read applications", err)
	for _, a := range applications {
		list, last = append(list, fmt.Sprintf("%s by %s", a.User, a.Inviter)), a.ID
	}
	return list, last
}

func users(members []group.Member) (list []id.UID) {
	for _, m := range members {
		list = append(list, m.User)
	}
	return list
}

func want[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s:\ngot  %s\nwant %s", what, g, w)
	}
}
