// Package sqldb opens the relational database: a file of embedded SQLite, or a
// server that speaks MySQL's protocol (MariaDB, MySQL, TiDB). It sets up what
// the rest of Parley relies on, whatever the engine: READ COMMITTED, two pools,
// strict values, bounded waits, and a schema of the right version. It knows no
// table of its own.
//
// # Values
//
// Names (user ids, scopes, event ids, device ids and the like) are Go strings,
// bytes (bodies, hashes) are []byte, on every engine. Their columns are
// VARBINARY and BLOB on servers, TEXT and BLOB of STRICT tables in SQLite. All
// of them compare byte by byte: 'm1', 'm1 ' and 'M1' are three names. SQLite
// refuses a []byte where a name belongs and the other way round, when it is
// stored; in a comparison the two are simply never equal.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
)

// Dialect is the kind of SQL that a database understands.
type Dialect string

// The dialects. MySQL stands for MariaDB and TiDB too.
const (
	SQLite Dialect = "sqlite"
	MySQL  Dialect = "mysql"
)

// DB is a database with a pool for each kind of work.
type DB struct {
	// Writer is the pool for transactions that write. Its sessions lose their
	// locks after seconds when their process freezes, so it is not for
	// reading slowly. In SQLite it is a single connection: inside a
	// transaction use only the transaction, anything else waits for ever.
	Writer *gorm.DB
	// Reader is the pool for everything that only reads. It reads from the
	// same server, so it sees what was committed before the read began.
	Reader *gorm.DB

	Dialect Dialect
	// MariaDB says that the server is one, which knows more than MySQL.
	MariaDB bool

	writer, reader *sql.DB
	unmeasure      func()
	admin          *mysql.Config // for connections that migrate; nil in SQLite
}

// Open opens the server that cfg names, or else the SQLite file. It waits up to
// cfg.StartTimeout for a server that is down. It does not touch the schema; see
// Migrate.
func Open(ctx context.Context, cfg Config, file string) (*DB, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if cfg.DSN == "" {
		return openSQLite(ctx, cfg, file)
	}
	return openMySQL(ctx, cfg)
}

// WriterSQL returns the pool under Writer. The event log uses it on its hot
// path, because gorm hides sql.Result.
func (db *DB) WriterSQL() *sql.DB { return db.writer }

// ReaderSQL returns the pool under Reader.
func (db *DB) ReaderSQL() *sql.DB { return db.reader }

// Ping reports whether the database answers, for readiness.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	if err := db.reader.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return fmt.Errorf("ping the database: %w", err)
	}
	return nil
}

// Close closes both pools. It waits for statements that run.
func (db *DB) Close() error {
	if db.unmeasure != nil {
		db.unmeasure()
	}
	return errors.Join(db.reader.Close(), db.writer.Close())
}

// attach puts gorm on top of the two pools.
func attach(db *DB, cfg Config, dialector func(*sql.DB) gorm.Dialector) (*DB, error) {
	for _, pool := range []struct {
		orm **gorm.DB
		sql *sql.DB
	}{{&db.Writer, db.writer}, {&db.Reader, db.reader}} {
		orm, err := gorm.Open(dialector(pool.sql), &gorm.Config{
			SkipDefaultTransaction: true,
			DisableAutomaticPing:   true,
			Logger:                 slowLog{threshold: cfg.SlowQuery},
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("set up gorm: %w", err), db.Close())
		}
		*pool.orm = orm
	}
	db.unmeasure = measure(db)
	return db, nil
}
