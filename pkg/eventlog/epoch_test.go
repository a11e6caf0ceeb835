package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"parley/pkg/id"
)

// epoch reads the epoch that a backup of the log would have now.
func (w *world) epoch() (e epoch) {
	w.Helper()
	if err := w.db.ReaderSQL().QueryRow("SELECT epoch FROM log_position").Scan(&e); err != nil {
		w.Fatalf("read the epoch: %v", err)
	}
	return e
}

// backInTime restores a backup that was made at a position, in an epoch.
func (w *world) backInTime(to Position, e epoch) {
	w.exec("DELETE FROM log_event WHERE pos > ?", int64(to))
	w.exec("DELETE FROM log_member WHERE from_pos > ?", int64(to))
	w.exec("UPDATE log_position SET pos = ?, epoch = ?", int64(to), int64(e))
}

func TestAPositionThatWasSeenIsNeverGivenAgainAfterTheDatabaseWentBackInTime(t *testing.T) {
	t.Parallel()
	for name, meet := range map[string]func(w *world, l *Log){
		"the next event meets it": func(w *world, l *Log) {},
		"a reader meets it":       func(w *world, l *Log) { w.read(l, "bob", 0, 10) },
		"a change meets it": func(w *world, l *Log) {
			w.change(l, func(tx *Tx) error {
				return tx.Append(0, func(Position, int64) ([]Event, error) { return nil, nil })
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			backup := w.epoch()
			l := w.log()
			w.read(l, "bob", 0, 100)
			for i := range 10 {
				w.append(l, private("alice", "bob", fmt.Sprint("m", i)))
			}
			w.read(l, "bob", 0, 100)
			w.backInTime(4, backup)
			meet(w, l)
			if r := w.append(l, private("alice", "bob", "new")); r.Pos != 11 {
				t.Errorf("the next event has position %d, which clients saw before; want 11", r.Pos)
			}
			for name, reader := range map[string]*Log{"this process": l, "a new one": w.log()} {
				same(t, name+" reads after the last that bob saw", positionsOf(w.read(reader, "bob", 10, 100)), []Position{11})
				same(t, name+" reads from the beginning", positionsOf(w.read(reader, "bob", 0, 100)), []Position{1, 2, 3, 4, 11})
			}
		})
	}
}

func TestAReaderFindsWhatOthersAppendedAfterTheDatabaseWentBackInTime(t *testing.T) {
	t.Parallel()
	for name, raised := range map[string]bool{"and nobody noticed": false, "and another process has just noticed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			backup := w.epoch()
			var back atomic.Bool
			l := w.log((&tap{connect: func() {
				if back.Load() && raised {
					w.exec("UPDATE log_position SET pos = 15, epoch = 7")
				}
			}}).onWrites(w))
			w.read(l, "bob", 0, 100) // from now on it knows everything
			for i := range 10 {
				w.append(l, private("alice", "carol", fmt.Sprint("m", i)))
			}
			w.read(l, "bob", 0, 100)
			w.backInTime(4, backup)
			w.append(w.log(), private("alice", "bob", "new")) // a process that saw nothing, at 5
			back.Store(true)
			same(t, "what bob reads", idsOf(w.read(l, "bob", 4, 100)), []string{"new"})
			back.Store(false)
			if r := w.append(l, private("alice", "bob", "newer")); r.Pos != 11 && r.Pos != 16 {
				t.Errorf("the next event has position %d, which was given before", r.Pos)
			}
			same(t, "what bob reads then", idsOf(w.read(l, "bob", 5, 100)), []string{"newer"})
		})
	}
}

func TestAProcessThatDidNotMeetTheLowerHeadForgetsWhatIsGone(t *testing.T) {
	t.Parallel()
	for name, repair := range map[string]func(w *world, quicker *Log, seen Position){
		"another process appended first": func(w *world, quicker *Log, _ Position) { w.append(quicker, private("alice", "carol", "after")) },
		"another process read first":     func(w *world, quicker *Log, _ Position) { w.read(quicker, "carol", 0, 100) },
		"an operator was told": func(w *world, _ *Log, seen Position) {
			if _, err := w.log().Advance(context.Background(), seen); err != nil {
				w.Errorf("advance: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			backup := w.epoch()
			quicker, l := w.log(), w.log()
			w.group(quicker, 1, "alice")
			everybodyReads := func() {
				for _, reader := range []*Log{quicker, l} {
					w.read(reader, "bob", 0, 100)
				}
			}
			everybodyReads()
			// The same backup twice: the second one takes away what the first
			// repair left in the database.
			for round, at := range []struct{ seen, filled Position }{{seen: 10, filled: 4}, {seen: 20, filled: 14}} {
				for p := w.head(l); p < at.seen; p++ {
					w.append(quicker, toGroup("alice", 1, fmt.Sprint("m", p)))
				}
				everybodyReads()
				w.read(l, "bob", at.filled, 100) // that he is not in the group is known now
				w.backInTime(4, backup)

				fresh := w.log() // a process that saw nothing
				for p := w.head(fresh); p < at.filled; p++ {
					w.append(fresh, private("alice", "carol", fmt.Sprint("filled", p)))
				}
				joined := w.join(fresh, 1, "bob")
				w.append(fresh, private("alice", "bob", "new"))
				repair(w, quicker, at.seen)

				if got, want := positionsOf(w.read(l, "bob", at.filled, 100)), []Position{joined, joined + 1}; !slices.Equal(got, want) {
					t.Errorf("after restore %d bob reads %v, want %v", round+1, got, want)
				}
				if r := w.append(l, private("alice", "carol", "newer")); r.Pos <= at.seen {
					t.Errorf("after restore %d the next event has position %d, which was given before", round+1, r.Pos)
				}
			}
		})
	}
}

func TestWhatWasOnItsWayWhenAWindowWasForgottenDoesNotGetIn(t *testing.T) {
	t.Parallel()
	w := newWindow()
	w.observe(3)
	w.reset(4)
	before := w.era()
	w.observe(3)
	if w.era() != before {
		t.Fatal("the window forgot although nothing happened")
	}
	w.observe(5)
	w.feedAll(before, []*pending{{Event: Event{Pos: 5, Audience: ToUser("carol")}}})
	w.markAbsent(before, "bob", 4, 4, []id.GID{1})
	if w.to != 4 || w.newsFor("bob", 4, 5).known {
		t.Errorf("the window takes up to %d what was committed in another epoch", w.to)
	}
	w.feedAll(w.era(), []*pending{{Event: Event{Pos: 5, Kind: Message, Audience: ToGroup(1)}}})
	if groups, few := w.toAsk("bob", 4, 5); !few || len(groups) != 1 {
		t.Errorf("the window says %v, %v of groups that bob may be in, want group 1", groups, few)
	}
}

func TestWhatIsReadWhileAWindowIsForgottenDoesNotGetIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var l *Log
	var on atomic.Bool
	l = w.log((&tap{statement: func(_ context.Context, query string) error {
		if on.Load() && strings.HasPrefix(query, "SELECT pos, kind") {
			l.window.observe(99)
		}
		return nil
	}}).onReads(w))
	writer := w.log()
	w.append(writer, private("alice", "carol", "m1"))
	w.read(l, "bob", 0, 10)
	w.append(writer, private("alice", "carol", "m2"))
	on.Store(true)
	if err := l.window.reach(context.Background(), l.reader, 2); err != nil {
		t.Fatalf("fill the window: %v", err)
	}
	if l.window.newsFor("bob", 1, 2).known {
		t.Error("the window claims to know what was read in another epoch")
	}
	if news := l.window.newsFor("bob", 2, 2); !news.known || news.direct {
		t.Errorf("of what comes after it the window says %+v", news)
	}
}

func TestAnOperatorAdvancesTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.append(l, private("alice", "bob", "m1"))
	for _, step := range []struct {
		to, from Position
		err      error
	}{
		{to: 100, from: 1},
		{to: 100, from: 100},
		{to: 99, err: ErrBackwards},
		{to: 0, err: ErrBackwards},
		{to: -1, err: ErrBackwards},
		{to: 101, from: 100},
	} {
		from, err := l.Advance(context.Background(), step.to)
		if from != step.from || !errors.Is(err, step.err) {
			t.Errorf("advanced to %d it was at %d (%v), want %d (%v)", step.to, from, err, step.from, step.err)
		}
	}
	if _, err := l.Advance(context.Background(), 1<<53); err == nil {
		t.Error("the log is at a position that clients cannot read")
	}
	if head := w.head(l); head != 101 {
		t.Errorf("the head is %d, want 101", head)
	}
	if r := w.append(l, private("alice", "bob", "m2")); r.Pos != 102 {
		t.Errorf("the next event has position %d, want 102", r.Pos)
	}
	same(t, "what bob reads", positionsOf(w.read(l, "bob", 0, 1)), []Position{1, 102})
}
