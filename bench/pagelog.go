package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// A log for reading pages has two readers. Both are in the same 200 groups that
// talk; one is in 1,800 others too, which hardly do. Every logSpacing-th
// event is one of the 200 groups, or private to one of the readers; all the rest
// concerns other people. So a page covers the same number of positions in a
// log of any size.
const (
	logSpacing   = 20
	talkingCount = 200
	silentCount  = 1800
	// One of so many of a reader's events is private.
	privateEvery = 10
	// A silent group says something once in so many positions.
	silentEvery = 1000

	talkingGroups = id.GID(2_000_000)
	silentGroups  = id.GID(3_000_000)
	otherGroups   = id.GID(4_000_000)
	otherCount    = 500
	// membersEach is how many members a group has beside the readers.
	membersEach = 20

	loadRows = 1000
)

// pageLog writes such a log.
type pageLog struct {
	few, many id.UID // the readers: in 200 groups, in 2,000 groups
	people    []id.UID
}

// fill writes a log of n events into an empty database.
func (l *pageLog) fill(ctx context.Context, db *sql.DB, n int) error {
	if err := l.insertGroups(ctx, db); err != nil {
		return err
	}
	batches := make(chan []eventlog.Event, 4)
	made := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(batches)
		made <- l.events(ctx, n, batches)
	}()
	var at int64
	for events := range batches {
		if err := insertEvents(ctx, db, events); err != nil {
			return err
		}
		at = events[len(events)-1].At
	}
	if err := <-made; err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "UPDATE log_position SET pos = ?, at = ?, ticket = 0", n, at); err != nil {
		return fmt.Errorf("set the position of a log: %w", err)
	}
	if _, err := db.ExecContext(ctx, "ANALYZE TABLE log_event, log_member, log_group"); err != nil {
		return fmt.Errorf("analyze a log: %w", err)
	}
	return nil
}

func (l *pageLog) events(ctx context.Context, n int, to chan<- []eventlog.Event) error {
	began := time.Now().UnixMilli() - int64(n)
	batch := make([]eventlog.Event, 0, loadRows)
	for pos := 1; pos <= n; pos++ {
		e, err := l.event(pos)
		if err != nil {
			return err
		}
		e.Pos, e.At = eventlog.Position(pos), began+int64(pos)
		batch = append(batch, e)
		if len(batch) == loadRows || pos == n {
			select {
			case to <- batch:
			case <-ctx.Done():
				return ctx.Err()
			}
			batch = make([]eventlog.Event, 0, loadRows)
		}
	}
	return nil
}

// event makes the event for a position.
func (l *pageLog) event(pos int) (eventlog.Event, error) {
	from := l.anybody()
	toUser := func(u id.UID) (eventlog.Event, error) {
		return newEvent(from, wirev1.ChannelType_CHANNEL_TYPE_USER, string(u))
	}
	toGroup := func(g id.GID, count int) (eventlog.Event, error) {
		g += id.GID(rand.IntN(count))
		return newEvent(from, wirev1.ChannelType_CHANNEL_TYPE_GROUP, g.String())
	}
	const private = logSpacing * privateEvery
	switch {
	case pos%private == 0:
		return toUser(l.few)
	case pos%private == 1:
		return toUser(l.many)
	case pos%logSpacing == 0:
		return toGroup(talkingGroups, talkingCount)
	case pos%silentEvery == 7:
		return toGroup(silentGroups, silentCount)
	case pos%2 == 0:
		return toUser(l.anybody())
	default:
		return toGroup(otherGroups, otherCount)
	}
}

func (l *pageLog) anybody() id.UID { return l.people[rand.IntN(len(l.people))] }

func (l *pageLog) insertGroups(ctx context.Context, db *sql.DB) error {
	var groups []id.GID
	var members []membership
	add := func(first id.GID, count int, readers ...id.UID) {
		for i := range count {
			g := first + id.GID(i)
			groups = append(groups, g)
			for _, r := range readers {
				members = append(members, membership{g, r})
			}
			for k := range membersEach {
				members = append(members, membership{g, l.people[(i*membersEach+k)%len(l.people)]})
			}
		}
	}
	add(talkingGroups, talkingCount, l.few, l.many)
	add(silentGroups, silentCount, l.many)
	add(otherGroups, otherCount)
	return insertGroups(ctx, db, groups, members)
}

// lastPage returns the position after which exactly so many events concern a
// user who reads everything of his groups.
func lastPage(ctx context.Context, db *sql.DB, u id.UID, events int) (eventlog.Position, error) {
	var after eventlog.Position
	err := db.QueryRowContext(ctx, `SELECT pos FROM log_event
		WHERE user_a = ? OR user_b = ? OR group_id IN (SELECT group_id FROM log_member WHERE user_id = ?)
		ORDER BY pos DESC LIMIT 1 OFFSET ?`, string(u), string(u), string(u), events).Scan(&after)
	if err != nil {
		return 0, fmt.Errorf("find the last page of a log: %w", err)
	}
	return after, nil
}
