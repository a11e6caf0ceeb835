package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
)

// A failover or a restored backup can take the database back in time: its head
// is then below what clients have seen. What this file does about it:
//
// No position is given twice. Each process knows the highest one that it saw,
// and whoever finds the position below that raises it before anything else is
// appended; see allocate.
//
// Nobody answers from what is gone. A process that does not meet the lower head
// itself, because others were quicker, learns of it by the epoch. Whoever raises
// the position puts another epoch beside it in the same row and transaction, and
// every read for a user begins with a read of that row; a window of another
// epoch is forgotten before it is asked anything. An epoch is a random number. A
// counter would go back with the database, and the repair after the second of
// two restores would count to what a process knows from the first.
//
// Allocations need not carry the epoch, because what is committed counts in the
// window only if it was not forgotten since the allocation, which an era tells:
// the events of a commit that a process makes before it learned of a repair go
// into a window that its next read forgets, and those whose commit it notes
// after it learned of one are passed over and read from the log, if they are
// there. The same holds for everything that is read for the window.

// epoch names a stretch of the log's life in which it did not go back in time.
type epoch int64

// era counts how often a window was forgotten.
type era int64

// observe compares the window with the epoch that was read with a head, and
// forgets what it knows from another one. Heads are read one after the other.
func (w *window) observe(e epoch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.observed && w.epoch != e {
		w.forget()
	}
	w.epoch, w.observed = e, true
}

// forget is for a database that went back in time: what was seen of it may be
// gone and something else in its place.
func (w *window) forget() {
	w.now++
	w.reset(w.highest)
}

func (w *window) era() era {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// repair is called under the position lock. It makes to the position, from which
// a new epoch begins. Should the transaction fail, the next read of the head
// finds the old epoch and forgets once more, which does no harm.
func (l *Log) repair(ctx context.Context, tx execer, to Position) error {
	e := epoch(rand.Int64())
	if _, err := tx.ExecContext(ctx, "UPDATE log_position SET pos = ?, epoch = ? WHERE id = 1", int64(to), int64(e)); err != nil {
		return err
	}
	l.window.mu.Lock()
	defer l.window.mu.Unlock()
	l.window.forget()
	l.window.epoch, l.window.observed = e, true
	return nil
}

// raise lifts the position above everything that this process has seen, which
// is due when a head lies below that, and returns the head. It asks for it anew:
// somebody else may have been quicker, and then there is an epoch to observe.
func (l *Log) raise(ctx context.Context) (Position, error) {
	err := l.Change(ctx, func(tx *Tx) error {
		return tx.Append(0, func(Position, int64) ([]Event, error) { return nil, nil })
	})
	if err != nil {
		return 0, fmt.Errorf("raise the position of a log that went back in time: %w", err)
	}
	return l.head.get(ctx)
}

// maxPosition is the last one that clients can tell from its neighbours.
const maxPosition = 1<<53 - 1

// ErrBackwards says that the position was asked to go below where it is.
var ErrBackwards = errors.New("the log never goes back")

// Advance makes to the highest position that counts as given out, begins a new
// epoch, and returns the position from before. It is for operators who restored
// a backup and know, or guess on the safe side, which logIds clients have seen.
// To say where the position is already makes only a new epoch. It fails with
// ErrBackwards when the position is above to, and changes nothing.
func (l *Log) Advance(ctx context.Context, to Position) (from Position, err error) {
	if to > maxPosition {
		return 0, fmt.Errorf("advance the log to %d: positions end at %d", to, int64(maxPosition))
	}
	err = l.Change(ctx, func(tx *Tx) error {
		alloc, err := l.allocate(ctx, tx.conn, 0)
		if err != nil {
			return err
		}
		if from = alloc.first - 1; to < from {
			return fmt.Errorf("%w: it is at %d", ErrBackwards, from)
		}
		return l.repair(ctx, tx.conn, to)
	})
	if err != nil {
		return 0, fmt.Errorf("advance the log to %d: %w", to, err)
	}
	return from, nil
}
