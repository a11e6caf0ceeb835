package group_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/group"
	"parley/group/grouptest"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/sqldb/sqldbtest"
)

// limits are how many there are in a run, and how many a group takes.
type limits struct{ people, maximum, maxAdmins int }

// stage is a database with two services on it, on which runs follow each other,
// each with people and groups of its own.
type stage struct {
	worlds [2]*grouptest.World
	limits limits
	runs   int
	// met counts what calls were answered.
	met map[string]int
}

func newStage(t testing.TB, l limits) *stage {
	cfg := group.Config{MaxMembers: int32(l.maximum), MaxAdmins: int32(l.maxAdmins)}
	w := grouptest.On(t, sqldbtest.New(t), grouptest.WithConfig(cfg))
	return &stage{worlds: [2]*grouptest.World{w, w.Beside()}, limits: l, met: make(map[string]int)}
}

// run is one sequence of ops being done.
type run struct {
	*stage
	prefix string
	users  []uid
	model  *model
	start  eventlog.Position // where the log ended before
	read   eventlog.Position // how far its events were looked at
	events []grouptest.Event // of the run
	ticks  atomic.Int64

	mu    sync.Mutex
	gids  map[int]id.GID
	slots map[id.GID]int
	keys  map[id.GID]string
	first map[string]eventlog.Position // receipts, by sender and msgId
}

// done is an op that was done.
type done struct {
	call
	number       int
	got          answer
	began, ended int64 // in ticks of the run
	sent         eventlog.Position
	// What it left in the log.
	first  eventlog.Position
	events []string
}

func (d *done) String() string {
	return fmt.Sprintf("%s by %s, group %d, %q n=%d %q application %d, from %d to %d: answered %d %q, events %q",
		d.verb, d.by, d.slot, d.users, d.n, d.text, d.application, d.began, d.ended, d.got.code, d.got.says, d.events)
}

// perform does ops and says what was not as it should be.
func (s *stage) perform(ops []op) (problem string) {
	s.runs++
	r := &run{
		stage: s, prefix: fmt.Sprintf("r%d", s.runs), model: newModel(s.limits.maximum, s.limits.maxAdmins), start: s.worlds[0].Head(),
		gids: make(map[int]id.GID), slots: make(map[id.GID]int), keys: make(map[id.GID]string), first: make(map[string]eventlog.Position),
	}
	r.users, r.read = crowd(r.prefix+".", s.limits.people), r.start
	for len(ops) > 0 {
		n := 1
		for n < len(ops) && ops[n].phase == ops[0].phase {
			n++
		}
		if problem := r.do(ops[:n]); problem != "" {
			return problem
		}
		ops = ops[n:]
	}
	return r.check()
}

// do does the ops of one phase and finds out how they can be explained.
func (r *run) do(ops []op) (problem string) {
	clock := r.worlds[0].Clock
	clock.Advance(time.Millisecond)
	r.model.now = clock.Milli()
	ds := make([]done, len(ops))
	threads := make(map[int][]*done)
	for i, o := range ops {
		ds[i] = done{call: r.resolve(o), number: i}
		threads[o.thread] = append(threads[o.thread], &ds[i])
	}
	if len(threads) == 1 {
		for i := range ds {
			r.make(&ds[i])
		}
	} else {
		var all sync.WaitGroup
		for _, mine := range threads {
			all.Go(func() {
				for _, d := range mine {
					r.make(d)
				}
			})
		}
		all.Wait()
	}
	for _, d := range ds {
		r.met[fmt.Sprintf("%s %d", d.verb, d.got.code)]++
	}
	if problem := r.attribute(ds); problem != "" {
		return problem
	}
	if r.model, problem = r.explain(ds); problem != "" {
		return problem
	}
	for slot := range r.touched(ds) {
		if faults := r.worlds[0].Faults(r.gids[slot]); len(faults) > 0 {
			return fmt.Sprintf("after %v the tables of group %d contradict each other: %s", ds, slot, strings.Join(faults, "; "))
		}
	}
	return ""
}

// unknown is a group that does not exist.
const unknown id.GID = 1

// resolve gives an op the people and groups of this run.
func (r *run) resolve(o op) call {
	c := o.call(r.users, r.model.now)
	if c.verb == "create" {
		return c
	}
	var known bool
	if c.gid, known = r.gids[c.slot]; !known {
		c.slot, c.gid, c.application = -1, unknown, -1
		return c
	}
	if c.verb == "accept" || c.verb == "reject" {
		c.application, c.applicationID = r.findApplication(c.gid, c.application)
	}
	return c
}

func (r *run) findApplication(g id.GID, n int) (int, int64) {
	w := r.worlds[0]
	var at int64
	rows, err := w.DB.ReaderSQL().Query("SELECT id FROM group_application WHERE group_id = ? ORDER BY id LIMIT 1 OFFSET ?", int64(g), n)
	w.Must("read the applications", err)
	defer rows.Close()
	if !rows.Next() {
		return -1, 1 << 50
	}
	w.Must("read the applications", rows.Scan(&at))
	return n, at
}

// make makes a call on one of the services.
func (r *run) make(d *done) {
	w := r.worlds[(int(r.ticks.Load())+d.number)%2]
	named := 0
	s := group.New(w.Log, w.Store, group.Config{MaxMembers: int32(r.limits.maximum), MaxAdmins: int32(r.limits.maxAdmins)},
		group.WithClock(w.Clock.Now), group.WithNames(func() string {
			named++
			return fmt.Sprintf("%s:%d:%d:%d", r.prefix, r.read, d.number, named)
		}))
	d.began = r.ticks.Add(1)
	var err error
	d.got.says, err = asks[d.verb](r, w, s, d)
	if e := fault.Of(err); e != nil {
		d.got = answer{code: int(e.Code)}
		if e.Code == fault.Busy {
			d.got.says = err.Error()
		}
	}
	d.ended = r.ticks.Add(1)
}

// touched are the groups that calls may have changed.
func (r *run) touched(ds []done) map[int]bool {
	slots := make(map[int]bool)
	for _, d := range ds {
		if verbs[d.verb].reads {
			continue
		}
		if _, known := r.gids[d.slot]; known {
			slots[d.slot] = true
		}
	}
	return slots
}

// attribute reads the events of a phase and gives each to the call that it is of.
func (r *run) attribute(ds []done) (problem string) {
	w := r.worlds[0]
	rows, err := w.DB.ReaderSQL().Query("SELECT pos, id, author, kind, at, body FROM log_event WHERE pos > ? ORDER BY pos", int64(r.read))
	w.Must("read the log", err)
	defer rows.Close()
	phase := r.read
	for rows.Next() {
		var e eventlog.Event
		w.Must("read the log", rows.Scan(&e.Pos, &e.ID, &e.Author, &e.Kind, &e.At, &e.Body))
		decoded, err := grouptest.Decode(&e)
		if err != nil {
			return err.Error()
		}
		if decoded.At != r.model.now {
			return fmt.Sprintf("event %q says that it is of %d, it is %d", decoded, decoded.At, r.model.now)
		}
		by := r.cause(&e, ds, phase)
		if by == nil {
			return fmt.Sprintf("event %d, %q, is of no call", e.Pos, decoded)
		}
		if by.first == 0 {
			by.first = e.Pos
		}
		by.events = append(by.events, r.line(decoded))
		r.events = append(r.events, decoded)
		r.read = e.Pos
	}
	w.Must("read the log", rows.Err())
	return ""
}

// cause is the call that an event is of.
func (r *run) cause(e *eventlog.Event, ds []done, phase eventlog.Position) *done {
	if e.Kind == eventlog.Message {
		// Of the same message sent twice at once it was the first, as far
		// as anybody can tell.
		var by *done
		for i := range ds {
			if d := &ds[i]; d.verb == "send" && d.sent == e.Pos && (by == nil || d.began < by.began) {
				by = d
			}
		}
		return by
	}
	var number, n int
	if _, err := fmt.Sscanf(e.ID, fmt.Sprintf("%s:%d:%%d:%%d", r.prefix, phase), &number, &n); err != nil {
		return nil
	}
	return &ds[number]
}

// line is an event in words, with the group that it tells of.
func (r *run) line(e grouptest.Event) string { return fmt.Sprintf("group %d: %s", r.slots[e.Group], e) }

// state is a group as the service has it; see model.state.
func (r *run) state(slot int) string {
	g, known := r.gids[slot]
	if !known {
		return "nothing"
	}
	w := r.worlds[0]
	members, err := w.Store.Members(context.Background(), g, 1<<20)
	w.Must("read the members", err)
	applications, err := w.Store.Applications(context.Background(), g, 0, 1<<20)
	w.Must("read the applications", err)
	return fmt.Sprintf("%s\n\tmembers: %s\n\tapplications: %s", r.picture(w.View(g, "")), r.list(w, members), describeAll(applications))
}

// check compares, at the end of a run, what everybody reads with what he was to
// be told, and with what the service shows.
func (r *run) check() (problem string) {
	for slot := range r.gids {
		if got, want := r.state(slot), r.model.state(slot); got != want {
			return fmt.Sprintf("in the end group %d is\n\t%s\nand should be\n\t%s", slot, got, want)
		}
	}
	h := r.histories()
	if problem := h.check(); problem != "" {
		return problem
	}
	for i, u := range r.users {
		events := r.worlds[i%2].Events(u, r.start)
		got := make([]string, len(events))
		for j, e := range events {
			got[j] = r.line(e)
		}
		if !slices.Equal(got, r.model.inbox[u]) {
			return fmt.Sprintf("%s reads\n\t%q\nand should read\n\t%q", u, got, r.model.inbox[u])
		}
		if problem := h.follow(u, events); problem != "" {
			return problem
		}
	}
	return ""
}
