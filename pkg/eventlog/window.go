package eventlog

import (
	"context"
	"slices"
	"sync"

	"parley/pkg/id"
)

// window remembers whom the newest events concern, so that "nothing new" is
// answered from memory. It knows every event in (from, to]; for each user and
// group it keeps only the last of their positions. It forgets by generations:
// when the newer one is full, the older one goes and from moves up.
//
// The window is never told what to believe: it takes this process's own commits
// when they follow to without a gap, and reads everything else from the log. So
// it can be behind, but not wrong, as long as the database does not go back in
// time; then it is forgotten, see epoch.go.
type window struct {
	mu         sync.Mutex
	to         Position
	highest    Position // that this process ever saw
	older, new generation

	epoch    epoch
	observed bool // an epoch was
	now      era

	// talks are the last groups that had events, in the order of their events;
	// what happened up to forgotten is no longer among them.
	talks     []talk
	forgotten Position

	absences absences

	// filling is held while the window is read from the log, so that those
	// who need the same events wait for one read.
	filling sync.Mutex
}

// talk is a run of events of one group without another group's in between; last
// is the position of its newest.
type talk struct {
	group id.GID
	last  Position
}

// generation is what is known about the events in (from, …].
type generation struct {
	from     Position
	events   int
	users    map[id.UID]Position
	groups   map[id.GID]Position
	signals  map[id.GID]Position // of the signals among the groups' events
	anyGroup Position
}

const (
	// generationSize bounds the events of a generation, and so the memory
	// of the window to about 10 MB.
	generationSize = 32 << 10
	// maxFill is how many events are worth reading to catch up; beyond it the
	// window starts again at the head.
	maxFill = 8 << 10
	// maxTalks bounds the groups for whose members it is cheaper to be asked
	// than for all groups of a user.
	maxTalks = 128
)

func newGeneration(from Position) generation {
	return generation{
		from: from, users: make(map[id.UID]Position),
		groups: make(map[id.GID]Position), signals: make(map[id.GID]Position),
	}
}

func newWindow() *window {
	return &window{older: newGeneration(0), new: newGeneration(0), to: -1}
}

// reset forgets everything and begins after head.
func (w *window) reset(head Position) {
	w.older, w.new = newGeneration(head), newGeneration(head)
	w.talks, w.forgotten = nil, head
	w.absences = absences{}
	w.advance(head)
}

func (w *window) advance(to Position) {
	w.to = to
	w.highest = max(w.highest, to)
}

// feed takes events at consecutive positions. Those that the window has read
// from the log by now are passed over, and all of them when it does not reach
// to the first or was forgotten since they got their positions.
func (w *window) feed(since era, fresh []*pending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range fresh {
		w.highest = max(w.highest, p.Pos)
		if since == w.now && p.Pos == w.to+1 {
			w.add(p.Pos, p.Kind, p.Audience)
		}
	}
}

func (w *window) add(pos Position, kind Kind, a Audience) {
	if w.new.events >= generationSize {
		w.older, w.new = w.new, newGeneration(w.to)
	}
	g := &w.new
	g.events++
	if a.Group != 0 {
		g.groups[a.Group] = pos
		g.anyGroup = pos
		if kind == Signal {
			g.signals[a.Group] = pos
		}
		w.addTalk(a.Group, pos)
	} else {
		g.users[a.A] = pos
		if a.B != "" {
			g.users[a.B] = pos
		}
	}
	w.advance(pos)
}

func (w *window) addTalk(g id.GID, pos Position) {
	if n := len(w.talks); n > 0 && w.talks[n-1].group == g {
		w.talks[n-1].last = pos
		return
	}
	if len(w.talks) == 2*maxTalks {
		w.forgotten = w.talks[maxTalks-1].last
		w.talks = append(w.talks[:0], w.talks[maxTalks:]...)
	}
	w.talks = append(w.talks, talk{g, pos})
}

// toAsk returns the groups that had events in (after, head] and that u may be
// in, and false when they are too many to tell.
func (w *window) toAsk(u id.UID, after, head Position) ([]id.GID, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.knows(after, head) || after < w.forgotten {
		return nil, false
	}
	var groups []id.GID
	for i := len(w.talks) - 1; i >= 0 && w.talks[i].last > after; i-- {
		if g := w.talks[i].group; !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if len(groups) > maxTalks {
		return nil, false
	}
	return slices.DeleteFunc(groups, func(g id.GID) bool { return w.isAbsent(seat{g, u}, after) }), true
}

// isAbsent reports whether it is known that somebody had no place in a group at
// any position after the given one. What was read stays true until the group's
// next signal, because places are taken and left at the positions of signals.
func (w *window) isAbsent(s seat, after Position) bool {
	a, ok := w.absences.get(s)
	return ok && a.after <= after && a.asOf >= w.older.from &&
		a.asOf >= max(w.older.signals[s.group], w.new.signals[s.group])
}

// markAbsent notes that u, as of the position asOf, had no place in groups at
// any position after the given one.
func (w *window) markAbsent(since era, u id.UID, after, asOf Position, groups []id.GID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if since != w.now {
		return
	}
	for _, g := range groups {
		w.absences.put(seat{g, u}, absence{after: after, asOf: asOf})
	}
}

// saw notes that everything up to a position was handed to somebody.
func (w *window) saw(p Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.highest = max(w.highest, p)
}

// seen is the highest position that this process ever read or gave out. A head
// that is read later lies below it only if the database went back in time.
func (w *window) seen() Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.highest
}

// news is what the window can say about the events after a position.
type news struct {
	known  bool // false: they begin before the window
	direct bool // some name the user
	groups bool // some are of groups
	now    era  // in which it says so
}

func (w *window) newsFor(u id.UID, after, head Position) news {
	w.mu.Lock()
	defer w.mu.Unlock()
	return news{
		known:  w.knows(after, head),
		direct: max(w.older.users[u], w.new.users[u]) > after,
		groups: max(w.older.anyGroup, w.new.anyGroup) > after,
		now:    w.now,
	}
}

// knows reports whether the window covers (after, head].
func (w *window) knows(after, head Position) bool { return after >= w.older.from && w.to >= head }

// active leaves those of the groups that have events in (after, head], as far
// as the window knows.
func (w *window) active(after, head Position, groups []id.GID) []id.GID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.knows(after, head) {
		return groups
	}
	kept := groups[:0]
	for _, g := range groups {
		if max(w.older.groups[g], w.new.groups[g]) > after {
			kept = append(kept, g)
		}
	}
	return kept
}

// reach brings the window up to head.
func (w *window) reach(ctx context.Context, db execer, head Position) error {
	if w.covers(head) {
		return nil
	}
	w.filling.Lock()
	defer w.filling.Unlock()
	if w.covers(head) {
		return nil
	}
	w.mu.Lock()
	from, since := w.to, w.now
	if from < 0 || head-from > maxFill {
		w.reset(head)
		w.mu.Unlock()
		return nil
	}
	w.mu.Unlock()

	rows, err := db.QueryContext(ctx,
		"SELECT pos, kind, user_a, user_b, group_id FROM log_event WHERE pos > ? AND pos <= ? ORDER BY pos", int64(from), int64(head))
	if err != nil {
		return err
	}
	defer rows.Close()
	type entry struct {
		pos  Position
		kind Kind
		Audience
	}
	var entries []entry
	for rows.Next() {
		var e entry
		var a audienceColumns
		if err := rows.Scan(&e.pos, &e.kind, &a.a, &a.b, &a.group); err != nil {
			return err
		}
		e.Audience = a.audience()
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if since != w.now {
		// What was read may be gone; the window begins anew.
		w.reset(max(w.to, head))
		return nil
	}
	for _, e := range entries {
		if e.pos > w.to {
			w.add(e.pos, e.kind, e.Audience)
		}
	}
	// A position without an event below head stays without one.
	w.advance(max(w.to, head))
	return nil
}

func (w *window) covers(head Position) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to >= head
}
