package eventlog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"parley/pkg/sqldb"
	"parley/pkg/traces"
)

// commitTimeout bounds one batch, the wait for the position lock included. A
// batch runs under this and not under a request's context: it belongs to many.
const commitTimeout = 12 * time.Second

// Append puts e into the log and returns once it is durable. A repeat of an
// event, by scope and id, gets the first one's receipt and leaves no second
// event. A message to a group is refused unless its author may speak there at
// that position. Append fails with fault.Overloaded when too much waits
// already; after any other failure the event may or may not be in the log, and
// appending it again tells.
func (l *Log) Append(ctx context.Context, e Event) (Receipt, error) {
	type answer struct {
		receipt Receipt
		err     error
	}
	done := make(chan answer, 1)
	l.AppendAll([]Draft{{Event: e, Trace: trace.SpanContextFromContext(ctx), Done: func(r Receipt, err error) { done <- answer{r, err} }}})
	select {
	case a := <-done:
		return a.receipt, a.err
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
}

// Draft is an event for AppendAll and what is called with its receipt. Done
// runs on the appender's goroutine and must not block.
type Draft struct {
	Event
	Trace trace.SpanContext // of the request, or nothing
	Chain *Chain            // to which it belongs, or nil
	Done  func(Receipt, error)
}

// AppendAll is Append for many events, which enter the log in their order
// without waiting for each other's commit.
func (l *Log) AppendAll(drafts []Draft) {
	ps := make([]*pending, len(drafts))
	for i, d := range drafts {
		ps[i] = &pending{Event: d.Event, trace: d.Trace, chain: d.Chain, done: d.Done}
	}
	if err := l.queue.push(ps...); err != nil {
		for _, p := range ps {
			p.done(Receipt{}, err)
		}
	}
}

// appendLoop commits what is queued, batch after batch. There is no fixed
// wait: a batch is whatever came while the last one committed, and while others
// had the position lock.
func (l *Log) appendLoop(ctx context.Context) {
	for {
		events := l.queue.pop()
		if events == nil {
			return
		}
		if ctx.Err() != nil {
			answerAll(events, ErrClosed)
			continue
		}
		if events = whole(events); len(events) > 0 {
			l.commit(ctx, &batch{events: takeRepeatsOut(events)})
		}
	}
}

// answerAll answers events that were not appended, and breaks their chains.
func answerAll(ps []*pending, err error) {
	for _, p := range ps {
		if p.chain != nil {
			p.chain.Break()
		}
		p.done(Receipt{}, err)
		answerAll(p.followers, err)
	}
}

// commit appends one batch and answers everybody in it.
func (l *Log) commit(ctx context.Context, b *batch) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	began := time.Now()
	within, span := traces.Shared(ctx, "append to the log", b.requests())
	since, err := l.commitRetried(within, b)
	span.Set(attribute.Int("parley.events", len(b.events)))
	span.End(err)
	commitDuration.Observe(time.Since(began).Seconds())
	if err != nil {
		answerAll(b.events, fmt.Errorf("append %d events to the log: %w", len(b.events), err))
		return
	}
	fresh := b.appended()
	batchEvents.Observe(float64(len(fresh)))
	l.window.feed(since, fresh)
	l.tell(fresh)
	var held []*pending
	for i, p := range b.events {
		o := b.outcomes[i]
		p.done(o.receipt, o.err)
		for _, f := range p.followers {
			if o.err != nil && f.Audience != p.Audience {
				// The first was refused where it wanted to go. A
				// repeat that goes elsewhere is not judged by that.
				held = append(held, f)
				continue
			}
			f.done(o.receipt, o.err)
		}
	}
	l.queue.requeue(held)
}

// commitTries bounds how often a batch is tried again after a deadlock, a lock
// time-out or a lost connection.
const commitTries = 4

func (l *Log) commitRetried(ctx context.Context, b *batch) (era, error) {
	lookUp := false
	for try := 1; ; try++ {
		since, err := l.commitOnce(ctx, b, lookUp)
		if err == nil {
			return since, nil
		}
		unknown := errors.Is(err, errCommitUnknown)
		if try == commitTries || ctx.Err() != nil || !unknown && !sqldb.Retriable(err) && !sqldb.ConnLost(err) {
			return 0, err
		}
		lookUp = lookUp || unknown
	}
}

// errCommitUnknown says that COMMIT was sent and what came back, if anything,
// does not tell whether it was done.
var errCommitUnknown = errors.New("the outcome of the commit is not known")

// commitOnce runs the transaction for a batch and fills in the outcomes. On an
// error they hold nothing that counts. It begins with looking up what is in
// the log when an earlier try may have put it there.
func (l *Log) commitOnce(ctx context.Context, b *batch, lookUp bool) (era, error) {
	tx, err := l.writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()

	// The first statement takes the position lock. Everything after it sees
	// what was committed before it, and nobody else can append until the
	// commit; so from here on there is only SQL that waits for nothing.
	room := l.room(b)
	alloc, err := l.allocate(ctx, tx, room)
	if err != nil {
		return 0, err
	}
	l.fill(b, room, alloc)
	batch, outcomes := b.events, b.outcomes
	open := make([]int, len(batch)) // indexes without an outcome
	for i := range open {
		open[i] = i
	}
	if lookUp {
		// An earlier try that was still committing held the lock until
		// now. Whoever is stored gets his receipt before anything is judged
		// a second time: a sender who was removed since must not hear that
		// his message, which is there, was refused.
		if open, err = l.takeStored(ctx, tx, batch, open, outcomes); err != nil {
			return 0, err
		}
	}
	accepted, err := l.judge(ctx, tx, batch, open, outcomes, alloc.at)
	if err != nil {
		return 0, err
	}
	fresh, err := l.insertFresh(ctx, tx, batch, accepted, outcomes, alloc)
	if err != nil {
		return 0, err
	}
	if unused := room - len(fresh); unused > 0 {
		if err := giveBack(ctx, tx, unused); err != nil {
			return 0, err
		}
	}
	err = tx.Commit()
	if err != nil && !sqldb.Retriable(err) {
		return 0, fmt.Errorf("%w: %w", errCommitUnknown, err)
	}
	if err == nil {
		l.ended(alloc.first + Position(len(fresh)) - 1)
	}
	return alloc.era, err
}

// allocation is a run of positions and the time of the events in it.
type allocation struct {
	first Position
	at    int64
	era   era // in which it was given out
}

// stuck is the wait for the position lock from which on the time that was read
// before it is not the time of the events any more.
const stuck = 250 * time.Millisecond

// allocate takes the position lock and n positions. With n = 0 it only takes
// the lock: a change without an event takes its place in the order that way.
func (l *Log) allocate(ctx context.Context, tx execer, n int) (allocation, error) {
	asked := time.Now() // measures the wait, which a clock that is set does not
	now := l.clock().UnixMilli()
	last, at, err := l.sql.allocate(ctx, tx, n, now)
	if err != nil {
		return allocation{}, fmt.Errorf("allocate %d positions: %w", n, err)
	}
	// Who has seen a position saw it committed, and nobody commits while we
	// hold the lock. So when a position that was seen is free again, the
	// database went back in time, by a failover or a restored backup. Clients
	// saw those positions too and would take what comes there for known.
	if lost := l.window.seen() - (last - Position(n)); lost > 0 {
		logx.WithContext(ctx).Errorf("the database went back in time: %d positions from %d are left out", lost, last-Position(n)+1)
		if err := l.repair(ctx, tx, last+lost); err != nil {
			return allocation{}, fmt.Errorf("leave %d positions out: %w", lost, err)
		}
		last += lost
	}
	// Somebody held the lock for long, a writer that froze for example. The
	// time is that of the place in the order, which we have only now.
	if time.Since(asked) > stuck {
		if at, err = raiseTime(ctx, tx, at, l.clock().UnixMilli()); err != nil {
			return allocation{}, fmt.Errorf("take the time again after a long wait: %w", err)
		}
	}
	return allocation{first: last - Position(n) + 1, at: at, era: l.window.era()}, nil
}

// raiseTime makes now the time of the newest event, unless that is later
// already, and returns it. It is called under the position lock.
func raiseTime(ctx context.Context, tx execer, at, now int64) (int64, error) {
	if now <= at {
		return at, nil
	}
	_, err := tx.ExecContext(ctx, "UPDATE log_position SET at = ? WHERE id = 1", now)
	return now, err
}

func giveBack(ctx context.Context, tx *sql.Tx, n int) error {
	_, err := tx.ExecContext(ctx, "UPDATE log_position SET pos = pos - ? WHERE id = 1", n)
	return err
}

// judge refuses messages to groups whose authors may not speak there, and
// returns the indexes of the others.
func (l *Log) judge(ctx context.Context, tx *sql.Tx, batch []*pending, open []int, outcomes []outcome, at int64) ([]int, error) {
	var asked seats
	for _, i := range open {
		if p := batch[i]; p.Kind == Message && p.Group != 0 {
			asked.add(p.Group, p.Author)
		}
	}
	if asked.empty() {
		return open, nil
	}
	states, err := asked.read(ctx, tx, l.sql)
	if err != nil {
		return nil, err
	}
	accepted := make([]int, 0, len(open))
	for _, i := range open {
		p := batch[i]
		if p.Kind == Message && p.Group != 0 {
			g, m := states.of(p.Group, p.Author)
			if err := MaySpeak(g, m, at); err != nil {
				outcomes[i] = outcome{err: err}
				continue
			}
		}
		accepted = append(accepted, i)
	}
	return accepted, nil
}

// insertFresh inserts what is new of the events at the indexes accepted and
// gives repeats the receipts of the first. It returns the indexes that it
// inserted, at consecutive positions.
func (l *Log) insertFresh(ctx context.Context, tx *sql.Tx, batch []*pending, accepted []int, outcomes []outcome, alloc allocation) ([]int, error) {
	err := l.insert(ctx, tx, batch, accepted, outcomes, alloc)
	if !sqldb.IsDuplicate(err) {
		return accepted, err
	}
	// The statement alone was undone; the transaction and its lock live on, so
	// nobody can add another repeat meanwhile.
	fresh, lookErr := l.takeStored(ctx, tx, batch, accepted, outcomes)
	if lookErr != nil {
		return nil, lookErr
	}
	if len(fresh) == len(accepted) {
		return nil, err
	}
	return fresh, l.insert(ctx, tx, batch, fresh, outcomes, alloc)
}

// takeStored looks up which events at the indexes open are in the log, gives
// them the receipts of the first, and returns the other indexes.
func (l *Log) takeStored(ctx context.Context, tx *sql.Tx, batch []*pending, open []int, outcomes []outcome) ([]int, error) {
	stored, err := receipts(ctx, tx, l.sql, batch, open)
	if err != nil {
		return nil, err
	}
	missing := make([]int, 0, len(open))
	for _, i := range open {
		if r, ok := stored[eventKey{batch[i].Scope, batch[i].ID}]; ok {
			outcomes[i] = outcome{receipt: r}
		} else {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

func (l *Log) insert(ctx context.Context, tx *sql.Tx, batch []*pending, which []int, outcomes []outcome, alloc allocation) error {
	if len(which) == 0 {
		return nil
	}
	events := make([]*Event, len(which))
	for n, i := range which {
		e := &batch[i].Event
		e.Pos, e.At = alloc.first+Position(n), alloc.at
		events[n] = e
		outcomes[i] = outcome{receipt: Receipt{Pos: e.Pos, At: e.At}, appended: true}
	}
	return insertEvents(ctx, tx, events)
}
