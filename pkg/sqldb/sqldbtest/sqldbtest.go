// Package sqldbtest gives a test an empty database with Parley's schema.
package sqldbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"

	"parley/pkg/sqldb"
)

// EnvMySQL names the environment variable with the DSN of a server on which
// databases may be created and dropped, the database in it being any that
// exists. e2e/servers sets it. Without it tests run on SQLite.
const EnvMySQL = "PARLEY_TEST_MYSQL"

// New returns an empty, migrated database that belongs to t alone and goes
// with it.
func New(t testing.TB) *sqldb.DB {
	t.Helper()
	cfg, file := Config(t)
	return Open(t, cfg, file)
}

// Config returns where New puts its databases: a configuration and the file
// for it if it means SQLite. The database is empty, without a schema. It is for
// tests that open it more than once, as two processes do.
func Config(t testing.TB) (cfg sqldb.Config, file string) {
	t.Helper()
	if os.Getenv(EnvMySQL) != "" {
		return Server(t)
	}
	return File(t)
}

// File is Config on SQLite.
func File(t testing.TB) (cfg sqldb.Config, file string) {
	t.Helper()
	return sqldb.Config{}, filepath.Join(t.TempDir(), "parley.db")
}

// Server is Config on the server that EnvMySQL names. Without one it skips t:
// plain `make test` must pass where no server is installed.
func Server(t testing.TB) (cfg sqldb.Config, file string) {
	t.Helper()
	dsn := os.Getenv(EnvMySQL)
	if dsn == "" {
		t.Skip("it needs a real server: make test-servers")
	}
	return sqldb.Config{DSN: createDatabase(t, dsn)}, ""
}

// Open opens and migrates the database of Config, and closes it with t.
func Open(t testing.TB, cfg sqldb.Config, file string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(context.Background(), cfg, file)
	if err != nil {
		t.Fatalf("open a database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	if err := sqldb.Migrate(context.Background(), db); err != nil {
		t.Fatalf("migrate a database: %v", err)
	}
	return db
}

// createDatabase makes a database on the server of dsn and returns its own DSN.
func createDatabase(t testing.TB, dsn string) string {
	t.Helper()
	m, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatalf("%s: %v", EnvMySQL, err)
	}
	server, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatalf("open %s: %v", EnvMySQL, err)
	}
	name := "parley_test_" + rand.Text()[:16]
	if _, err := server.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("create a database for a test: %v", err)
	}
	t.Cleanup(func() {
		if _, err := server.Exec("DROP DATABASE " + name); err != nil {
			t.Errorf("drop the database of a test: %v", err)
		}
		server.Close()
	})
	m.DBName = name
	return m.FormatDSN()
}
