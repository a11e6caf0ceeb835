package eventlog

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	gormsqlite "github.com/glebarez/sqlite"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"

	"parley/pkg/sqldb"
)

// tap listens to, and interferes with, what a log says to its database. Every
// function may be nil. They are called by many goroutines.
type tap struct {
	// connect is called before a connection is taken.
	connect func()
	// statement is called before each statement; its error is the answer.
	statement func(ctx context.Context, query string) error
	// heard is called with each statement and its values.
	heard func(query string, args []driver.NamedValue)
	// commit is called instead of COMMIT, with what does it and what undoes
	// the transaction.
	commit func(commit, rollback func() error) error
}

// pool returns a pool over the connections of under with the tap in between.
// It keeps no connection, so that others can use under meanwhile.
func (p *tap) pool(t testing.TB, under *sql.DB) *sql.DB {
	db := sql.OpenDB(tapConnector{p, under})
	db.SetMaxIdleConns(-1)
	t.Cleanup(func() { db.Close() })
	return db
}

// onWrites makes a log write through the tap.
func (p *tap) onWrites(w *world) Option {
	pool := p.pool(w, w.db.WriterSQL())
	var dialector gorm.Dialector = gormmysql.New(gormmysql.Config{Conn: pool})
	if w.db.Dialect == sqldb.SQLite {
		dialector = gormsqlite.Dialector{Conn: pool}
	}
	orm, err := gorm.Open(dialector, &gorm.Config{SkipDefaultTransaction: true, Logger: w.db.Writer.Logger})
	if err != nil {
		w.Fatalf("open gorm on a tap: %v", err)
	}
	tapped := *w.db
	tapped.Writer = orm
	return func(l *Log) { l.writer, l.db = pool, &tapped }
}

// onReads makes a log read through the tap.
func (p *tap) onReads(w *world) Option {
	pool := p.pool(w, w.db.ReaderSQL())
	return func(l *Log) { l.reader = pool }
}

// betweenQueries makes a log call f between the queries of a read.
func betweenQueries(f func()) Option { return func(l *Log) { l.between = f } }

type tapConnector struct {
	tap   *tap
	under *sql.DB
}

func (c tapConnector) Driver() driver.Driver { return c.under.Driver() }

func (c tapConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.tap.connect != nil {
		c.tap.connect()
	}
	lent, err := c.under.Conn(ctx)
	if err != nil {
		return nil, err
	}
	conn := &tapConn{tap: c.tap, lent: lent}
	err = lent.Raw(func(raw any) error {
		conn.raw = raw.(rawConn)
		return nil
	})
	return conn, err
}

// rawConn is what the connections of both drivers can do.
type rawConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
}

// tapConn is a connection that was lent by another pool.
type tapConn struct {
	tap  *tap
	lent *sql.Conn
	raw  rawConn
	bad  bool // give it up instead of giving it back
}

func (c *tapConn) Close() error {
	if c.bad {
		c.lent.Raw(func(any) error { return driver.ErrBadConn })
	}
	return c.lent.Close()
}

func (c *tapConn) Prepare(query string) (driver.Stmt, error) {
	stmt, err := c.raw.Prepare(query)
	if err != nil {
		return nil, err
	}
	return tapStmt{stmt, c, query}, nil
}

func (c *tapConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *tapConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.raw.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	return &tapTx{tx, c}, nil
}

func (c *tapConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.say(ctx, query, args); err != nil {
		return nil, err
	}
	return c.raw.ExecContext(ctx, query, args)
}

func (c *tapConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.say(ctx, query, args); err != nil {
		return nil, err
	}
	return c.raw.QueryContext(ctx, query, args)
}

func (c *tapConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.raw.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *tapConn) say(ctx context.Context, query string, args []driver.NamedValue) error {
	if c.tap.heard != nil {
		c.tap.heard(query, args)
	}
	if c.tap.statement == nil {
		return nil
	}
	return c.tap.statement(ctx, query)
}

// tapStmt is a prepared statement, of which the tap hears when it is used.
type tapStmt struct {
	driver.Stmt
	conn  *tapConn
	query string
}

func (s tapStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.conn.say(ctx, s.query, args); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

type tapTx struct {
	driver.Tx
	conn *tapConn
}

func (tx *tapTx) Commit() error {
	if tx.conn.tap.commit == nil {
		return tx.Tx.Commit()
	}
	return tx.conn.tap.commit(tx.Tx.Commit, tx.Tx.Rollback)
}
