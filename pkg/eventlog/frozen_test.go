package eventlog

import (
	"context"
	"testing"
	"time"

	"parley/pkg/sqldb"
)

// onServer is for what needs more than one writer at a time. The embedded
// database has a single one, in this process: a frozen writer is a frozen
// server there, and nobody waits for a lock that another one holds.
func onServer(t *testing.T, test func(*world)) {
	t.Parallel()
	if w := newWorld(t); w.db.Dialect != sqldb.SQLite {
		test(w)
	}
}

func TestAWriterThatFreezesStopsOthersForSecondsAndLeavesNothing(t *testing.T) {
	onServer(t, func(w *world) {
		ctx := context.Background()
		l := w.log()
		w.append(l, private("alice", "bob", "m1"))

		// A process takes the position and writes, and then says nothing any
		// more: neither COMMIT nor the end of its connection.
		frozen, err := w.db.WriterSQL().Conn(ctx)
		if err != nil {
			t.Fatalf("connect: %v", err)
		}
		defer frozen.Close()
		tx, err := frozen.BeginTx(ctx, nil)
		if err != nil {
			t.Fatalf("begin: %v", err)
		}
		defer tx.Rollback()
		if _, err := l.allocate(ctx, tx, 1); err != nil {
			t.Fatalf("allocate: %v", err)
		}
		half := private("alice", "bob", "half")
		half.Pos = 2
		if err := insertEvents(ctx, tx, []*Event{&half}); err != nil {
			t.Fatalf("insert: %v", err)
		}

		began := time.Now()
		r := w.append(l, private("alice", "bob", "m2"))
		if took := time.Since(began); took > commitTimeout {
			t.Errorf("others waited %s", took)
		}
		if r.Pos != 2 {
			t.Errorf("position %d, want 2, which the frozen writer never got", r.Pos)
		}
		// It wakes up, and learns that it has lost.
		if err := tx.Commit(); err == nil {
			t.Error("the frozen writer committed after all")
		}
		same(t, "ids in the log", idsOf(w.stored()), []string{"m1", "m2"})
		if again := w.append(l, half); again.Pos != 3 {
			t.Errorf("sent again it has position %d, want 3", again.Pos)
		}
	})
}

func TestAChangeThatHoldsAGroupAndWaitsForThePositionIsNotInTheWayOfItsMessages(t *testing.T) {
	onServer(t, func(w *world) {
		logs := w.logs(2)
		w.group(logs[0], 1, "owner", "alice")
		for name, change := range map[string]func(tx *Tx) error{
			"rows of members": func(tx *Tx) error { return tx.SetRole(1, Admin, "alice") },
			"new members":     func(tx *Tx) error { return tx.Admit(1, newcomers("bob")...) },
			"the group":       func(tx *Tx) error { return tx.SetMuteAll(1, true) },
		} {
			began := time.Now()
			runs := 0
			w.change(logs[0], func(tx *Tx) error {
				runs++
				if err := change(tx); err != nil {
					return err
				}
				// Whoever speaks meanwhile is judged as if the change had
				// not begun: its position comes later.
				w.append(logs[1], toGroup("alice", 1, "m"+time.Now().String()))
				return tx.Append(1, func(at Position, _ int64) ([]Event, error) {
					events := []Event{signal(ToGroup(1), "changed")}
					if name == "new members" {
						return events, tx.Join(1, at, "bob")
					}
					return events, nil
				})
			})
			if took := time.Since(began); runs != 1 || took > 4*time.Second {
				t.Errorf("it ran %d times and took %s", runs, took)
			}
			w.change(logs[0], func(tx *Tx) error { return tx.SetMuteAll(1, false) })
		}
	})
}
