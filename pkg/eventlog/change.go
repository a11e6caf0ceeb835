package eventlog

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// Tx is a transaction that changes something and appends the events of the
// change: both are stored, or neither.
type Tx struct {
	log  *Log
	db   *gorm.DB
	conn execer
	ctx  context.Context
	fed  []*pending
	era  era

	// moved are the positions at which places in groups are taken or left.
	moved map[place]bool
	// admitted are those who have to join yet.
	admitted map[seat]bool
}

// place is a position at which something happens to places in a group.
type place struct {
	group id.GID
	at    Position
}

// Change runs fn in one transaction. It may run fn more than once, after a
// deadlock for example; fn must leave nothing behind but its result. An error
// of fn undoes everything and is returned.
func (l *Log) Change(ctx context.Context, fn func(tx *Tx) error) error {
	if err := l.changes.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("wait for other changes: %w", err)
	}
	defer l.changes.Release(1)
	var done *Tx
	err := l.db.Transact(ctx, func(db *gorm.DB) error {
		conn, ok := db.Statement.ConnPool.(execer)
		if !ok {
			return errors.New("the transaction does not run on database/sql")
		}
		done = &Tx{log: l, db: db, conn: conn, ctx: ctx}
		if err := fn(done); err != nil {
			return err
		}
		return done.checkMoves()
	})
	if err != nil {
		return err
	}
	if n := len(done.fed); n > 0 {
		l.ended(done.fed[n-1].Pos)
	}
	l.window.feed(done.era, done.fed)
	l.tell(done.fed)
	return nil
}

// DB is the transaction for the caller's own tables.
func (tx *Tx) DB() *gorm.DB { return tx.db }

// Append takes the position lock and n positions, calls build with the first
// of them and the time of the events, and appends the n events that build
// returns. What build reads through the transaction is everything that was
// committed before these positions. Whatever else the change may have to wait
// for comes before Append; build runs under the lock that everybody needs and
// must only do SQL. With n = 0 the change takes its place in the order without
// an event.
func (tx *Tx) Append(n int, build func(first Position, at int64) ([]Event, error)) error {
	alloc, err := tx.log.allocate(tx.ctx, tx.conn, n)
	if err != nil {
		return err
	}
	tx.era = alloc.era
	events, err := build(alloc.first, alloc.at)
	if err != nil {
		return err
	}
	if len(events) != n {
		return fmt.Errorf("a change announced %d events and made %d", n, len(events))
	}
	if n == 0 {
		return nil
	}
	pointers := make([]*Event, n)
	for i := range events {
		e := &events[i]
		e.Pos, e.At = alloc.first+Position(i), alloc.at
		pointers[i] = e
		tx.fed = append(tx.fed, &pending{Event: *e})
	}
	return insertEvents(tx.ctx, tx.conn, pointers)
}

// move notes that places in a group change at a position.
func (tx *Tx) move(g id.GID, at Position) {
	if tx.moved == nil {
		tx.moved = make(map[place]bool)
	}
	tx.moved[place{g, at}] = true
}

// checkMoves refuses a change of places in a group at a position that is not
// that of a signal of the group in the same change. Readers remember in which
// groups somebody is not until the next signal there (see window.isAbsent); who
// came in without one would miss messages, and nothing would ever tell. Nor may
// somebody stay admitted: he could speak where he reads nothing.
func (tx *Tx) checkMoves() error {
	for s := range tx.admitted {
		return fmt.Errorf("%s was admitted to group %s and did not join", s.user, s.group)
	}
	if len(tx.moved) == 0 {
		return nil
	}
	signals := make(map[place]bool)
	for _, p := range tx.fed {
		if p.Kind == Signal {
			signals[place{p.Group, p.Pos}] = true
		}
	}
	for m := range tx.moved {
		if !signals[m] {
			return fmt.Errorf("places in group %s change at %d, where this change has no signal of the group", m.group, m.at)
		}
	}
	return nil
}

// Seat reads a group and somebody's place in it, as of this transaction.
func (tx *Tx) Seat(g id.GID, u id.UID) (GroupState, Membership, error) {
	return readSeat(tx.ctx, tx.conn, tx.log.sql, g, u)
}

// Erase makes a tombstone of the message at p: its body is gone for good, its
// scope and id stay, so that a late repeat gets its first receipt. It reports
// false when somebody else was first.
func (tx *Tx) Erase(p Position) (bool, error) {
	res, err := tx.conn.ExecContext(tx.ctx,
		"UPDATE log_event SET kind = ?, body = X'', conv = NULL WHERE pos = ? AND kind = ?", int64(Tombstone), int64(p), int64(Message))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// EraseSignal makes a tombstone of a signal of the server's own with that id: what
// it told is gone for good. There need not be one.
func (tx *Tx) EraseSignal(id string) error {
	_, err := tx.conn.ExecContext(tx.ctx,
		"UPDATE log_event SET kind = ?, body = X'' WHERE scope = '' AND id = ? AND kind = ?", int64(Tombstone), id, int64(Signal))
	return err
}

// Find reads the event at p as of this transaction, or fault.NotFound.
func (tx *Tx) Find(p Position) (Event, error) { return find(tx.ctx, tx.conn, p) }

// Find reads the event at p, or fault.NotFound.
func (l *Log) Find(ctx context.Context, p Position) (Event, error) { return find(ctx, l.reader, p) }

func find(ctx context.Context, db execer, p Position) (Event, error) {
	events, err := load(ctx, db, []Position{p})
	if err != nil {
		return Event{}, err
	}
	if len(events) == 0 {
		return Event{}, fault.NotFound
	}
	return events[0], nil
}

// Seat reads a group and somebody's place in it.
func (l *Log) Seat(ctx context.Context, g id.GID, u id.UID) (GroupState, Membership, error) {
	return readSeat(ctx, l.reader, l.sql, g, u)
}

func readSeat(ctx context.Context, db execer, d dialect, g id.GID, u id.UID) (GroupState, Membership, error) {
	var s seats
	s.add(g, u)
	states, err := s.read(ctx, db, d)
	if err != nil {
		return GroupState{}, Membership{}, err
	}
	group, member := states.of(g, u)
	return group, member, nil
}

// Letter is a private message, as far as its receipt is concerned.
type Letter struct {
	Pos  Position
	From id.UID
}

// Letters returns the private messages that others sent to u in (after, upTo],
// without those that were revoked.
func (tx *Tx) Letters(u id.UID, after, upTo Position) ([]Letter, error) {
	rows, err := tx.conn.QueryContext(tx.ctx,
		"SELECT pos, author FROM log_event"+tx.log.sql.force("log_event_user_a")+
			" WHERE user_a = ? AND pos > ? AND pos <= ? AND kind = ? AND user_b IS NOT NULL ORDER BY pos",
		string(u), int64(after), int64(upTo), int64(Message))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var letters []Letter
	for rows.Next() {
		var l Letter
		if err := rows.Scan(&l.Pos, &l.From); err != nil {
			return nil, err
		}
		letters = append(letters, l)
	}
	return letters, rows.Err()
}
