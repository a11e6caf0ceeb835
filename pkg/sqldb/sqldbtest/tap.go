package sqldbtest

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

// Tap listens to, and interferes with, what is said to a database. Every
// function may be nil. They are called by many goroutines.
type Tap struct {
	// Connect is called before a connection is taken.
	Connect func()
	// Statement is called before each statement; its error is the answer.
	Statement func(ctx context.Context, query string) error
	// Heard is called with each statement and its values.
	Heard func(query string, args []driver.NamedValue)
	// Commit is called instead of COMMIT, with what does it and what undoes
	// the transaction.
	Commit func(commit, rollback func() error) error
}

// Pool returns a pool over the connections of under with the tap in between.
// It keeps no connection, so that others can use under meanwhile.
func (p *Tap) Pool(t testing.TB, under *sql.DB) *sql.DB {
	db := sql.OpenDB(tapConnector{p, under})
	db.SetMaxIdleConns(-1)
	t.Cleanup(func() { db.Close() })
	return db
}

// ORM returns gorm over a pool as db has it.
func ORM(t testing.TB, db *sqldb.DB, pool *sql.DB) *gorm.DB {
	t.Helper()
	var dialector gorm.Dialector = gormmysql.New(gormmysql.Config{Conn: pool})
	if db.Dialect == sqldb.SQLite {
		dialector = gormsqlite.Dialector{Conn: pool}
	}
	orm, err := gorm.Open(dialector, &gorm.Config{SkipDefaultTransaction: true, Logger: db.Writer.Logger})
	if err != nil {
		t.Fatalf("open gorm on a tap: %v", err)
	}
	return orm
}

type tapConnector struct {
	tap   *Tap
	under *sql.DB
}

func (c tapConnector) Driver() driver.Driver { return c.under.Driver() }

func (c tapConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.tap.Connect != nil {
		c.tap.Connect()
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
	tap  *Tap
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
	if c.tap.Heard != nil {
		c.tap.Heard(query, args)
	}
	if c.tap.Statement == nil {
		return nil
	}
	return c.tap.Statement(ctx, query)
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
	if tx.conn.tap.Commit == nil {
		return tx.Tx.Commit()
	}
	return tx.conn.tap.Commit(tx.Tx.Commit, tx.Tx.Rollback)
}
