package eventlog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/pkg/id"
)

const (
	// loadChunk is how many events are read at once by primary key. It bounds
	// what one reader holds in memory, too.
	loadChunk = 100
	// groupChunk is how many groups one query asks for.
	groupChunk = 500
	// firstWindow and maxWindow are the ranges of positions in which the
	// events of groups are looked for: small at first, since a busy group
	// fills a page soon, then as large as what was found suggests.
	firstWindow = 1 << 10
	maxWindow   = 64 << 10
	// scanFactor is how many positions of the log can be read one by one for
	// what it costs to look up one group in the index. Most of that is the
	// optimizer's work for another range.
	scanFactor = 8
)

// Read gives each, in order and in chunks, the first limit events after a
// position that concern u: those that name him and those of groups while he
// was in them. Tombstones are left out. Fewer than limit means that there are
// no more below the head that Read began with. Nothing that is appended
// meanwhile can appear below what was read.
//
// This is the only way to read the log for a user. Head comes first, then the
// intervals, then every range up to that head: ranges read one after the other
// without a common bound would lose what commits in between.
func (l *Log) Read(ctx context.Context, u id.UID, after Position, limit int, each func([]Event) error) error {
	seen := l.window.seen()
	head, err := l.head.get(ctx)
	if err == nil && head < seen {
		head, err = l.raise(ctx)
	}
	if err != nil {
		return err
	}
	l.pause()
	if err := l.window.reach(ctx, l.reader, head); err != nil {
		return err
	}
	if after >= head || limit <= 0 {
		return nil
	}
	news := l.window.newsFor(u, after, head)
	if news.known && !news.direct && !news.groups {
		return nil
	}
	r := userRange{log: l, user: u, head: head}
	r.skipDirect = news.known && !news.direct
	if !news.known || news.groups {
		if err := r.readIntervals(ctx, after, news); err != nil {
			return err
		}
	}
	for limit > 0 {
		l.pause()
		n := min(limit, loadChunk)
		positions, err := r.positions(ctx, after, n)
		if err != nil || len(positions) == 0 {
			return err
		}
		l.pause()
		events, err := load(ctx, l.reader, positions)
		if err != nil {
			return err
		}
		// A message that was revoked since its position was found is no
		// longer part of the page; the next one takes its place.
		events = slices.DeleteFunc(events, func(e Event) bool { return e.Kind == Tombstone })
		after = positions[len(positions)-1]
		limit -= len(events)
		if len(events) > 0 {
			if err := each(events); err != nil {
				return err
			}
		}
		if len(positions) < n {
			return nil
		}
	}
	return nil
}

// pause lets a test hold a read between its queries.
func (l *Log) pause() {
	if l.between != nil {
		l.between()
	}
}

// Interval is a run of positions that somebody may read of a group, both ends
// included.
type Interval struct{ From, To Position }

// Intervals returns where u may read of his groups after a position.
func (l *Log) Intervals(ctx context.Context, u id.UID, after Position) (map[id.GID][]Interval, error) {
	return scanIntervals(l.reader.QueryContext(ctx,
		"SELECT group_id, from_pos, to_pos FROM log_member WHERE user_id = ? AND to_pos > ?", string(u), int64(after)))
}

func scanIntervals(rows *sql.Rows, err error) (map[id.GID][]Interval, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	intervals := make(map[id.GID][]Interval)
	for rows.Next() {
		var g id.GID
		var i Interval
		if err := rows.Scan(&g, &i.From, &i.To); err != nil {
			return nil, err
		}
		intervals[g] = append(intervals[g], i)
	}
	return intervals, rows.Err()
}

// userRange is what a user may read up to a head.
type userRange struct {
	log        *Log
	user       id.UID
	head       Position
	skipDirect bool // nothing up to head names the user
	intervals  map[id.GID][]Interval
	groups     []id.GID

	// The group events that were found but not handed out yet, and the
	// position up to which they are complete.
	found   []Position
	reached Position
	window  Position
}

// readIntervals reads in which groups the user was after a position. Intervals
// that end earlier cannot matter, nor can groups in which nothing happened: where
// those that had events are few, only they are asked for, which costs the same
// however many groups the user is in, and nothing when he is known to be in none
// of them.
func (r *userRange) readIntervals(ctx context.Context, after Position, news news) error {
	query := "SELECT group_id, from_pos, to_pos FROM log_member WHERE user_id = ? AND to_pos > ? AND from_pos <= ?"
	args := []any{string(r.user), int64(after), int64(r.head)}
	var asked []id.GID
	if news.known {
		var few bool
		asked, few = r.log.window.toAsk(r.user, after, r.head)
		if few && len(asked) == 0 {
			return nil
		}
		if few {
			query += " AND group_id IN (" + marks(len(asked)) + ")"
			for _, g := range asked {
				args = append(args, int64(g))
			}
		}
	}
	// Nearly every sync makes this query. A context that can end would cost it
	// two goroutines, and the pool bounds how long a server may be silent.
	var err error
	if r.intervals, err = scanIntervals(r.log.reader.QueryContext(context.WithoutCancel(ctx), query, args...)); err != nil {
		return err
	}
	r.groups = slices.Collect(maps.Keys(r.intervals))
	if news.known {
		absent := slices.DeleteFunc(asked, func(g id.GID) bool { return r.intervals[g] != nil })
		r.log.window.markAbsent(news.now, r.user, after, r.head, absent)
		r.groups = r.log.window.active(after, r.head, r.groups)
	}
	slices.Sort(r.groups)
	r.reached, r.window = after, firstWindow
	return nil
}

// mayRead reports whether the event of g at p lies in one of the intervals.
func (r *userRange) mayRead(g id.GID, p Position) bool {
	for _, i := range r.intervals[g] {
		if i.From <= p && p <= i.To {
			return true
		}
	}
	return false
}

// positions returns the first n positions after a given one that the user may
// read.
func (r *userRange) positions(ctx context.Context, after Position, n int) ([]Position, error) {
	var direct []Position
	if !r.skipDirect {
		var err error
		if direct, err = r.direct(ctx, after, n); err != nil {
			return nil, err
		}
	}
	// Groups need not be read beyond the last position that could be part of
	// the answer.
	bound := r.head
	if len(direct) == n {
		bound = direct[n-1]
	}
	r.log.pause()
	if err := r.findInGroups(ctx, bound, n); err != nil {
		return nil, err
	}
	// Where groups were not read up to bound, n of their events are at hand, all
	// below whatever was not read. So the first n of both are the answer.
	merged := make([]Position, 0, n)
	d, g := 0, 0
	for len(merged) < n {
		switch {
		case d < len(direct) && (g == len(r.found) || direct[d] < r.found[g]):
			merged = append(merged, direct[d])
			d++
		case g < len(r.found):
			merged = append(merged, r.found[g])
			g++
		default:
			r.found = r.found[g:]
			return merged, nil
		}
	}
	r.found = r.found[g:]
	return merged, nil
}

// direct returns the first n positions after a given one of events that name
// the user, from both indexes.
func (r *userRange) direct(ctx context.Context, after Position, n int) ([]Position, error) {
	half := func(column string) string {
		return "SELECT * FROM (SELECT pos FROM log_event" + r.log.sql.force("log_event_"+column) +
			" WHERE " + column + " = ? AND pos > ? AND pos <= ? AND kind <> 4 ORDER BY pos LIMIT ?) AS " + column
	}
	args := []any{string(r.user), int64(after), int64(r.head), n}
	positions, err := scanPositions(r.log.reader.QueryContext(ctx,
		half("user_a")+" UNION ALL "+half("user_b"), append(args, args...)...))
	slices.Sort(positions)
	return positions[:min(n, len(positions))], err
}

// findInGroups looks for events of the user's groups until n are at hand or
// bound is reached. A short piece of the log is read as it is, a long one group
// by group, so many silent groups cost no more than a few busy ones.
func (r *userRange) findInGroups(ctx context.Context, bound Position, n int) error {
	if len(r.groups) == 0 {
		return nil
	}
	for r.reached < bound && len(r.found) < n {
		end := min(r.reached+r.window, bound)
		groups, next := r.present(end)
		if len(groups) == 0 {
			// He was in none of them here; on to where he is in one.
			r.reached = min(next, bound)
			continue
		}
		start := len(r.found)
		if end-r.reached <= Position(scanFactor*len(groups)) {
			if err := r.scan(ctx, end); err != nil {
				return err
			}
		} else {
			for chunk := range slices.Chunk(groups, groupChunk) {
				if err := r.findInChunk(ctx, chunk, end); err != nil {
					return err
				}
			}
			slices.Sort(r.found[start:])
		}
		r.window = nextWindow(end-r.reached, len(r.found)-start, n-len(r.found))
		r.reached = end
	}
	return nil
}

// present returns the groups in which the user was at some position in
// (reached, end], and the position before his next interval begins. What was said
// in a group before he came and after he left need not be read.
func (r *userRange) present(end Position) (groups []id.GID, next Position) {
	next = Forever
	for _, g := range r.groups {
		here := false
		for _, i := range r.intervals[g] {
			if i.To <= r.reached {
				continue
			}
			here = here || i.From <= end
			next = min(next, max(i.From-1, r.reached))
		}
		if here {
			groups = append(groups, g)
		}
	}
	return groups, next
}

// nextWindow is where the rest should be found, with a quarter to spare, when
// the last window had so many.
func nextWindow(last Position, found, missing int) Position {
	next := 8 * last
	if found > 0 {
		next = min(next, last*Position(max(missing, 1))*5/Position(4*found))
	}
	return max(firstWindow, min(next, maxWindow))
}

// scan adds what the log has for the user's groups in (reached, end].
func (r *userRange) scan(ctx context.Context, end Position) error {
	return r.find(r.log.reader.QueryContext(ctx,
		"SELECT pos, group_id FROM log_event WHERE pos > ? AND pos <= ? AND group_id IS NOT NULL AND kind <> 4 ORDER BY pos",
		int64(r.reached), int64(end)))
}

// findInChunk adds what chunk has in (reached, end]. The index is forced: left
// alone, an optimizer walks the whole log in the order of positions.
func (r *userRange) findInChunk(ctx context.Context, chunk []id.GID, end Position) error {
	args := make([]any, 0, len(chunk)+2)
	for _, g := range chunk {
		args = append(args, int64(g))
	}
	args = append(args, int64(r.reached), int64(end))
	return r.find(r.log.reader.QueryContext(ctx, groupQuery(r.log.sql, len(chunk)), args...))
}

// find adds those of the events of groups that the user may read.
func (r *userRange) find(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p Position
		var g id.GID
		if err := rows.Scan(&p, &g); err != nil {
			return err
		}
		if r.mayRead(g, p) {
			r.found = append(r.found, p)
		}
	}
	return rows.Err()
}

func groupQuery(d dialect, groups int) string {
	return "SELECT pos, group_id FROM log_event" + d.force("log_event_group") +
		" WHERE group_id IN (" + marks(groups) + ") AND pos > ? AND pos <= ? AND kind <> 4"
}

// Before returns the highest position up to head before which everything happened
// before t: the time of events never falls. It takes a query for each doubling of
// the log.
func (l *Log) Before(ctx context.Context, t time.Time, head Position) (Position, error) {
	low, high := Position(0), head // low happened before t, or is 0; what is above high did not
	for low < high {
		middle := low + (high-low+1)/2
		var p Position
		var at int64
		// A position may have no event; then the one before it tells.
		err := l.reader.QueryRowContext(ctx,
			"SELECT pos, at FROM log_event WHERE pos > ? AND pos <= ? ORDER BY pos DESC LIMIT 1", int64(low), int64(middle)).Scan(&p, &at)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			low = middle
		case err != nil:
			return 0, fmt.Errorf("find what happened before %v: %w", t, err)
		case at < t.UnixMilli():
			low = middle
		default:
			high = p - 1
		}
	}
	return low, nil
}

// History gives each, newest first, the first limit private messages of two
// users before a position; 0 means from the newest.
func (l *Log) History(ctx context.Context, u, other id.UID, before Position, limit int, each func([]Event) error) error {
	if before <= 0 {
		before = Forever
	}
	for limit > 0 {
		n := min(limit, loadChunk)
		positions, err := scanPositions(l.reader.QueryContext(ctx,
			"SELECT pos FROM log_event"+l.sql.force("log_event_conv")+" WHERE conv = ? AND pos < ? ORDER BY pos DESC LIMIT ?",
			conversationOf(u, other), int64(before), n))
		if err != nil || len(positions) == 0 {
			return err
		}
		events, err := load(ctx, l.reader, positions)
		if err != nil {
			return err
		}
		events = slices.DeleteFunc(events, func(e Event) bool { return e.Kind == Tombstone })
		slices.Reverse(events)
		before = positions[len(positions)-1]
		limit -= len(events)
		if len(events) > 0 {
			if err := each(events); err != nil {
				return err
			}
		}
		if len(positions) < n {
			return nil
		}
	}
	return nil
}

func scanPositions(rows *sql.Rows, err error) ([]Position, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var positions []Position
	for rows.Next() {
		var p Position
		if err := rows.Scan(&p); err != nil {
			return nil, err
		}
		positions = append(positions, p)
	}
	return positions, rows.Err()
}

// audienceColumns are the audience as it is stored.
type audienceColumns struct {
	a, b  sql.NullString
	group sql.NullInt64
}

func (c *audienceColumns) audience() Audience {
	return Audience{A: id.UID(c.a.String), B: id.UID(c.b.String), Group: id.GID(c.group.Int64)}
}

// load reads the events at positions, which must be few, in ascending order.
func load(ctx context.Context, db execer, positions []Position) ([]Event, error) {
	args := make([]any, len(positions))
	for i, p := range positions {
		args[i] = int64(p)
	}
	return scanEvents(db.QueryContext(ctx, loadQuery(len(positions)), args...))
}

// scanEvents reads what loadColumns selects.
func scanEvents(rows *sql.Rows, err error) ([]Event, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var events []Event
	for rows.Next() {
		var e Event
		var a audienceColumns
		if err := rows.Scan(&e.Pos, &e.Scope, &e.ID, &e.Author, &a.a, &a.b, &a.group, &e.Kind, &e.At, &e.Body); err != nil {
			return nil, err
		}
		e.Audience = a.audience()
		events = append(events, e)
	}
	return events, rows.Err()
}

const loadColumns = "SELECT pos, scope, id, author, user_a, user_b, group_id, kind, at, body FROM log_event"

func loadQuery(n int) string {
	var b strings.Builder
	b.WriteString(loadColumns + " WHERE pos IN (")
	b.WriteString(marks(n))
	b.WriteString(") ORDER BY pos")
	return b.String()
}
