package eventlog

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	"parley/pkg/sqldb/sqldbtest"
)

// tap is a sqldbtest.Tap under a log.
type tap struct {
	connect   func()
	statement func(ctx context.Context, query string) error
	heard     func(query string, args []driver.NamedValue)
	commit    func(commit, rollback func() error) error
}

func (p *tap) pool(t testing.TB, under *sql.DB) *sql.DB {
	tap := &sqldbtest.Tap{Connect: p.connect, Statement: p.statement, Heard: p.heard, Commit: p.commit}
	return tap.Pool(t, under)
}

// onWrites makes a log write through the tap.
func (p *tap) onWrites(w *world) Option {
	pool := p.pool(w, w.db.WriterSQL())
	tapped := *w.db
	tapped.Writer = sqldbtest.ORM(w, w.db, pool)
	return func(l *Log) { l.writer, l.db = pool, &tapped }
}

// onReads makes a log read through the tap.
func (p *tap) onReads(w *world) Option {
	pool := p.pool(w, w.db.ReaderSQL())
	return func(l *Log) { l.reader = pool }
}

// betweenQueries makes a log call f between the queries of a read.
func betweenQueries(f func()) Option { return func(l *Log) { l.between = f } }
