package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-sql-driver/mysql"

	"parley/e2e/servers/fixture"
	"parley/pkg/sqldb"
)

// startServers starts MariaDB, durable and with room for the largest log in
// memory, and Redis.
func (b *bench) startServers(ctx context.Context) (stop func() error, err error) {
	if b.mariadb, err = fixture.StartMariaDB(ctx, "--innodb-flush-log-at-trx-commit=1",
		"--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M"); err != nil {
		return nil, err
	}
	if b.admin, err = sql.Open("mysql", b.mariadb.DefaultDSN()); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to MariaDB: %w", err), b.mariadb.Stop())
	}
	if b.redis, err = fixture.StartRedis(ctx); err != nil {
		return nil, errors.Join(err, b.admin.Close(), b.mariadb.Stop())
	}
	return func() error { return errors.Join(b.redis.Stop(), b.admin.Close(), b.mariadb.Stop()) }, nil
}

// newDatabase makes a database with Parley's schema and a pool to go past
// Parley.
func (b *bench) newDatabase(ctx context.Context, name string) (*sql.DB, error) {
	if _, err := b.admin.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, fmt.Errorf("create the database %s: %w", name, err)
	}
	db, err := sqldb.Open(ctx, sqldb.Config{DSN: b.mariadb.DSN(name)}, "")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(sqldb.Migrate(ctx, db), db.Close()); err != nil {
		return nil, err
	}
	dsn, err := mysql.ParseDSN(b.mariadb.DSN(name))
	if err != nil {
		return nil, fmt.Errorf("read the address of a database: %w", err)
	}
	dsn.InterpolateParams = true
	connector, err := mysql.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("connect to MariaDB: %w", err)
	}
	return sql.OpenDB(connector), nil
}

// serve starts a Parley on a database.
func (b *bench) serve(ctx context.Context, database string) (*parley, error) {
	folder := filepath.Join(b.folder, database)
	config, err := b.writeConfig(folder, database)
	if err != nil {
		return nil, err
	}
	return startParley(ctx, b.binary, folder, "-config", config)
}

// end stops a Parley and notes how much memory it had.
func (b *bench) end(p *parley) error {
	most, err := memoryOf(p.pid(), peak)
	b.peak = max(b.peak, most)
	return errors.Join(err, p.stop())
}

// settle waits until the servers have nothing more to do, after a log was
// filled, so that it does not count as the cost of what comes next.
func (b *bench) settle(ctx context.Context) error {
	const look, patience = 500 * time.Millisecond, time.Minute
	m := meter{b.mariadb.PID(), b.redis.PID()}
	for began := time.Now(); ; {
		before, err := m.read()
		if err != nil {
			return err
		}
		if err := pause(ctx, look); err != nil {
			return err
		}
		after, err := m.read()
		if err != nil {
			return err
		}
		if after.since(before).sum() < look/50 {
			return nil
		}
		if time.Since(began) > patience {
			return errors.New("the servers do not come to rest")
		}
	}
}

// describe notes which servers were measured.
func (b *bench) describe(ctx context.Context) error {
	var version, flush string
	if err := b.admin.QueryRowContext(ctx, "SELECT VERSION(), @@innodb_flush_log_at_trx_commit").Scan(&version, &flush); err != nil {
		return fmt.Errorf("ask MariaDB for its version: %w", err)
	}
	b.report.fact("%s with innodb_flush_log_at_trx_commit=%s. Every figure is the median of %d rounds.", version, flush, b.rounds)
	return nil
}

// writeConfig writes the configuration of a Parley on one of our databases and
// returns its file. What it does not name is as in production.
func (b *bench) writeConfig(folder, database string) (string, error) {
	return writeFile(folder, "parley.yaml", fmt.Sprintf("Database:\n  DSN: %q\nRedis:\n  Addrs: [%q]\n", b.mariadb.DSN(database), b.redis.Addr))
}

// writeFile writes a file of a Parley into a folder, makes that if need be, and
// returns the path of the file.
func writeFile(folder, name, text string) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("make a folder for parley: %w", err)
	}
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("configure parley: %w", err)
	}
	return path, nil
}
