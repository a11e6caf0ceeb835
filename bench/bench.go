package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"parley/e2e/servers/fixture"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/sqldb"
)

// maxMemory is what a Parley may have resident at any moment of the benchmark.
const maxMemory = 200 << 20

// The scenarios. The first two run by turns with what they are compared with.
const (
	scenarioPush  = "push"
	scenarioSync  = "sync"
	scenarioPages = "pages"
	scenarioStart = "start"
)

func scenarioNames() string {
	return strings.Join([]string{scenarioPush, scenarioSync, scenarioPages, scenarioStart}, ", ")
}

// bench is one run: the servers, the people, and what was found.
type bench struct {
	options
	report *report
	folder string // of everything that the run leaves for a moment

	binary     string
	binarySize int64
	mariadb    *fixture.MariaDB
	redis      *fixture.Redis
	peak       int64 // of all Parleys, in bytes

	// While push and sync run:
	server   *parley
	meter    meter
	parleyDB *sql.DB
	bare     *bareServer
	bareDB   *sql.DB
	bareHead eventlog.Position

	senders, readers []*user
	targets          []id.UID
	lastTarget       int
}

// round is what was measured once, one thing soon after the other, so that a
// slow moment of the machine hits what is compared alike.
type round struct {
	calibration calibration
	push        pushes
	syncs       []syncs
}

func measure(ctx context.Context, o options, r *report) (err error) {
	b := &bench{options: o, report: r}
	if b.folder, err = os.MkdirTemp("", "parley-bench-"); err != nil {
		return fmt.Errorf("make a folder for the benchmark: %w", err)
	}
	defer func() { err = cmpErr(err, os.RemoveAll(b.folder)) }()
	b.binary = filepath.Join(b.folder, "parley")
	progress("building parley")
	if b.binarySize, err = build(ctx, b.binary, b.profile != ""); err != nil {
		return err
	}
	if err := b.invitePeople(); err != nil {
		return err
	}
	if b.runs(scenarioStart) {
		progress("starting parley")
		if err := b.measureStart(ctx); err != nil {
			return err
		}
	}
	if b.runs(scenarioPush) || b.runs(scenarioSync) || b.runs(scenarioPages) {
		if err := b.measureOnServers(ctx); err != nil {
			return err
		}
	}
	r.atMost("memory of the process at its peak", float64(b.peak)/megabyte, maxMemory/megabyte, " MB")
	return nil
}

func (b *bench) runs(scenario string) bool { return b.scenarios.MatchString(scenario) }

func (b *bench) invitePeople() (err error) {
	if b.senders, err = newUsers(manyClients); err != nil {
		return err
	}
	if b.readers, err = newUsers(manyClients); err != nil {
		return err
	}
	b.targets, err = newAddresses(1000)
	return err
}

// measureOnServers runs what needs MariaDB and Redis.
func (b *bench) measureOnServers(ctx context.Context) (err error) {
	progress("starting MariaDB and Redis")
	if b.mariadb, err = fixture.StartMariaDB(ctx, "--innodb-flush-log-at-trx-commit=1",
		"--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M"); err != nil {
		return err
	}
	defer func() { err = cmpErr(err, b.mariadb.Stop()) }()
	if b.redis, err = fixture.StartRedis(ctx); err != nil {
		return err
	}
	defer func() { err = cmpErr(err, b.redis.Stop()) }()
	if b.runs(scenarioPush) || b.runs(scenarioSync) {
		if err := b.measureTraffic(ctx); err != nil {
			return err
		}
	}
	if b.runs(scenarioPages) {
		return b.measurePages(ctx)
	}
	return nil
}

// measureTraffic runs the rounds of push and sync with their calibrations.
func (b *bench) measureTraffic(ctx context.Context) (err error) {
	if b.bareDB, err = b.newDatabase(ctx, "bare"); err != nil {
		return err
	}
	defer b.bareDB.Close()
	b.bareDB.SetMaxOpenConns(1)
	if b.parleyDB, err = b.newDatabase(ctx, "traffic"); err != nil {
		return err
	}
	defer b.parleyDB.Close()
	if err := b.describe(ctx); err != nil {
		return err
	}
	if b.server, err = b.serve(ctx, "traffic"); err != nil {
		return err
	}
	defer func() { err = cmpErr(err, b.end(b.server)) }()
	b.meter = meter{b.server.pid(), b.mariadb.PID(), b.redis.PID()}
	refusal, err := ask(b.server.address, b.refused(b.readers[0]))
	if err != nil {
		return fmt.Errorf("ask for a refusal: %w", err)
	}
	if b.bare, err = startBare(ctx, refusal); err != nil {
		return err
	}
	defer func() { err = cmpErr(err, b.bare.stop()) }()
	if err := b.joinGroups(ctx); err != nil {
		return err
	}

	rounds := make([]*round, b.rounds)
	for i := range rounds {
		progress("round %d of %d: calibration and traffic", i+1, b.rounds)
		if rounds[i], err = b.measureRound(ctx); err != nil {
			return fmt.Errorf("%w\nparley said:\n%s", err, b.server.logTail())
		}
	}
	reportCalibration(b.report, rounds)
	if b.runs(scenarioPush) {
		reportPush(b.report, rounds)
	}
	if b.runs(scenarioSync) {
		reportSync(b.report, rounds)
	}
	return nil
}

func (b *bench) measureRound(ctx context.Context) (r *round, err error) {
	r = new(round)
	if r.calibration, err = b.calibrate(ctx); err != nil {
		return nil, err
	}
	if b.runs(scenarioPush) {
		if r.push, err = b.measurePush(ctx); err != nil {
			return nil, err
		}
	}
	if b.runs(scenarioSync) {
		if r.syncs, err = b.measureSync(ctx); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// newDatabase makes a database with Parley's schema and a pool to go past
// Parley.
func (b *bench) newDatabase(ctx context.Context, name string) (*sql.DB, error) {
	server, err := sql.Open("mysql", b.mariadb.DefaultDSN())
	if err != nil {
		return nil, fmt.Errorf("connect to MariaDB: %w", err)
	}
	defer server.Close()
	if _, err := server.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
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
	peak, err := peakMemory(p.pid())
	b.peak = max(b.peak, peak)
	return cmpErr(err, p.stop())
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
	if err := b.bareDB.QueryRowContext(ctx, "SELECT VERSION(), @@innodb_flush_log_at_trx_commit").Scan(&version, &flush); err != nil {
		return fmt.Errorf("ask MariaDB for its version: %w", err)
	}
	b.report.fact("%s with innodb_flush_log_at_trx_commit=%s. Every figure is the median of %d rounds.", version, flush, b.rounds)
	return nil
}

func cmpErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}
