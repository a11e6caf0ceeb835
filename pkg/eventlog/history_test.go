package eventlog

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"parley/pkg/id"
)

// history returns one page.
func (w *world) history(l *Log, u, other id.UID, before Position, limit int) (all []Event) {
	w.Helper()
	err := l.History(context.Background(), u, other, before, limit, func(part []Event) error {
		all = append(all, part...)
		return nil
	})
	if err != nil {
		w.Fatalf("history of %s and %s before %d: %v", u, other, before, err)
	}
	return all
}

func TestTheHistoryHasBothDirectionsNewestFirstAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.group(l, 1, "alice", "bob")
	appendAll(l,
		private("alice", "bob", "m1"),
		private("bob", "alice", "m2"),
		private("alice", "carol", "to carol"),
		private("carol", "bob", "from carol"),
		toGroup("alice", 1, "to the group"),
		private("alice", "alice", "to myself"),
		signal(ToPair("bob", "alice"), "signal"),
		private("alice", "bob", "m3"),
	)
	for _, pair := range [][2]id.UID{{"alice", "bob"}, {"bob", "alice"}} {
		same(t, "history", idsOf(w.history(l, pair[0], pair[1], 0, 10)), []string{"m3", "m2", "m1"})
	}
	same(t, "history with myself", idsOf(w.history(l, "alice", "alice", 0, 10)), []string{"to myself"})
	same(t, "history of strangers", idsOf(w.history(l, "bob", "zoe", 0, 10)), nil)
}

func TestPagesOfTheHistoryJoinWithoutHoleOrRepeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	var events []Event
	for i := range 2*loadChunk + 30 {
		events = append(events, private("alice", "bob", fmt.Sprintf("m%03d", i)))
	}
	revoked := appendAll(l, events...).receipts[120].Pos
	w.change(l, func(tx *Tx) error { _, err := tx.Erase(revoked); return err })
	want := idsOf(slices.Delete(events, 120, 121))
	slices.Reverse(want)

	for _, page := range []int{1, 7, loadChunk, loadChunk + 1, 1000} {
		var got []Event
		for before := Position(0); ; before = got[len(got)-1].Pos {
			part := w.history(l, "bob", "alice", before, page)
			got = append(got, part...)
			if len(part) < page {
				break
			}
		}
		same(t, fmt.Sprint("pages of ", page), idsOf(got), want)
	}
}

func TestAMessageRevokedWhileAHistoryIsReadLeavesNoShortPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	writer := w.log()
	appendAll(writer, private("alice", "bob", "m1"), private("alice", "bob", "m2"), private("alice", "bob", "m3"))
	once := false
	reading := &tap{statement: func(_ context.Context, query string) error {
		if !once && len(query) > 10 && query == loadQuery(2) {
			once = true
			w.change(writer, func(tx *Tx) error { _, err := tx.Erase(2); return err })
		}
		return nil
	}}
	l := w.log(reading.onReads(w))
	same(t, "a page of two", idsOf(w.history(l, "alice", "bob", 0, 2)), []string{"m3", "m1"})
}
