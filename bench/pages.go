package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"parley/pkg/eventlog"
)

const (
	smallLog = 20_000
	largeLog = 1_000_000
	pageSize = 100
	fullPage = `{"result":0,"message":"OK","data":{"record_count":100,`
)

// places are where pages are read: how large a log is before and after them
// must not matter.
var places = [...]string{"start", "middle", "end"}

// pageReader is somebody who reads a log.
type pageReader struct {
	what   string
	server *parley
	user   *user
	starts [len(places)]eventlog.Position
}

// pageCosts is what the pages of a reader cost in one round.
type pageCosts [len(places)]sample

// pageRound is one round of all readers.
type pageRound struct{ small, large, many pageCosts }

// measurePages compares pages of logs of different sizes. Each log has a
// database and a Parley of its own, so that they can be read by turns.
func (b *bench) measurePages(ctx context.Context) (err error) {
	users, err := newUsers(2)
	if err != nil {
		return err
	}
	log := &pageLog{few: users[0].uid, many: users[1].uid, people: b.targets}
	var small, large *served
	for _, l := range []struct {
		served **served
		name   string
		size   int
	}{{&small, "small", smallLog}, {&large, "large", largeLog}} {
		s, err := b.serveLog(ctx, log, l.name, l.size)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.close(b)) }()
		*l.served = s
	}
	few, err := small.reader(ctx, "small", users[0])
	if err != nil {
		return err
	}
	fewLarge, err := large.reader(ctx, "large", users[0])
	if err != nil {
		return err
	}
	many, err := large.reader(ctx, "many", users[1])
	if err != nil {
		return err
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	rounds := make([]pageRound, b.rounds)
	for i := range rounds {
		progress("round %d of %d: pages of a log", i+1, b.rounds)
		for place := range places {
			for _, r := range []struct {
				reader *pageReader
				costs  *pageCosts
			}{{few, &rounds[i].small}, {fewLarge, &rounds[i].large}, {many, &rounds[i].many}} {
				if r.costs[place], err = b.readPage(ctx, r.reader, place); err != nil {
					return err
				}
			}
		}
	}
	reportPages(b.report, rounds)
	return nil
}

// served is a log with its database and the Parley on it.
type served struct {
	size   int
	db     *sql.DB
	server *parley
}

func (b *bench) serveLog(ctx context.Context, log *pageLog, name string, size int) (*served, error) {
	progress("filling a log of %d events", size)
	db, err := b.newDatabase(ctx, "pages_"+name)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := log.fill(ctx, db, size); err != nil {
		db.Close()
		return nil, err
	}
	b.report.fact("A log of %d events was filled past Parley in %s.", size, time.Since(began).Round(100*time.Millisecond))
	server, err := b.serve(ctx, "pages_"+name)
	if err != nil {
		db.Close()
		return nil, err
	}
	return &served{size: size, db: db, server: server}, nil
}

func (s *served) close(b *bench) error { return errors.Join(b.end(s.server), s.db.Close()) }

func (s *served) reader(ctx context.Context, name string, u *user) (*pageReader, error) {
	last, err := lastPage(ctx, s.db, u.uid, pageSize)
	if err != nil {
		return nil, err
	}
	return &pageReader{what: name, server: s.server, user: u,
		starts: [...]eventlog.Position{0, eventlog.Position(s.size / 2), last}}, nil
}

// readPage measures one page, read over and over by one client.
func (b *bench) readPage(ctx context.Context, r *pageReader, place int) (sample, error) {
	m := meter{r.server.pid(), b.mariadb.PID(), b.redis.PID()}
	s, err := b.load(ctx, "page-"+r.what+"-"+places[place], r.server.address, []*user{r.user}, func(u *user) (func() []byte, error) {
		return always(postJSON(syncPath, u.token(), fmt.Sprintf(syncRequestBody, r.starts[place]))), nil
	}, fullPage, m)
	if err != nil {
		return s, fmt.Errorf("read a page from the %s of the log of the %s reader: %w\nparley said:\n%s",
			places[place], r.what, err, r.server.logTail())
	}
	return s, nil
}

func reportPages(r *report, rounds []pageRound) {
	small := func(x pageRound) pageCosts { return x.small }
	large := func(x pageRound) pageCosts { return x.large }
	many := func(x pageRound) pageCosts { return x.many }
	for _, c := range []struct {
		what  string
		a, b  func(pageRound) pageCosts
		bound float64
	}{
		{"page of 100, %s of 1,000,000 events, 200 groups, against 20,000 events: ", large, small, 1.3},
		{"page of 100, %s of 1,000,000 events, 2,000 groups against 200: ", many, large, 3},
	} {
		for place, name := range places {
			what := fmt.Sprintf(c.what, name)
			r.atMost(what+"CPU", median(rounds, func(x pageRound) float64 {
				return ratio(c.a(x)[place].cpuEach(), c.b(x)[place].cpuEach())
			}), c.bound, "")
			r.atMost(what+"time", median(rounds, func(x pageRound) float64 {
				return ratio(c.a(x)[place].median(), c.b(x)[place].median())
			}), c.bound, "")
		}
	}
	for _, f := range []struct {
		what string
		of   func(pageRound) pageCosts
	}{
		{"20,000 events, 200 groups", small},
		{"1,000,000 events, 200 groups", large},
		{"1,000,000 events, 2,000 groups", many},
	} {
		for place, name := range places {
			samples(r, "page of 100, "+name+" of "+f.what, rounds, func(x pageRound) sample { return f.of(x)[place] })
		}
	}
}
