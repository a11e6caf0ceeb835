package group_test

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"parley/pkg/id"
)

// The model is what the documentation says about groups, written down a second
// time in the plainest way: no database, no concurrency, and nothing of package
// group. Codes and roles are the numbers of the documentation.

// model is every group of a run, and what everybody has been told.
type model struct {
	now       int64
	maximum   int
	maxAdmins int
	groups    map[int]*chat
	sent      map[string]bool // by sender and msgId
	inbox     map[id.UID][]string
	// told are the events of the last call.
	told []string
}

// chat is a group.
type chat struct {
	name, publicName, avatar, introduce string
	status, join, mute, friend          int
	created                             int64
	people                              map[id.UID]person
	came                                int // how often somebody came
	applications                        []application
}

type person struct {
	role  int // 10 when he is not in the group any more
	name  string
	muted int64
	came  int
}

type application struct {
	user, inviter id.UID
	at            int64
	open          bool
}

// answer is what a call is answered: a code, and the rest in words.
type answer struct {
	code int
	says string
}

func newModel(maximum, maxAdmins int) *model {
	return &model{
		maximum: maximum, maxAdmins: maxAdmins,
		groups: make(map[int]*chat), sent: make(map[string]bool), inbox: make(map[id.UID][]string),
	}
}

func (m *model) clone() *model {
	c := *m
	c.groups = make(map[int]*chat, len(m.groups))
	for slot, g := range m.groups {
		copied := *g
		copied.people = maps.Clone(g.people)
		copied.applications = slices.Clone(g.applications)
		c.groups[slot] = &copied
	}
	c.sent = maps.Clone(m.sent)
	c.inbox = make(map[id.UID][]string, len(m.inbox))
	for u, lines := range m.inbox {
		c.inbox[u] = slices.Clip(lines)
	}
	return &c
}

// do makes a call and says what the answer has to be.
func (m *model) do(c call) answer {
	m.told = nil
	v := verbs[c.verb]
	if v.shape != nil && !v.shape(m, c) {
		return answer{code: -1012}
	}
	if v.free {
		return v.rule(m, c, nil)
	}
	g := m.groups[c.slot]
	if g == nil {
		return answer{code: -10026}
	}
	if !v.anyStatus {
		if code := []int{0, -10001, -10002}[g.status]; code != 0 {
			return answer{code: code}
		}
	}
	if !v.outsiders {
		if !g.has(c.by) {
			return answer{code: -10015}
		}
		if g.people[c.by].role < v.role {
			return answer{code: v.refusal}
		}
	}
	return v.rule(m, c, g)
}

func (g *chat) has(u id.UID) bool {
	p, known := g.people[u]
	return known && p.role != 10
}

// list are the members, role high to low, then longest in the group.
func (g *chat) list() []id.UID {
	var users []id.UID
	for u := range g.people {
		if g.has(u) {
			users = append(users, u)
		}
	}
	slices.SortFunc(users, func(a, b id.UID) int {
		return cmp.Or(cmp.Compare(g.people[b].role, g.people[a].role), cmp.Compare(g.people[a].came, g.people[b].came))
	})
	return users
}

func (g *chat) count(which func(person) bool) (n int) {
	for _, p := range g.people {
		if p.role != 10 && which(p) {
			n++
		}
	}
	return n
}

func (g *chat) members() int { return g.count(func(person) bool { return true }) }
func (g *chat) admins() int  { return g.count(func(p person) bool { return p.role == 1 }) }

func (g *chat) change(u id.UID, f func(*person)) {
	p := g.people[u]
	f(&p)
	g.people[u] = p
}

// muteEnd is when the mute of somebody ends, 0 when he is not muted now.
func (m *model) muteEnd(p person) int64 {
	if p.muted <= m.now {
		return 0
	}
	return p.muted
}

// tell tells everybody in a group.
func (m *model) tell(slot int, lines ...string) {
	g := m.groups[slot]
	for _, line := range lines {
		line = fmt.Sprintf("group %d: %s", slot, line)
		m.told = append(m.told, line)
		for u := range g.people {
			if g.has(u) {
				m.inbox[u] = append(m.inbox[u], line)
			}
		}
	}
}

// enter lets people in, which closes their applications, and tells of it.
func (m *model) enter(slot int, inviter id.UID, users []id.UID) {
	g := m.groups[slot]
	for _, u := range users {
		g.came++
		g.change(u, func(p *person) { *p = person{muted: p.muted, came: g.came} })
		for i := range g.applications {
			if g.applications[i].user == u {
				g.applications[i].open = false
			}
		}
	}
	m.tell(slot, "sign in "+names(users), fmt.Sprintf("notice: %s signs in %s", inviter, names(users)))
}

// apply makes applications of those who have none.
func (m *model) apply(g *chat, inviter id.UID, users []id.UID) answer {
	for _, u := range users {
		if !slices.ContainsFunc(g.applications, func(a application) bool { return a.user == u && a.open }) {
			g.applications = append(g.applications, application{user: u, inviter: inviter, at: m.now, open: true})
		}
	}
	return answer{code: -10031}
}

// unmute lifts the mute of somebody who is more than a plain member now.
func (m *model) unmute(slot int, u id.UID) {
	g := m.groups[slot]
	if m.muteEnd(g.people[u]) != 0 {
		m.tell(slot, fmt.Sprintf("mute %s until 0", u))
	}
	g.change(u, func(p *person) { p.muted = 0 })
}

func names(users []id.UID) string {
	list := make([]string, len(users))
	for i, u := range users {
		list[i] = string(u)
	}
	return strings.Join(list, ", ")
}

var uidForm = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,64}$`)

func uidsWell(_ *model, c call) bool {
	for _, u := range c.users {
		if !uidForm.MatchString(string(u)) {
			return false
		}
	}
	return true
}

func unique(users []id.UID) []id.UID {
	var list []id.UID
	for _, u := range users {
		if !slices.Contains(list, u) {
			list = append(list, u)
		}
	}
	return list
}

func filter(users []id.UID, keep func(id.UID) bool) (list []id.UID) {
	for _, u := range unique(users) {
		if keep(u) {
			list = append(list, u)
		}
	}
	return list
}

// picture is a group as it is shown to somebody.
type picture struct {
	Slot                             int
	Name, Public, Avatar, Introduce  string
	Status, Join, Mute, Friend, Type int
	Maximum, Members, Admins, Muted  int
	Owner, Person                    string
	Key                              string // "the key", or nothing
	Created                          int64
}

func (p picture) String() string { type plain picture; return fmt.Sprintf("%+v", plain(p)) }

// show is a group as u sees it, everything of it.
func (m *model) show(slot int, u id.UID) picture {
	g := m.groups[slot]
	p := picture{
		Slot: slot, Name: g.name, Public: g.publicName, Avatar: g.avatar, Introduce: g.introduce,
		Status: g.status, Join: g.join, Mute: g.mute, Friend: g.friend, Maximum: m.maximum,
		Members: g.members(), Admins: g.admins(), Muted: g.count(func(p person) bool { return m.muteEnd(p) != 0 }),
		Key: "the key", Created: g.created, Person: m.member(g, u),
	}
	for other, o := range g.people {
		if o.role == 2 {
			p.Owner = m.member(g, other)
		}
	}
	return p
}

// member is a member in words; nothing when he is none.
func (m *model) member(g *chat, u id.UID) string {
	if !g.has(u) {
		return ""
	}
	p := g.people[u]
	return describe(u, p.role, p.name, m.muteEnd(p))
}

func describe(u id.UID, role int, name string, muteEnd int64) string {
	return fmt.Sprintf("%s role %d name %q muted until %d", u, role, name, muteEnd)
}

// list are members in words.
func (m *model) list(g *chat, users []id.UID) string {
	var lines []string
	for _, u := range users {
		lines = append(lines, m.member(g, u))
	}
	return strings.Join(lines, "; ")
}

// state is everything that there is to know of a group.
func (m *model) state(slot int) string {
	g := m.groups[slot]
	if g == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s\n\tmembers: %s\n\tapplications: %s", m.show(slot, ""), m.list(g, g.list()), openApplications(g))
}

func openApplications(g *chat) string {
	var lines []string
	for _, a := range g.applications {
		if a.open {
			lines = append(lines, describeApplication(a.user, a.inviter, a.at))
		}
	}
	return strings.Join(lines, "; ")
}

func describeApplication(user, inviter id.UID, at int64) string {
	return fmt.Sprintf("%s by %s at %d", user, inviter, at)
}
