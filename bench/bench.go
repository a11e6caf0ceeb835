package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/e2e/servers/fixture"
	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// maxMemory is what a Parley may have resident at any moment of the benchmark.
const maxMemory = 200 << 20

// The scenarios. Those of traffic run by turns with what they are compared with.
const (
	scenarioPush    = "push"
	scenarioSync    = "sync"
	scenarioGroup   = "group"
	scenarioSocket  = "socket"
	scenarioLatency = "latency"
	scenarioFanout  = "fanout"
	scenarioPages   = "pages"
	scenarioIdle    = "idle"
	scenarioStorage = "storage"
	scenarioScale   = "scale"
	scenarioStart   = "start"
)

var (
	traffic   = []string{scenarioPush, scenarioSync, scenarioGroup, scenarioSocket, scenarioLatency, scenarioFanout}
	scenarios = append(slices.Clip(traffic), scenarioPages, scenarioIdle, scenarioStorage, scenarioScale, scenarioStart)
)

// bench is one run: the servers, the people, and what was found.
type bench struct {
	options
	report *report
	folder string // of everything that the run leaves for a moment

	binary     string
	binarySize int64
	mariadb    *fixture.MariaDB
	admin      *sql.DB // of MariaDB
	redis      *fixture.Redis
	peak       int64 // of all Parleys but the one with idle sockets, in bytes

	// While there is traffic:
	server   *parley
	meter    meter
	parleyDB *sql.DB
	bare     *bareServer
	bareDB   *sql.DB
	bareHead eventlog.Position

	senders, readers []*user
	targets          []id.UID
	lastTarget       int
	crowds           crowds
}

// round is what was measured once, one thing soon after the other, so that a
// slow moment of the machine hits what is compared alike.
type round struct {
	calibration calibration
	push        pushes
	syncs       []syncs
	crowds      crowdCosts
	talks       talks
	latency     sample
	fanout      fanouts
}

func measure(ctx context.Context, o options, r *report) (err error) {
	b := &bench{options: o, report: r}
	if !slices.ContainsFunc(scenarios, b.runs) {
		return fmt.Errorf("%q finds none of the scenarios %s", o.scenarios, strings.Join(scenarios, ", "))
	}
	if b.folder, err = os.MkdirTemp("", "parley-bench-"); err != nil {
		return fmt.Errorf("make a folder for the benchmark: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.folder)) }()
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
	if b.runsTraffic() || b.runs(scenarioPages) || b.runs(scenarioIdle) || b.runs(scenarioStorage) || b.runs(scenarioScale) {
		if err := b.measureOnServers(ctx); err != nil {
			return err
		}
	}
	if b.peak > 0 {
		r.atMost("memory of the process at its peak", float64(b.peak)/megabyte, maxMemory/megabyte, " MB")
	}
	return nil
}

func (b *bench) runs(scenario string) bool { return b.scenarios.MatchString(scenario) }

// runsTraffic reports whether any scenario runs that is measured by rounds.
func (b *bench) runsTraffic() bool { return slices.ContainsFunc(traffic, b.runs) }

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
	stop, err := b.startServers(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := b.describe(ctx); err != nil {
		return err
	}
	if b.runsTraffic() {
		if err := b.measureTraffic(ctx); err != nil {
			return err
		}
	}
	if b.runs(scenarioPages) {
		if err := b.measurePages(ctx); err != nil {
			return err
		}
	}
	if b.runs(scenarioStorage) {
		if err := b.measureStorage(ctx); err != nil {
			return err
		}
	}
	if b.runs(scenarioScale) {
		if err := b.measureScale(ctx); err != nil {
			return err
		}
	}
	if b.runs(scenarioIdle) {
		return b.measureIdle(ctx)
	}
	return nil
}

// measureTraffic runs the rounds of traffic with their calibrations.
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
	if b.server, err = b.serve(ctx, "traffic"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.end(b.server)) }()
	b.meter = meter{b.server.pid(), b.mariadb.PID(), b.redis.PID()}
	refusal, err := ask(b.server.address, b.refused(b.readers[0]))
	if err != nil {
		return fmt.Errorf("ask for a refusal: %w", err)
	}
	if b.bare, err = startBare(ctx, "-bare", string(refusal)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.bare.stop()) }()
	if err := b.joinGroups(ctx); err != nil {
		return err
	}
	if b.runs(scenarioGroup) {
		progress("making groups")
		if err := b.gather(ctx); err != nil {
			return fmt.Errorf("make groups: %w", err)
		}
		defer func() { err = errors.Join(err, b.crowds.conn.Close()) }()
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
	if b.runs(scenarioGroup) {
		reportCrowds(b.report, rounds)
	}
	if b.runs(scenarioSocket) {
		reportTalks(b.report, rounds)
	}
	if b.runs(scenarioLatency) {
		reportLatency(b.report, rounds)
	}
	if b.runs(scenarioFanout) {
		reportFanout(b.report, rounds)
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
	if b.runs(scenarioGroup) {
		if r.crowds, err = b.measureCrowds(ctx); err != nil {
			return nil, err
		}
	}
	if b.runs(scenarioSocket) {
		if r.talks, err = b.measureTalks(ctx); err != nil {
			return nil, err
		}
	}
	if b.runs(scenarioLatency) {
		if r.latency, err = b.measureLatency(ctx); err != nil {
			return nil, err
		}
	}
	if b.runs(scenarioFanout) {
		if r.fanout, err = b.measureFanout(ctx); err != nil {
			return nil, err
		}
	}
	return r, nil
}
