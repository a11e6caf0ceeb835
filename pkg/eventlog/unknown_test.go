package eventlog

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"parley/pkg/fault"
)

// losing makes the first n commits lose their answer. done says whether the
// server had committed by then.
func losing(n int32, done bool) *tap {
	var left atomic.Int32
	left.Store(n)
	return &tap{commit: func(commit, rollback func() error) error {
		if left.Add(-1) < 0 {
			return commit()
		}
		if !done {
			commit = rollback
		}
		if err := commit(); err != nil {
			return err
		}
		return driver.ErrInvalidConn
	}}
}

func TestABatchWhoseCommitAnswerWasLostIsStoredOnce(t *testing.T) {
	t.Parallel()
	for name, done := range map[string]bool{"lost on the way back": true, "lost on the way there": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			healthy := w.log()
			w.group(healthy, 1, "alice")
			old := w.append(healthy, private("alice", "bob", "old"))
			l := w.log(losing(2, done).onWrites(w))
			got := appendAll(l,
				private("alice", "bob", "m1"),
				toGroup("bob", 1, "refused"),
				private("alice", "bob", "old"),
				toGroup("alice", 1, "m2"),
			)
			for i, want := range []Position{2, 0, old.Pos, 3} {
				if got.receipts[i].Pos != want {
					t.Errorf("draft %d: position %d (%v), want %d", i, got.receipts[i].Pos, got.errs[i], want)
				}
			}
			if !errors.Is(got.errs[1], fault.NotMember) {
				t.Errorf("the stranger got %v", got.errs[1])
			}
			same(t, "ids in the log", idsOf(w.stored()), []string{"old", "m1", "m2"})
			if r := w.append(healthy, private("alice", "bob", "m1")); r != got.receipts[0] {
				t.Errorf("a repeat got %v, the first %v", r, got.receipts[0])
			}
			if r := w.append(l, private("alice", "bob", "m3")); r.Pos != 4 {
				t.Errorf("the next event has position %d, want 4", r.Pos)
			}
		})
	}
}

func TestASenderRemovedWhileACommitWasInDoubtStillGetsItsReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	healthy := w.log()
	w.group(healthy, 1, "owner", "alice")
	var lost, removed atomic.Bool
	lossy := &tap{
		commit: func(commit, _ func() error) error {
			if err := commit(); err != nil || lost.Swap(true) {
				return err
			}
			return driver.ErrInvalidConn
		},
		connect: func() {
			if lost.Load() && !removed.Swap(true) {
				w.leave(healthy, 1, "alice")
			}
		},
	}
	l := w.log(lossy.onWrites(w))
	r := w.append(l, toGroup("alice", 1, "m1"))
	if r.Pos != 1 {
		t.Errorf("position %d, want 1", r.Pos)
	}
	if _, err := l.Append(context.Background(), toGroup("alice", 1, "m2")); !errors.Is(err, fault.NotMember) {
		t.Errorf("her next message: %v, want %v", err, fault.NotMember)
	}
}

func TestABatchThatStaysInDoubtFailsAndARepeatTells(t *testing.T) {
	t.Parallel()
	for name, done := range map[string]bool{"it was stored": true, "it was not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l := w.log(losing(commitTries, done).onWrites(w))
			if r, err := l.Append(context.Background(), private("alice", "bob", "m1")); err == nil {
				t.Fatalf("got %v although no commit was ever confirmed", r)
			}
			if r := w.append(l, private("alice", "bob", "m1")); r.Pos != 1 {
				t.Errorf("the repeat has position %d, want 1", r.Pos)
			}
			same(t, "positions", positionsOf(w.stored()), []Position{1})
		})
	}
}

func TestABatchIsTriedAgainAfterWhatLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"a lost connection":  driver.ErrInvalidConn,
		"a deadlock":         &driver.MySQLError{Number: 1213},
		"a lock time-out":    &driver.MySQLError{Number: 1205},
		"a changed record":   &driver.MySQLError{Number: 1020},
		"a write conflict":   &driver.MySQLError{Number: 9007},
		"a killed statement": &driver.MySQLError{Number: 1927},
	} {
		for _, statement := range []string{"UPDATE log_position", "INSERT INTO log_event"} {
			t.Run(name+" at "+statement, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				l := w.log(failing(statement, 2, cause).onWrites(w))
				if r := w.append(l, private("alice", "bob", "m1")); r.Pos != 1 {
					t.Errorf("position %d, want 1", r.Pos)
				}
			})
		}
	}
}

// failing makes the first n statements that begin so fail.
func failing(prefix string, n int32, cause error) *tap {
	var left atomic.Int32
	left.Store(n)
	return &tap{statement: func(_ context.Context, query string) error {
		if strings.HasPrefix(query, prefix) && left.Add(-1) >= 0 {
			return cause
		}
		return nil
	}}
}

func TestABatchThatFailsLeavesNothingAndTheNextOneWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := errors.New("the disk is full")
	l := w.log(failing("INSERT INTO log_event", 1, broken).onWrites(w))
	if _, err := l.Append(context.Background(), private("alice", "bob", "m1")); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if r := w.append(l, private("alice", "bob", "m2")); r.Pos != 1 {
		t.Errorf("the next event has position %d, want 1", r.Pos)
	}
}
