package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	wirev1 "parley/api/proto/wire/v1"
)

// installation is Parley in parts, as far as private messages between sockets need
// them: as many record services as socket gateways.
type installation struct {
	size              int // how many of each there are
	records, connects []*parley
	meter             meter // the records, the connects, MariaDB and Redis
}

// scale is what an installation does with messages between desktops, where those who
// send are at another gateway than those who receive if there are two.
type scale struct {
	sample
	// batch is the events of a commit, and commits how many there are a second: each
	// hands the position of the log over to the next.
	batch, commits float64
}

// minScale is what two of each must do at least of what one does, in percent, where
// fullLoad messages of each sender are in flight: so many that both services fill
// their batches, as one does with inFlight. On the cores that one has already filled,
// more processes can only cost.
const (
	minScale = 90
	fullLoad = 2 * inFlight
)

// measureScale compares an installation with one record service and one socket
// gateway with an installation with two of each, under two loads. Both run all the time,
// and by turns one has something to do.
func (b *bench) measureScale(ctx context.Context) (err error) {
	installations := make([]*installation, 2)
	for i := range installations {
		in := &installation{size: i + 1}
		installations[i] = in
		defer func() { err = errors.Join(err, in.stop()) }()
		if err := b.install(ctx, in); err != nil {
			return fmt.Errorf("start %s: %w", in, err)
		}
	}
	some, full := make([][2]scale, max(b.rounds, scaleRounds)), make([][2]scale, max(b.rounds, scaleRounds))
	for i := range full {
		progress("scale, round %d of %d", i+1, len(full))
		for n, in := range installations {
			if some[i][n], err = b.measureInstallation(ctx, in, inFlight); err == nil {
				full[i][n], err = b.measureInstallation(ctx, in, fullLoad)
			}
			if err != nil {
				return fmt.Errorf("measure %s: %w\na gateway said:\n%s", in, err, in.connects[0].logTail())
			}
		}
	}
	b.report.atLeast(ofScale(fullLoad), inPercent(full), minScale, " %")
	b.reportScale(installations, fullLoad, full)
	b.report.note(ofScale(inFlight), number(inPercent(some))+" %")
	b.reportScale(installations, inFlight, some)
	return nil
}

// scaleRounds is how often both are measured at least.
const scaleRounds = 5

// install starts an installation, on a database of its own. What it started is stopped
// by stop, whether it failed or not.
func (b *bench) install(ctx context.Context, in *installation) error {
	progress("starting %s", in)
	database := fmt.Sprint("scale", in.size)
	db, err := b.newDatabase(ctx, database)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	servers := fmt.Sprintf("Database: {DSN: %q}\nRedis: {Addrs: [%q], DB: %d}\n", b.mariadb.DSN(database), b.redis.Addr, in.size)
	var endpoints []string
	for i := range in.size {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		endpoints = append(endpoints, strconv.Quote(address))
		folder := filepath.Join(b.folder, database, fmt.Sprint("record", i))
		config, err := writeFile(folder, "parley.yaml", servers+fmt.Sprintf("Record: {Listen: %q}\n", address))
		if err != nil {
			return err
		}
		p, err := startService(ctx, b.binary, folder, "-target", "record-rpc", "-config", config)
		if err != nil {
			return err
		}
		in.records = append(in.records, p)
	}
	for i := range in.size {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		folder := filepath.Join(b.folder, database, fmt.Sprint("connect", i))
		config, err := writeFile(folder, "parley.yaml", servers+fmt.Sprintf("Record: {Endpoints: [%s]}\nConnect: {Listen: %q}\n", strings.Join(endpoints, ", "), address))
		if err != nil {
			return err
		}
		// It answers when it has found a record service.
		p, err := startTarget(ctx, b.binary, folder, address, "-target", "connect", "-config", config)
		if err != nil {
			return err
		}
		in.connects = append(in.connects, p)
	}
	for _, p := range slices.Concat(in.records, in.connects) {
		in.meter = append(in.meter, p.pid())
	}
	in.meter = append(in.meter, b.mariadb.PID(), b.redis.PID())
	return nil
}

func (in *installation) stop() (err error) {
	for _, p := range slices.Concat(in.connects, in.records) {
		err = errors.Join(err, p.stop())
	}
	return err
}

func (in *installation) String() string {
	if in.size == 1 {
		return "one record service and one socket gateway"
	}
	return fmt.Sprintf("%d record services and %d socket gateways", in.size, in.size)
}

func (in *installation) addresses() []string {
	addresses := make([]string, len(in.connects))
	for i, p := range in.connects {
		addresses[i] = p.address
	}
	return addresses
}

func (b *bench) measureInstallation(ctx context.Context, in *installation, load int) (s scale, err error) {
	before, err := in.appended(ctx)
	if err != nil {
		return s, err
	}
	var sent int
	s.sample, sent, err = b.talk(ctx, "scale", wirev1.Device_DEVICE_WINDOWS, in.addresses(), load, in.meter)
	if err != nil {
		return s, err
	}
	after, err := in.appended(ctx)
	if err != nil {
		return s, err
	}
	events, commits := after.events-before.events, after.commits-before.commits
	if events < float64(sent) || commits == 0 {
		return s, fmt.Errorf("the record services tell of %v events in %v commits, and %d messages were sent", events, commits, sent)
	}
	s.batch = events / commits
	s.commits = commits / float64(sent) * s.rate()
	return s, nil
}

// appended counts what was appended to a log.
type appended struct{ events, commits float64 }

// appended asks the record services what they appended since they started.
func (in *installation) appended(ctx context.Context) (all appended, err error) {
	for _, p := range in.records {
		for name, into := range map[string]*float64{"parley_log_batch_events_sum": &all.events, "parley_log_batch_events_count": &all.commits} {
			value, err := p.metric(ctx, name)
			if err != nil {
				return all, err
			}
			*into += value
		}
	}
	return all, nil
}

func ofScale(load int) string {
	return fmt.Sprintf("socket, two record services and two gateways, %d in flight: rate against one of each", load)
}

func inPercent(rounds [][2]scale) float64 {
	return 100 * median(rounds, func(x [2]scale) float64 { return x[1].rate() / x[0].rate() })
}

func (b *bench) reportScale(installations []*installation, load int, rounds [][2]scale) {
	r := b.report
	for n, in := range installations {
		about := fmt.Sprintf("%s, %d in flight: ", in, load)
		of := func(value func(scale) float64) float64 {
			return median(rounds, func(x [2]scale) float64 { return value(x[n]) })
		}
		r.note(about+"messages a second, and the median of a message", fmt.Sprintf("%s, %s", number(of(func(s scale) float64 { return s.rate() })),
			micros(median(rounds, func(x [2]scale) time.Duration { return x[n].median() }))))
		r.note(about+"events a batch, and hand-overs of the position a second", fmt.Sprintf("%s, %s",
			number(of(func(s scale) float64 { return s.batch })), number(of(func(s scale) float64 { return s.commits }))))
		var each []string
		for i, process := range in.processes() {
			each = append(each, process+" "+micros(median(rounds, func(x [2]scale) time.Duration {
				return x[n].cpu[i] / time.Duration(x[n].requests)
			})))
		}
		r.note(about+"CPU a message of each process", strings.Join(each, ", "))
	}
}

// processes names the processes of the meter.
func (in *installation) processes() []string {
	var names []string
	for _, kind := range []struct {
		name  string
		count int
	}{{"record", len(in.records)}, {"connect", len(in.connects)}} {
		for range kind.count {
			names = append(names, kind.name)
		}
	}
	return append(names, "MariaDB", "Redis")
}
