package eventlog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"parley/pkg/id"
)

// counter counts the statements of reads by what they begin with.
type counter struct {
	mu   sync.Mutex
	said []string
}

func (c *counter) tap() *tap {
	return &tap{statement: func(_ context.Context, query string) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.said = append(c.said, query)
		return nil
	}}
}

// take returns what was said since the last time, each statement by a name.
func (c *counter) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, query := range c.said {
		name := query
		for prefix, short := range map[string]string{
			"SELECT pos, epoch FROM log_position": "head",
			"SELECT pos, kind, user_a":            "fill",
			"SELECT group_id, from_pos":           "intervals",
			"SELECT * FROM (SELECT pos":           "direct",
			"SELECT pos, group_id FROM":           "groups",
			"SELECT pos, scope, id, author":       "bodies",
			"UPDATE log_position SET pos = pos ":  "raise",
		} {
			if strings.HasPrefix(query, prefix) {
				name = short
			}
		}
		names = append(names, name)
	}
	c.said = nil
	return strings.Join(names, " ")
}

func TestNothingNewIsAnsweredFromMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.log()
	w.group(other, 1, "bob")
	w.group(other, 2, "carol")
	w.append(other, private("alice", "bob", "m1"))
	var said counter
	l := w.log(said.tap().onReads(w))

	last := Position(0)
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"the first read knows nothing", func() {}, "head intervals direct groups bodies"},
		{"nothing happened", func() {}, "head"},
		{"this process wrote to somebody else", func() { w.append(l, private("alice", "carol", "m2")) }, "head"},
		{"another process wrote to somebody else", func() { w.append(other, private("alice", "carol", "m3")) }, "head fill"},
		{"and that is known now", func() {}, "head"},
		{"this process changed somebody else's group", func() { w.join(l, 2, "dave") }, "head intervals"},
		{"they talk there", func() { w.append(l, toGroup("carol", 2, "g1")) }, "head"},
		{"this process wrote to bob", func() { w.append(l, private("alice", "bob", "m4")) }, "head direct bodies"},
		{"another process wrote to bob", func() { w.append(other, private("alice", "bob", "m5")) }, "head fill direct bodies"},
		{"another process wrote to bob's group", func() { w.append(other, toGroup("bob", 1, "m6")) }, "head fill intervals groups bodies"},
		{"nothing happened again", func() {}, "head"},
	} {
		step.do()
		said.take()
		events, err := readPage(l, "bob", last, 100)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := said.take(); got != step.want {
			t.Errorf("%s: the read said %q, want %q", step.name, got, step.want)
		}
		if len(events) > 0 {
			last = events[len(events)-1].Pos
		}
	}
	if last != 8 {
		t.Errorf("bob has read up to %d, want 8", last)
	}
}

func TestAnAbsenceHoldsUntilTheNextSignalOfTheGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.log()
	w.group(other, 1, "alice")
	var said counter
	l := w.log(said.tap().onReads(w))
	w.read(l, "bob", 0, 10)
	from := w.append(other, toGroup("alice", 1, "before")).Pos
	same(t, "what bob reads of it", idsOf(w.read(l, "bob", from-1, 10)), nil)

	last := from
	read := func() []string {
		events := w.read(l, "bob", last, 10)
		if len(events) > 0 {
			last = events[len(events)-1].Pos
		}
		return idsOf(events)
	}
	w.append(l, toGroup("alice", 1, "still before"))
	said.take()
	same(t, "what bob reads of more", read(), nil)
	if got := said.take(); got != "head" {
		t.Errorf("bob is known to be away and the read said %q", got)
	}

	joined := w.join(other, 1, "bob")
	w.append(other, toGroup("alice", 1, "welcome"))
	if got := read(); len(got) != 2 || got[1] != "welcome" {
		t.Errorf("bob joined and reads %q", got)
	}
	left := w.leave(other, 1, "bob")
	w.append(other, toGroup("alice", 1, "gone"))
	if got := read(); len(got) != 1 || last != left {
		t.Errorf("bob left and reads %q up to %d, want his leaving at %d", got, last, left)
	}
	w.append(other, toGroup("alice", 1, "still gone"))
	same(t, "what bob reads after he left", read(), nil)
	// That he is away now says nothing about what he may read from before.
	last = joined - 1
	if got := read(); len(got) != 3 || last != left {
		t.Errorf("from his joining on bob reads %q up to %d", got, last)
	}
}

func TestSilentGroupsAreNotAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	writer := w.log()
	for g := range id.GID(20) {
		w.group(writer, g+1, "bob", "alice")
	}
	asked := make(map[string]bool)
	l := w.log((&tap{statement: func(_ context.Context, query string) error {
		asked[query] = true
		return nil
	}}).onReads(w))
	w.read(l, "bob", 0, 10)
	w.append(writer, toGroup("alice", 7, "m1"))
	w.append(writer, toGroup("alice", 9, "m2"))
	clear(asked)
	same(t, "what bob reads", idsOf(w.read(l, "bob", 0, 10)), []string{"m1", "m2"})
	const intervals = "SELECT group_id, from_pos, to_pos FROM log_member WHERE user_id = ? AND to_pos > ? AND from_pos <= ?"
	if !asked[intervals+" AND group_id IN (?,?)"] || asked[intervals] {
		t.Errorf("bob has 20 groups and 2 of them spoke; asked was %v", asked)
	}
}

func TestAWindowNeverSaysNothingWhenThereIsSomething(t *testing.T) {
	t.Parallel()
	const events = 5 * generationSize / 2
	w := newWindow()
	w.reset(0)
	random := rand.New(rand.NewPCG(3, 4))
	var log []*pending
	for i := range events {
		var a Audience
		switch random.IntN(3) {
		case 0:
			a = ToGroup(id.GID(1 + random.IntN(2000)))
		case 1:
			a = ToUser(id.UID(fmt.Sprint("u", random.IntN(2000))))
		default:
			a = ToPair(id.UID(fmt.Sprint("u", random.IntN(2000))), id.UID(fmt.Sprint("u", random.IntN(2000))))
		}
		log = append(log, &pending{Event: Event{Pos: Position(i + 1), Audience: a}})
	}
	for rest := log; len(rest) > 0; {
		n := min(len(rest), 1+random.IntN(maxBatch))
		w.feedAll(0, rest[:n])
		rest = rest[n:]
	}
	head := Position(events)
	if w.to != head {
		t.Fatalf("the window knows up to %d, want %d", w.to, head)
	}
	known := 0
	for range 500 {
		after := Position(random.IntN(events + 1))
		u := id.UID(fmt.Sprint("u", random.IntN(2000)))
		g := id.GID(1 + random.IntN(2000))
		news := w.newsFor(u, after, head)
		if !news.known {
			continue
		}
		known++
		direct, inGroup := false, false
		for _, p := range log[after:] {
			direct = direct || p.Includes(u)
			inGroup = inGroup || p.Group == g
		}
		if direct != news.direct {
			t.Errorf("after %d: something names %s: %v, the window says %v", after, u, direct, news.direct)
		}
		if active := len(w.active(after, head, []id.GID{g})) == 1; active != inGroup {
			t.Errorf("after %d: group %d spoke: %v, the window says %v", after, g, inGroup, active)
		}
		if inGroup && !news.groups {
			t.Errorf("after %d: the window says that no group spoke", after)
		}
	}
	for after := head - 3*maxTalks; after <= head; after++ {
		spoke := make(map[id.GID]bool)
		for _, p := range log[after:] {
			if p.Group != 0 {
				spoke[p.Group] = true
			}
		}
		talked, few := w.toAsk("bob", after, head)
		if len(spoke) <= maxTalks && !few {
			t.Errorf("after %d: %d groups spoke and the window says that these are many", after, len(spoke))
		}
		for _, g := range talked {
			if few && !spoke[g] {
				t.Errorf("after %d: group %d was silent", after, g)
			}
		}
		if few && len(talked) != len(spoke) {
			t.Errorf("after %d: %d groups spoke, the window names %d", after, len(spoke), len(talked))
		}
	}
	if known == 0 || w.newsFor("u1", 0, head).known {
		t.Errorf("known was %d of 500; the beginning must be forgotten and the end not", known)
	}
	if size := w.older.events + w.new.events; size > 2*generationSize || size < generationSize {
		t.Errorf("the window keeps %d events", size)
	}
	if w.newsFor("u1", head, head+1).known {
		t.Error("the window claims to know what lies beyond it")
	}
}

func TestAGroupThatSpokeLongAgoIsNotTakenForSilent(t *testing.T) {
	t.Parallel()
	w := newWindow()
	w.reset(0)
	const events = 10 * maxTalks
	for p := Position(1); p <= events; p++ {
		g := id.GID(1 + p%2)
		if p == 1 {
			g = 9
		}
		w.feedAll(0, []*pending{{Event: Event{Pos: p, Audience: ToGroup(g)}}})
	}
	if groups, few := w.toAsk("bob", 0, events); few {
		t.Errorf("the window names %v for all that ever spoke; it was 9 too", groups)
	}
	if groups, few := w.toAsk("bob", events-3, events); !few || len(groups) != 2 {
		t.Errorf("the window names %v for the last three events, want 1 and 2", groups)
	}
}

func TestACommitThatAReaderSawFirstChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWindow()
	w.reset(0)
	batch := func(first, last Position) (ps []*pending) {
		for p := first; p <= last; p++ {
			ps = append(ps, &pending{Event: Event{Pos: p, Audience: ToUser(id.UID(fmt.Sprint("u", p)))}})
		}
		return ps
	}
	w.feedAll(0, batch(1, 4))
	w.feedAll(0, batch(7, 8)) // another process has 5 and 6
	if w.to != 4 {
		t.Fatalf("the window jumped over a gap to %d", w.to)
	}
	if w.seen() != 8 {
		t.Errorf("this process gave out 8 and remembers %d", w.seen())
	}
	w.feedAll(0, batch(5, 6))
	w.feedAll(0, batch(1, 6)) // late news
	w.feedAll(0, batch(5, 8))
	if w.to != 8 || !w.newsFor("u", 0, 8).known {
		t.Errorf("the window knows up to %d and begins at %d, want 8 and 0", w.to, w.older.from)
	}
	for p := Position(1); p <= 8; p++ {
		if !w.newsFor(id.UID(fmt.Sprint("u", p)), p-1, 8).direct {
			t.Errorf("the event at %d is forgotten", p)
		}
	}
}

func TestAWindowFarBehindStartsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	writer := w.log()
	w.append(writer, private("alice", "bob", "m1"))
	var said counter
	l := w.log(said.tap().onReads(w))
	w.read(l, "carol", 1, 10)
	w.exec("UPDATE log_position SET pos = ?", maxFill+100)
	w.append(writer, private("alice", "bob", "m2"))
	said.take()
	same(t, "what bob reads", idsOf(w.read(l, "bob", 1, 10)), []string{"m2"})
	if got := said.take(); strings.Contains(got, "fill") {
		t.Errorf("it read %d events to say %q", maxFill, got)
	}
}

func TestReadersOfOneLogShareTheirWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	writer := w.log()
	var said counter
	l := w.log(said.tap().onReads(w))
	w.read(l, "bob", 0, 10)
	for i := range 100 {
		w.append(writer, private("alice", "carol", fmt.Sprint("m", i)))
	}
	said.take()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := l.Read(context.Background(), "bob", 0, 10, func(e []Event) error {
				return fmt.Errorf("bob read %v", positionsOf(e))
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := said.take(); strings.Count(got, "fill") != 1 {
		t.Errorf("20 readers said %q, want one fill", got)
	}
}
