// Package eventlog is the ordered, durable log of everything that a client is
// ever told. Sending is appending; syncing, history, live delivery and catching
// up are reads of the events for a user after a position.
//
// Order. A transaction that appends takes the single row of log_position and
// holds its lock until it commits, so positions become visible in their order:
// whoever has read up to n never later meets a new event at or below n. Nobody
// outside this package touches that row or computes a position.
//
// Rights. The intervals of positions during which somebody is in a group are
// tables of the log too, written in the transactions that append the events of
// the change. A message is checked against them under the position lock, so
// that its place in the log and the decision agree.
//
// The package knows nothing of what the bodies mean; see pkg/wire for that.
package eventlog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"parley/pkg/sqldb"
)

// Log is one process's view of the log. It is safe for concurrent use. Any
// number of processes may share a log through its database.
type Log struct {
	db     *sqldb.DB
	writer *sql.DB
	reader *sql.DB
	sql    dialect
	clock  func() time.Time

	// between is called between the queries of a read, by tests.
	between func()

	queue *queue
	// end is the position of the last event that this process appended, and pressed
	// whether its appender has to wait for others while more comes, which only that
	// uses.
	end     atomic.Int64
	pressed bool
	// changes bounds how many changes run at once. They may wait long for
	// each other's rows; without a bound they would hold every connection
	// meanwhile, and the appender none.
	changes  *semaphore.Weighted
	head     *sharedHead
	headStmt atomic.Pointer[sql.Stmt]
	window   *window

	followers followers
	stream    *stream // nil when no other process uses the log

	stop      context.CancelFunc
	stopped   chan struct{}
	unmeasure func()
}

// Option changes a Log from its defaults.
type Option func(*Log)

// WithClock sets what the log takes for the time. The time of an event never
// falls below that of the event before it, whatever the clock says.
func WithClock(clock func() time.Time) Option { return func(l *Log) { l.clock = clock } }

// ErrClosed is the answer of a log that is shutting down.
var ErrClosed = errors.New("the event log is closed")

// appenderConns is how many connections of the writer pool are left to the
// appender, which may hold on to a broken one while it gets the next.
const appenderConns = 2

// Open returns the log in db, whose schema is up to date, and starts its
// appender. Close stops it.
func Open(db *sqldb.DB, options ...Option) *Log {
	ctx, stop := context.WithCancel(context.Background())
	l := &Log{
		db:      db,
		writer:  db.WriterSQL(),
		reader:  db.ReaderSQL(),
		sql:     dialectOf(db),
		clock:   time.Now,
		queue:   newQueue(),
		changes: semaphore.NewWeighted(int64(max(1, db.WriterSQL().Stats().MaxOpenConnections-appenderConns))),
		window:  newWindow(),
		stop:    stop,
		stopped: make(chan struct{}),
	}
	l.head = &sharedHead{read: l.readHead}
	for _, o := range options {
		o(l)
	}
	l.unmeasure = l.measure()
	if l.stream != nil {
		go l.stream.run()
	}
	go func() {
		defer close(l.stopped)
		l.appendLoop(ctx)
	}()
	return l
}

// Close refuses new events, commits what was accepted, and returns when all
// of it was answered, or when ctx is done; then what is left is answered with
// an error.
func (l *Log) Close(ctx context.Context) error {
	l.queue.close()
	var err error
	select {
	case <-l.stopped:
	case <-ctx.Done():
		l.stop()
		<-l.stopped
		err = ctx.Err()
	}
	if l.stream != nil {
		l.stream.close()
	}
	l.unmeasure()
	if stmt := l.headStmt.Swap(nil); stmt != nil {
		err = errors.Join(err, stmt.Close())
	}
	return err
}

// Head returns the highest position below which nothing can appear any more.
func (l *Log) Head(ctx context.Context) (Position, error) { return l.head.get(ctx) }

// readHead is the one query that every sync makes. It is prepared once, because
// parsing it would take longer than answering it, and has no context: watching
// one costs a goroutine, and the pool bounds how long a server may be silent.
// Whoever is given this head finds a window that knows of its epoch.
func (l *Log) readHead() (Position, error) {
	stmt, err := l.headStatement()
	if err != nil {
		return 0, err
	}
	var p Position
	var e epoch
	if err := stmt.QueryRow().Scan(&p, &e); err != nil {
		return 0, err
	}
	l.window.observe(e)
	return p, nil
}

// headStatement prepares the statement when it is first needed; a database
// that is down then gets another chance later.
func (l *Log) headStatement() (*sql.Stmt, error) {
	if stmt := l.headStmt.Load(); stmt != nil {
		return stmt, nil
	}
	stmt, err := l.reader.Prepare("SELECT pos, epoch FROM log_position WHERE id = 1")
	if err != nil {
		return nil, fmt.Errorf("prepare to read the head of the log: %w", err)
	}
	if l.headStmt.CompareAndSwap(nil, stmt) {
		return stmt, nil
	}
	// Somebody else was faster, and Close may have taken his away since.
	if err := stmt.Close(); err != nil {
		return nil, fmt.Errorf("prepare to read the head of the log twice: %w", err)
	}
	return l.headStatement()
}

// sharedHead lets all who ask for the head at the same time share one read of
// it. Each gets an answer of a read that began after he asked: one that was
// already under way might miss what was committed, and answered, before.
type sharedHead struct {
	read func() (Position, error)

	mu      sync.Mutex
	running bool
	next    *headRead // not begun yet; whoever comes joins it
}

type headRead struct {
	done chan struct{}
	pos  Position
	err  error
}

func (h *sharedHead) get(ctx context.Context) (Position, error) {
	h.mu.Lock()
	r := h.next
	if r == nil {
		r = &headRead{done: make(chan struct{})}
		h.next = r
	}
	if !h.running {
		h.running = true
		// The one who finds nobody reading reads at once, by himself: a
		// lone client should not pay for a goroutine.
		h.mu.Unlock()
		h.run()
	} else {
		h.mu.Unlock()
	}
	select {
	case <-r.done:
		return r.pos, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run serves the read that is due, and hands over to a goroutine when others
// came meanwhile.
func (h *sharedHead) run() {
	h.mu.Lock()
	r := h.next
	h.next = nil
	h.mu.Unlock()

	r.pos, r.err = h.read()
	close(r.done)

	h.mu.Lock()
	defer h.mu.Unlock()
	if h.next == nil {
		h.running = false
		return
	}
	go h.run()
}
