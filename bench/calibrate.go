package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// calibration is what the limits are made of: what the machine and the servers
// on it can do when nobody does more than is needed. It is measured again in
// every round, next to what is compared with it.
type calibration struct {
	// refused is C: a request with a good, known token that is refused for
	// its shape. Everything that all routes do is in it.
	refused sample
	// alone is the same with one client, to which nobody else's wake-ups and
	// system calls are of use. It is for comparison; C is the one above.
	alone sample
	// bare is a net/http handler that reads the body and answers.
	bare sample
	// rows is R: a loop that inserts the rows of messages, batchRows a
	// statement and a durable commit each, over one connection.
	rows sample
	// row is D: one such row in one durable commit.
	row sample
}

const (
	batchRows    = 100
	batches      = 600
	singleRows   = 1500
	manyClients  = 64
	refusedBody  = `{"count":0,"start":0}`
	refusedStart = `{"result":-1012,`
)

func (b *bench) calibrate(ctx context.Context) (c calibration, err error) {
	if c.bare, err = b.loadMany(ctx, "bare", b.bare.address, b.refused, refusedStart, meter{b.bare.pid}); err != nil {
		return c, fmt.Errorf("measure a bare handler: %w", err)
	}
	if c.refused, err = b.loadMany(ctx, "refused", b.server.address, b.refused, refusedStart, b.meter); err != nil {
		return c, fmt.Errorf("measure refused requests: %w", err)
	}
	if c.alone, err = b.loadOne(ctx, "refused-alone", b.refused, refusedStart); err != nil {
		return c, fmt.Errorf("measure refused requests of one client: %w", err)
	}
	if c.rows, err = b.insert(ctx, "rows", batches, batchRows); err != nil {
		return c, err
	}
	c.row, err = b.insert(ctx, "row", singleRows, 1)
	return c, err
}

func (b *bench) refused(u *user) []byte {
	return postJSON("/app/record/sync-record", u.token(), refusedBody)
}

// loadMany measures many clients, each of which sends one request over and over
// to an address.
func (b *bench) loadMany(ctx context.Context, name, address string, request func(*user) []byte, want string, m meter) (sample, error) {
	return b.load(ctx, name, address, b.readers, func(u *user) (func() []byte, error) {
		return always(request(u)), nil
	}, want, m)
}

// loadOne measures a single client that sends one request to Parley over and
// over.
func (b *bench) loadOne(ctx context.Context, name string, request func(*user) []byte, want string) (sample, error) {
	return b.load(ctx, name, b.server.address, b.readers[:1], func(u *user) (func() []byte, error) {
		return always(request(u)), nil
	}, want, b.meter)
}

// load measures some users at the same time; next makes what each of them sends.
func (b *bench) load(ctx context.Context, name, address string, users []*user, next func(*user) (func() []byte, error), want string, m meter) (sample, error) {
	clients := make([]*client, 0, len(users))
	for _, u := range users {
		requests, err := next(u)
		if err != nil {
			return sample{}, err
		}
		c, err := dial(address)
		if err != nil {
			return sample{}, err
		}
		clients = append(clients, &client{conn: c, next: requests, want: []byte(want)})
	}
	stop, err := b.startProfile(ctx, name, m)
	if err != nil {
		return sample{}, err
	}
	s, err := load(ctx, clients, b.window, m)
	return s, errors.Join(err, stop())
}

// insert measures the bare loop: statements of so many rows each.
func (b *bench) insert(ctx context.Context, name string, statements, rows int) (sample, error) {
	fail := func(err error) (sample, error) { return sample{}, fmt.Errorf("measure bare inserts: %w", err) }
	all := make([][]eventlog.Event, statements)
	for i := range all {
		for range rows {
			from := b.senders[i%len(b.senders)].uid
			e, err := newEvent(from, wirev1.ChannelType_CHANNEL_TYPE_USER, string(b.target()))
			if err != nil {
				return fail(err)
			}
			b.bareHead++
			e.Pos, e.At = b.bareHead, time.Now().UnixMilli()
			all[i] = append(all[i], e)
		}
	}
	s, err := b.repeat(ctx, name, statements, rows, func(i int) error { return insertEvents(ctx, b.bareDB, all[i]) })
	if err != nil {
		return fail(err)
	}
	return s, nil
}

// repeat measures something that is done so many times, one after the other, and
// counts for each many things. The first sixth warms up.
func (b *bench) repeat(ctx context.Context, name string, times, each int, do func(i int) error) (s sample, err error) {
	stop, err := b.startProfile(ctx, name, b.meter)
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	warm := times / 6
	s.requests = (times - warm) * each
	var start time.Time
	var before usage
	for i := range times {
		if i == warm {
			if before, err = b.meter.read(); err != nil {
				return sample{}, err
			}
			start = time.Now()
		}
		began := time.Now()
		if err := do(i); err != nil {
			return sample{}, err
		}
		if i >= warm {
			s.latencies = append(s.latencies, time.Since(began))
		}
	}
	s.took = time.Since(start)
	after, err := b.meter.read()
	if err != nil {
		return sample{}, err
	}
	s.cpu = after.since(before)
	slices.Sort(s.latencies)
	return s, nil
}

// target is somebody to whom messages go.
func (b *bench) target() id.UID {
	b.lastTarget = (b.lastTarget + 1) % len(b.targets)
	return b.targets[b.lastTarget]
}

func reportCalibration(r *report, rounds []*round) {
	r.atMost("C: CPU against a bare net/http handler", median(rounds, func(x *round) float64 {
		return ratio(x.calibration.refused.cpuEach(), x.calibration.bare.cpuEach())
	}), 2, "")
	for _, f := range []struct {
		what string
		of   func(*round) sample
	}{
		{"bare net/http handler, 64 clients", func(x *round) sample { return x.calibration.bare }},
		{"C: a request refused for its shape, 64 clients", func(x *round) sample { return x.calibration.refused }},
		{"the same with one client", func(x *round) sample { return x.calibration.alone }},
		{"R: a row of bare inserts, 100 a commit", func(x *round) sample { return x.calibration.rows }},
		{"D: a bare insert and commit", func(x *round) sample { return x.calibration.row }},
	} {
		samples(r, f.what, rounds, f.of)
	}
}
