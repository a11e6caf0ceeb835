package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/pkg/id"
)

// chronicle fills a log by hand with n events for a few users and groups,
// busy and silent ones, with holes, and with members who come and go. It
// returns the log and the intervals.
func (w *world) chronicle(n int, users []id.UID, groups []id.GID) (log []Event, stays map[seat][]interval) {
	w.Helper()
	stays = make(map[seat][]interval)
	random := rand.New(rand.NewPCG(1, 2))
	pos := Position(0)
	for i := range n {
		pos += Position(1 + max(0, random.IntN(40)-37))
		if i%500 == 499 {
			pos += 3 * firstWindow // a gap that is wider than a window
		}
		e := private(users[random.IntN(len(users))], users[random.IntN(len(users))], fmt.Sprint("m", i))
		if random.IntN(2) == 0 {
			// Group 0 of the list is busy, the last one nearly silent.
			g := groups[int(float64(len(groups))*random.Float64()*random.Float64())]
			e = toGroup(e.Author, g, e.ID)
		}
		if random.IntN(10) == 0 {
			e.Kind, e.Body = Tombstone, nil
		}
		e.Pos, e.At = pos, int64(pos)
		log = append(log, e)
	}
	for _, u := range users {
		for _, g := range groups {
			if random.IntN(3) == 0 {
				continue
			}
			from := Position(random.IntN(int(pos)))
			to := from + Position(random.IntN(int(pos)))
			stays[seat{g, u}] = []interval{{from, to}}
			if random.IntN(2) == 0 {
				stays[seat{g, u}] = append(stays[seat{g, u}], interval{to + 10, Forever})
			}
		}
	}
	w.store(log, stays)
	return log, stays
}

// store writes a log and its intervals into an empty database.
func (w *world) store(log []Event, stays map[seat][]interval) {
	w.Helper()
	tx, err := w.db.WriterSQL().Begin()
	if err != nil {
		w.Fatalf("begin: %v", err)
	}
	defer tx.Rollback()
	for chunk := range slices.Chunk(log, maxBatch) {
		pointers := make([]*Event, len(chunk))
		for i := range chunk {
			pointers[i] = &chunk[i]
		}
		if err := insertEvents(context.Background(), tx, pointers); err != nil {
			w.Fatalf("insert events: %v", err)
		}
	}
	var rows []string
	for s, intervals := range stays {
		for _, i := range intervals {
			rows = append(rows, fmt.Sprintf("(%d,'%s',%d,%d,0,0)", s.group, s.user, i.from, i.to))
		}
	}
	for chunk := range slices.Chunk(rows, 400) {
		if _, err := tx.Exec("INSERT INTO log_member (group_id, user_id, from_pos, to_pos, role, muted_until) VALUES " + strings.Join(chunk, ",")); err != nil {
			w.Fatalf("insert intervals: %v", err)
		}
	}
	if _, err := tx.Exec("UPDATE log_position SET pos = ?", int64(log[len(log)-1].Pos)); err != nil {
		w.Fatalf("set the position: %v", err)
	}
	if err := tx.Commit(); err != nil {
		w.Fatalf("commit: %v", err)
	}
}

// readable returns the positions that u may read after a position.
func readable(log []Event, stays map[seat][]interval, u id.UID, after Position) (positions []Position) {
	for _, e := range log {
		may := e.Includes(u)
		for _, i := range stays[seat{e.Group, u}] {
			may = may || i.from <= e.Pos && e.Pos <= i.to
		}
		if may && e.Pos > after && e.Kind != Tombstone {
			positions = append(positions, e.Pos)
		}
	}
	return positions
}

func TestAPageHasWhatTheUserMayReadAndIsShortOnlyAtTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	users := []id.UID{"alice", "bob", "carol"}
	var groups []id.GID
	for g := range id.GID(groupChunk + 20) {
		groups = append(groups, g+1)
	}
	log, stays := w.chronicle(1600, users, groups)
	head := log[len(log)-1].Pos

	cold := w.log()
	warm := w.log()
	warm.window.reset(0)
	if err := warm.window.reach(context.Background(), warm.reader, head); err != nil {
		t.Fatalf("warm a window: %v", err)
	}
	for _, u := range append(users, "stranger") {
		for range 6 {
			after := Position(rand.N(int64(head) + 2))
			if rand.N(4) == 0 {
				after = log[rand.N(len(log))].Pos
			}
			limit := 1 + rand.N(rand.N(2*loadChunk+50)+1)
			want := readable(log, stays, u, after)
			want = want[:min(limit, len(want))]
			for name, l := range map[string]*Log{"cold": cold, "warm": warm} {
				events, err := readPage(l, u, after, limit)
				if err != nil {
					t.Fatalf("read: %v", err)
				}
				same(t, fmt.Sprintf("%s page of %d for %s after %d", name, limit, u, after), positionsOf(events), want)
			}
		}
		for name, l := range map[string]*Log{"cold": cold, "warm": warm} {
			page := 20 + rand.N(300)
			same(t, fmt.Sprintf("everything for %s, %s, in pages of %d", u, name, page), positionsOf(w.read(l, u, 0, page)), readable(log, stays, u, 0))
		}
	}
}

func TestReadingBeyondTheHeadOrNothingAtAllGivesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.append(l, private("alice", "bob", "m1"))
	for _, c := range []struct {
		after Position
		limit int
	}{{1, 10}, {2, 10}, {Forever, 10}, {0, 0}, {0, -1}} {
		if events, err := readPage(l, "bob", c.after, c.limit); err != nil || len(events) != 0 {
			t.Errorf("after %d at most %d: %v (%v)", c.after, c.limit, positionsOf(events), err)
		}
	}
	if events, err := readPage(l, "bob", -5, 10); err != nil || len(events) != 1 {
		t.Errorf("from before the beginning: %v (%v)", positionsOf(events), err)
	}
}

func TestAMessageToMyselfIsReadOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.append(l, private("alice", "alice", "m1"))
	same(t, "what alice reads", idsOf(w.read(l, "alice", 0, 10)), []string{"m1"})
}

func TestAMessageRevokedBetweenTheQueriesOfAReadLeavesNoShortPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	writer := w.log()
	appendAll(writer, private("alice", "bob", "m1"), private("alice", "bob", "m2"), private("alice", "bob", "m3"))
	revoked := false
	l := w.log((&tap{statement: func(_ context.Context, query string) error {
		if query == loadQuery(2) && !revoked {
			revoked = true
			w.change(writer, func(tx *Tx) error { _, err := tx.Erase(2); return err })
		}
		return nil
	}}).onReads(w))
	events, err := readPage(l, "bob", 0, 2)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	same(t, "a page of two", idsOf(events), []string{"m1", "m3"})
}

func TestWhatIsAppendedBetweenTheQueriesOfAReadIsLeftForTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	writer := w.log()
	w.group(writer, 1, "alice", "bob")
	n := 0
	l := w.log(betweenQueries(func() {
		// Ahead of every query something of every kind is appended.
		n++
		appendAll(writer,
			private("bob", "alice", fmt.Sprint("to alice ", n)),
			toGroup("alice", 1, fmt.Sprint("to the group ", n)),
			private("alice", "bob", fmt.Sprint("to bob ", n)))
	}))
	appendAll(writer, toGroup("alice", 1, "m1"), private("alice", "bob", "m2"))
	var got []Event
	for range 6 {
		after := Position(0)
		if len(got) > 0 {
			after = got[len(got)-1].Pos
		}
		events, err := readPage(l, "bob", after, 5)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		got = append(got, events...)
	}
	want := positionsOf(w.read(writer, "bob", 0, 1000))
	same(t, "what bob read", positionsOf(got), want[:len(got)])
	if len(got) < 20 {
		t.Errorf("bob read %d events only", len(got))
	}
}

func TestAMemberWhoJoinsBetweenTheQueriesOfAReadLosesNothing(t *testing.T) {
	t.Parallel()
	for _, page := range []int{1, 10} {
		for pause := range 6 {
			t.Run(fmt.Sprintf("after query %d of a page of %d", pause+1, page), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				writer := w.log()
				w.group(writer, 1, "owner")
				w.append(writer, private("owner", "bob", "m1"))
				join := sync.OnceFunc(func() {
					w.join(writer, 1, "bob")
					w.append(writer, toGroup("owner", 1, "m2"))
					// Whoever reads this has passed by the two before it.
					w.append(writer, private("owner", "bob", "m3"))
				})
				n := 0
				l := w.log(betweenQueries(func() {
					if n == pause {
						join()
					}
					n++
				}))
				got := w.read(l, "bob", 0, page)
				join() // unless it was quicker than that
				got = append(got, w.read(l, "bob", got[len(got)-1].Pos, page)...)
				same(t, "what bob read", positionsOf(got), []Position{1, 2, 3, 4})
			})
		}
	}
}

func TestAReaderThatStopsStopsTheRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.append(l, private("alice", "bob", "m1"))
	enough := errors.New("enough")
	if err := l.Read(context.Background(), "bob", 0, 10, func([]Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v, want %v", err, enough)
	}
	if err := l.History(context.Background(), "bob", "alice", 0, 10, func([]Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v, want %v", err, enough)
	}
}

func TestAReadThatFailsSaysSoInsteadOfEndingEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	writer := w.log()
	w.group(writer, 1, "bob")
	appendAll(writer, private("alice", "bob", "m1"), toGroup("bob", 1, "m2"))
	broken := errors.New("the database is gone")
	for _, statement := range []string{"SELECT pos, epoch FROM log_position", "SELECT group_id, from_pos", "SELECT * FROM (SELECT pos", "SELECT pos, group_id", "SELECT pos, scope"} {
		l := w.log(failing(statement, 1, broken).onReads(w))
		if events, err := readPage(l, "bob", 0, 10); !errors.Is(err, broken) {
			t.Errorf("%s failed and the read gave %v (%v)", statement, positionsOf(events), err)
		}
		same(t, "what bob reads then", positionsOf(w.read(l, "bob", 0, 10)), []Position{1, 2})
	}
}
