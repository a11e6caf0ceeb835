package group_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"parley/pkg/id"
)

type uid = id.UID

// op is one step of a run as it is drawn and printed: people and groups are
// numbers, so that it can be done again with others.
type op struct {
	// phase is when: those of one phase are done at the same time, by as many
	// threads as it has; a thread does its own one after the other.
	phase, thread int
	verb          string
	by            int
	slot          int   // number of the group
	users         []int // a negative one has a malformed uid
	n             int64
	absolute      bool // n is counted from now
	text          string
	application   int // number within the group, in the order of applying
}

func (o op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "phase %d thread %d: %s by u%d, group %d", o.phase, o.thread, o.verb, o.by, o.slot)
	for _, u := range o.users {
		fmt.Fprintf(&b, " u%d", u)
	}
	fmt.Fprintf(&b, " n=%d", o.n)
	if o.absolute {
		b.WriteString(" from now")
	}
	fmt.Fprintf(&b, " text=%q application=%d", o.text, o.application)
	return b.String()
}

// call is an op for real people and groups.
type call struct {
	verb        string
	by          uid
	slot        int // -1 for a group that does not exist
	gid         id.GID
	users       []uid
	n           int64
	text        string
	application int // -1 for one that does not exist
	// applicationID is the one in the store.
	applicationID int64
}

func (o op) call(users []uid, now int64) call {
	c := call{verb: o.verb, by: users[o.by], slot: o.slot, n: o.n, text: o.text, application: o.application}
	if o.absolute {
		c.n += now
	}
	for _, u := range o.users {
		if u < 0 {
			c.users = append(c.users, "not a uid")
		} else {
			c.users = append(c.users, users[u])
		}
	}
	return c
}

// weights are how often verbs are drawn.
var weights = map[string]int{
	"create": 1, "info": 2, "public-info": 2, "list": 3, "member": 2, "members": 2, "muted": 2, "absent": 1,
	"invite": 8, "join": 10, "exit": 4, "remove": 6, "disband": 1, "change-owner": 4, "role": 12, "my-name": 2, "mute": 12,
	"avatar": 2, "friend-type": 2, "join-type": 6, "mute-type": 3, "name": 3,
	"applications": 3, "accept": 10, "reject": 3, "send": 10, "block": 2, "unblock": 3, "show": 1, "wait": 4,
}

// writer draws ops. It follows the model, so that most of what it draws is
// possible; whether it is right that it is, the run will tell.
type writer struct {
	*rand.Rand
	model *model
	users []uid
	verbs []string
	ops   []op
	phase int
	slots int // groups that were drawn
}

// crowd are the names of the people of a run, which only careful databases tell
// from each other.
func crowd(prefix string, n int) []uid {
	base := []string{"a", "A", "a.", "a-", "b", "B", "b_", "c", "C", "cc", "Cc", "cC", "d", "d.", "d..", "e"}
	users := make([]uid, n)
	for i := range users {
		users[i] = uid(prefix + base[i])
	}
	return users
}

func newWriter(seed uint64, l limits) *writer {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 0)), model: newModel(l.maximum, l.maxAdmins), users: crowd("", l.people)}
	for v, n := range weights {
		for range n {
			w.verbs = append(w.verbs, v)
		}
	}
	slices.Sort(w.verbs)
	return w
}

// sequence draws ops that are done one after the other.
func (w *writer) sequence(n int) {
	for range n {
		w.phase++
		w.keep(w.draw(w.verb()), 0)
	}
}

// together draws ops that are done at the same time. Most of them change
// something, and some of them the same.
func (w *writer) together(threads, each int) {
	w.phase++
	for range each {
		for thread := range threads {
			verb := w.verb()
			for verb == "wait" || verbs[verb].reads && w.IntN(4) > 0 {
				verb = w.verb()
			}
			o := w.draw(verb)
			if last := w.ops[len(w.ops)-1]; last.phase == w.phase && last.verb != "create" && w.IntN(3) == 0 {
				last.by = o.by
				o = last
			}
			w.keep(o, thread)
		}
	}
}

// pause draws time that passes.
func (w *writer) pause() {
	w.phase++
	w.keep(w.draw("wait"), 0)
}

func (w *writer) keep(o op, thread int) {
	o.phase, o.thread = w.phase, thread
	w.ops = append(w.ops, o)
	c := o.call(w.users, w.model.now)
	g := w.model.groups[c.slot]
	if g == nil || c.application >= len(g.applications) {
		c.application = -1
	}
	w.model.now++
	w.model.do(c)
}

// slot is mostly the newest group, which is the one that lives.
func (w *writer) slot() int {
	if w.IntN(60) == 0 {
		return 99
	}
	if w.IntN(5) > 0 {
		return w.slots - 1
	}
	return w.IntN(w.slots)
}

// verb is mostly one for which there is a reason.
func (w *writer) verb() string {
	if w.slots == 0 {
		return "create"
	}
	g := w.model.groups[w.slots-1]
	switch {
	case g == nil || g.status == 2 && w.IntN(3) == 0:
		return "create"
	case g.status == 2 && w.IntN(5) == 0:
		return []string{"block", "unblock"}[w.IntN(2)]
	case g.status == 1 && w.IntN(3) == 0:
		return "unblock"
	}
	verb := w.verbs[w.IntN(len(w.verbs))]
	if (verb == "accept" || verb == "reject") && len(g.applications) == 0 && w.IntN(10) > 0 {
		return []string{"join-type", "join", "role"}[w.IntN(3)]
	}
	return verb
}

func (w *writer) draw(verb string) op {
	o := op{verb: verb, by: w.IntN(len(w.users))}
	if verb == "create" {
		o.slot, o.text = w.slots, fmt.Sprint("name ", w.slots)
		w.slots++
		o.users = w.some(w.IntN(w.model.maximum + 3))
		return o
	}
	o.slot = w.slot()
	g := w.model.groups[o.slot]
	if g == nil {
		g = &chat{}
	}
	o.by = w.caller(g, verbs[verb].role)
	w.fill(&o, g)
	return o
}

// caller is as a rule somebody who may, often somebody else.
func (w *writer) caller(g *chat, role int) int {
	members := g.list()
	able := slices.DeleteFunc(slices.Clone(members), func(u uid) bool { return g.people[u].role < role })
	switch n := w.IntN(10); {
	case n < 6 && len(able) > 0:
		return slices.Index(w.users, able[w.IntN(len(able))])
	case n < 8 && len(members) > 0:
		return slices.Index(w.users, members[w.IntN(len(members))])
	}
	return w.IntN(len(w.users))
}

// some draws people, now and then one twice or a malformed one.
func (w *writer) some(n int) []int {
	var users []int
	for range n {
		users = append(users, w.IntN(len(w.users)))
	}
	if w.IntN(60) == 0 {
		users = append(users, -1)
	}
	return users
}

// mutes are durations and the two ends of a mute that are none.
var mutes = []int64{0, 0, 1, 30_000, 60_000, 60_000, 90_000, 3_600_000, tenYears, forever}

// present and outside draw somebody who is in a group, or is not, if there is
// one.
func (w *writer) present(g *chat) int { return w.which(g.has) }

func (w *writer) outside(g *chat) int { return w.which(func(u uid) bool { return !g.has(u) }) }

func (w *writer) which(is func(uid) bool) int {
	n := w.IntN(len(w.users))
	for range w.users {
		if is(w.users[n]) {
			break
		}
		n = (n + 1) % len(w.users)
	}
	return n
}

// fill draws what else a verb takes.
func (w *writer) fill(o *op, g *chat) {
	switch o.verb {
	case "invite":
		o.users = w.some(w.IntN(3))
		if w.IntN(4) > 0 {
			o.users = append(o.users, w.outside(g))
		}
	case "remove", "absent":
		o.users = w.some(w.IntN(4))
	case "mute":
		o.users = w.some(1 + w.IntN(4))
		o.n = mutes[w.IntN(len(mutes))]
		if w.IntN(5) == 0 {
			o.n, o.absolute = []int64{-1, 0, 1, 45_000, 200_000}[w.IntN(5)], true
		}
	case "member", "role", "change-owner":
		o.users = []int{w.IntN(len(w.users))}
		if w.IntN(4) > 0 {
			o.users[0] = w.present(g)
		}
		if o.verb == "role" {
			o.n = []int64{0, 1, 1, 1, 1, 1, 1, 2}[w.IntN(8)]
		}
	case "join":
		if w.IntN(4) > 0 {
			o.by = w.outside(g)
		}
		if w.IntN(2) == 0 {
			o.users = []int{w.IntN(len(w.users))}
		}
	case "avatar", "my-name":
		o.text = []string{"", "one", "two"}[w.IntN(3)]
	case "name":
		o.text = []string{"", "one", "two"}[w.IntN(3)] + "|" + []string{"", "öffentlich", "two"}[w.IntN(3)]
	case "friend-type", "mute-type":
		o.n = []int64{0, 1, 0, 1, 0, 1, -1, 2}[w.IntN(8)]
	case "join-type":
		o.n = []int64{0, 0, 0, 1, 2, 2, 2, 2, 2, -1, 3}[w.IntN(11)]
	case "accept", "reject":
		w.application(o, g)
	case "send":
		o.text = fmt.Sprint("m", w.IntN(2*len(w.ops)+1))
	case "wait":
		o.n = []int64{10, 31_000, 61_000, 3_600_001}[w.IntN(4)]
	}
}

// application draws one that is mostly open.
func (w *writer) application(o *op, g *chat) {
	o.application = w.IntN(len(g.applications) + 1)
	for i, a := range g.applications {
		if a.open && w.IntN(2) == 0 {
			o.application = i
		}
	}
}
