package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
)

// openSQLite opens the file, which it makes when it is not there. Only this
// process may write to it.
//
// There is one connection that writes and it takes the write lock when its
// transaction begins, so writers queue in Go, where a context ends their wait,
// and never meet SQLITE_BUSY. WAL lets any number of readers go on meanwhile,
// and FULL makes a commit wait for the disk.
func openSQLite(ctx context.Context, cfg Config, file string) (*DB, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("find the embedded database: %w", err)
	}
	if err := checkWritable(file); err != nil {
		return nil, err
	}
	writer, err := openFile(sqliteDSN(file, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(5000)",
			"journal_mode(wal)",
			"synchronous(full)",
			"temp_store(memory)",
			"cache_size(-16384)",
			"journal_size_limit(67108864)",
		},
	}))
	if err != nil {
		return nil, fmt.Errorf("open the embedded database %s: %w", file, err)
	}
	writer.SetMaxOpenConns(1)
	var mode string
	if err := writer.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return nil, errors.Join(fmt.Errorf("open the embedded database %s: %w", file, err), writer.Close())
	}
	if mode != "wal" {
		return nil, errors.Join(fmt.Errorf("the embedded database %s cannot use a write-ahead log (journal mode %s): is the data folder on a network file system?", file, mode), writer.Close())
	}

	readers := max(4, runtime.NumCPU())
	reader, err := openFile(sqliteDSN(file, url.Values{
		"_pragma": {
			"busy_timeout(5000)",
			"query_only(1)",
			"temp_store(memory)",
			"cache_size(-4096)",
		},
	}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the embedded database %s: %w", file, err), writer.Close())
	}
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)

	return attach(&DB{Dialect: SQLite, writer: writer, reader: reader}, cfg,
		func(pool *sql.DB) gorm.Dialector { return sqlite.Dialector{Conn: pool} })
}

// openFile returns a pool of connections to the file of a DSN.
func openFile(dsn string) (*sql.DB, error) {
	known, err := sql.Open(sqlite.DriverName, dsn) // only for its driver: it connects to nothing
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(traced{dsnConnector{known.Driver(), dsn}, "sqlite"}), known.Close()
}

func sqliteDSN(file string, query url.Values) string {
	return (&url.URL{Scheme: "file", Path: file, RawQuery: query.Encode()}).String()
}

// checkWritable finds out in words that help, and SQLite's do not, when the
// folder or the file cannot be used. The file holds people's messages: it is
// made for its owner alone, and SQLite gives its other files the same mode.
func checkWritable(file string) error {
	folder := filepath.Dir(file)
	probe, err := os.CreateTemp(folder, ".writable-*")
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be written: %w", folder, err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return fmt.Errorf("the data folder %s cannot be written: %w", folder, err)
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("the embedded database cannot be written: %w", err)
	}
	return f.Close()
}
