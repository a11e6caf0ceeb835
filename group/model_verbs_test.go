package group_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// verb is something that can be done to groups, as the model has it.
type verb struct {
	// free says that no group need be there; anyStatus that a blocked or
	// disbanded one will do; outsiders that the caller need not be in it.
	free, anyStatus, outsiders bool
	// role is the least role that the caller needs, or hears refusal.
	role, refusal int
	// reads says that nothing changes.
	reads bool
	// shape decides about the form of the call.
	shape func(*model, call) bool
	// rule makes the call when nothing of that stands against it.
	rule func(*model, call, *chat) answer
}

const forever = math.MaxInt64

func typeUpTo(most int64) func(*model, call) bool {
	return func(_ *model, c call) bool { return c.n >= 0 && c.n <= most }
}

// verbs are those of the API, those of operators, sending, and the passing of
// time. It is filled below, because rules use the model and the model verbs.
var verbs map[string]verb

func init() {
	verbs = map[string]verb{
		"create":       {free: true, shape: uidsWell, rule: (*model).create},
		"info":         {reads: true, rule: (*model).info},
		"public-info":  {reads: true, anyStatus: true, outsiders: true, rule: (*model).publicInfo},
		"list":         {reads: true, free: true, rule: (*model).listGroups},
		"member":       {reads: true, shape: uidsWell, rule: (*model).memberInfo},
		"members":      {reads: true, rule: (*model).memberList},
		"muted":        {reads: true, role: 1, refusal: -10012, rule: (*model).mutedList},
		"absent":       {reads: true, rule: (*model).absent},
		"invite":       {shape: uidsWell, rule: (*model).invite},
		"join":         {outsiders: true, rule: (*model).joinGroup},
		"exit":         {rule: (*model).exit},
		"remove":       {role: 1, refusal: -10012, shape: uidsWell, rule: (*model).remove},
		"disband":      {role: 2, refusal: -10023, rule: (*model).disband},
		"change-owner": {role: 2, refusal: -10024, shape: uidsWell, rule: (*model).changeOwner},
		"role": {role: 2, refusal: -10025, rule: (*model).setRole,
			shape: func(m *model, c call) bool { return typeUpTo(1)(m, c) && uidsWell(m, c) }},
		"my-name": {rule: (*model).setMemberName},
		"mute": {role: 1, refusal: -10012, rule: (*model).muteMembers,
			shape: func(m *model, c call) bool { return muteWell(m, c) && uidsWell(m, c) }},
		"avatar":       {role: 1, refusal: -10012, rule: (*model).setAvatar},
		"friend-type":  {role: 1, refusal: -10012, shape: typeUpTo(1), rule: (*model).setFriendType},
		"join-type":    {role: 1, refusal: -10012, shape: typeUpTo(2), rule: (*model).setJoinType},
		"mute-type":    {role: 1, refusal: -10012, shape: typeUpTo(1), rule: (*model).setMuteType},
		"name":         {role: 1, refusal: -10012, rule: (*model).setName},
		"applications": {reads: true, role: 1, refusal: -10012, rule: (*model).applications},
		"accept":       {role: 1, refusal: -10012, rule: (*model).accept},
		"reject":       {role: 1, refusal: -10012, rule: (*model).reject},
		"send":         {rule: (*model).send},
		"block":        {anyStatus: true, outsiders: true, rule: (*model).block},
		"unblock":      {anyStatus: true, outsiders: true, rule: (*model).unblock},
		"show":         {reads: true, anyStatus: true, outsiders: true, rule: (*model).showOperator},
		"wait":         {free: true, rule: func(m *model, c call, _ *chat) answer { m.now += c.n; return answer{} }},
	}
}

func (m *model) create(c call, _ *chat) answer {
	others := filter(c.users, func(u uid) bool { return u != c.by })
	if 1+len(others) > m.maximum {
		return answer{code: -10003}
	}
	g := &chat{name: c.text, publicName: c.text, avatar: "avatar of " + c.text, introduce: "about " + c.text, created: m.now, people: make(map[uid]person)}
	everybody := append([]uid{c.by}, others...)
	for i, u := range everybody {
		g.people[u] = person{came: i + 1}
	}
	g.came = len(everybody)
	g.change(c.by, func(p *person) { p.role = 2 })
	m.groups[c.slot] = g
	m.tell(c.slot, "sign in "+names(everybody))
	if len(others) > 0 {
		m.tell(c.slot, fmt.Sprintf("notice: %s signs in %s", c.by, names(others)))
	}
	return answer{says: fmt.Sprint(m.show(c.slot, c.by), "; ", m.list(g, everybody))}
}

func (m *model) info(c call, g *chat) answer {
	first := g.list()
	return answer{says: fmt.Sprint(m.show(c.slot, c.by), "; ", m.list(g, first[:min(len(first), 10)]))}
}

func (m *model) publicInfo(c call, g *chat) answer {
	p := m.show(c.slot, c.by)
	p.Key = ""
	if !g.has(c.by) {
		p.Name = ""
	}
	return answer{says: p.String()}
}

func (m *model) listGroups(c call, _ *chat) answer {
	var mine []picture
	for slot, g := range m.groups {
		if g.has(c.by) {
			mine = append(mine, m.show(slot, c.by))
		}
	}
	slices.SortFunc(mine, func(a, b picture) int { return int(b.Created - a.Created) })
	return answer{says: fmt.Sprint(mine)}
}

func (m *model) memberInfo(c call, g *chat) answer {
	if !g.has(c.users[0]) {
		return answer{code: -10016}
	}
	return answer{says: m.member(g, c.users[0])}
}

func (m *model) memberList(_ call, g *chat) answer { return answer{says: m.list(g, g.list())} }

func (m *model) mutedList(_ call, g *chat) answer {
	return answer{says: m.list(g, filter(g.list(), func(u uid) bool { return m.muteEnd(g.people[u]) != 0 }))}
}

func (m *model) absent(c call, g *chat) answer {
	return answer{says: names(filter(c.users, func(u uid) bool { return !g.has(u) }))}
}

func (m *model) invite(c call, g *chat) answer {
	plain := g.people[c.by].role == 0
	if plain && g.join == 1 {
		return answer{code: -10005}
	}
	fresh := filter(c.users, func(u uid) bool { return !g.has(u) })
	if len(fresh) == 0 {
		return answer{code: -10010}
	}
	if plain && g.join == 2 {
		return m.apply(g, c.by, fresh)
	}
	if g.members()+len(fresh) > m.maximum {
		return answer{code: -10003}
	}
	m.enter(c.slot, c.by, fresh)
	return answer{says: fmt.Sprint(g.members(), " members")}
}

func (m *model) joinGroup(c call, g *chat) answer {
	if g.has(c.by) {
		return answer{code: -10029}
	}
	inviter := c.by
	if len(c.users) > 0 && g.has(c.users[0]) {
		inviter = c.users[0]
	}
	switch {
	case g.join == 1:
		return answer{code: -10005}
	case g.join == 2:
		return m.apply(g, inviter, []uid{c.by})
	case g.members() == m.maximum:
		return answer{code: -10003}
	}
	m.enter(c.slot, inviter, []uid{c.by})
	return answer{}
}

func (m *model) exit(c call, g *chat) answer {
	if g.people[c.by].role == 2 {
		return answer{code: -10021}
	}
	m.tell(c.slot, fmt.Sprintf("notice: %s signs out", c.by), "sign out "+string(c.by))
	g.change(c.by, func(p *person) { p.role = 10 })
	return answer{}
}

func (m *model) remove(c call, g *chat) answer {
	targets := filter(c.users, g.has)
	for _, u := range targets {
		if g.people[u].role >= g.people[c.by].role {
			return answer{code: -10020}
		}
	}
	if len(targets) == 0 {
		return answer{code: -10011}
	}
	m.tell(c.slot, fmt.Sprintf("notice: %s kicks out %s", c.by, names(targets)), "sign out "+names(targets))
	for _, u := range targets {
		g.change(u, func(p *person) { p.role = 10 })
	}
	return answer{says: fmt.Sprintf("%d members without %s", g.members(), names(targets))}
}

func (m *model) disband(c call, g *chat) answer {
	m.tell(c.slot, fmt.Sprintf("notice: %s deletes the group", c.by), "delete the group")
	g.status = 2
	for u := range g.people {
		g.change(u, func(p *person) { p.role = 10 })
	}
	return answer{}
}

func (m *model) changeOwner(c call, g *chat) answer {
	heir := c.users[0]
	if heir == c.by {
		return answer{code: -10017}
	}
	if !g.has(heir) {
		return answer{code: -10016}
	}
	g.change(c.by, func(p *person) { p.role = 0 })
	g.change(heir, func(p *person) { p.role = 2 })
	m.tell(c.slot, fmt.Sprintf("role of %s 2", heir), fmt.Sprintf("role of %s 0", c.by))
	m.unmute(c.slot, heir)
	m.tell(c.slot, fmt.Sprintf("notice: %s gives the group to %s", c.by, heir))
	return answer{}
}

func (m *model) setRole(c call, g *chat) answer {
	target := c.users[0]
	switch {
	case target == c.by:
		return answer{code: -10025}
	case !g.has(target):
		return answer{code: -10016}
	case g.people[target].role == int(c.n):
		return answer{}
	case c.n == 1 && g.admins() == m.maxAdmins:
		return answer{code: -10019}
	}
	g.change(target, func(p *person) { p.role = int(c.n) })
	m.tell(c.slot, fmt.Sprintf("role of %s %d", target, c.n))
	if c.n == 1 {
		m.unmute(c.slot, target)
	}
	return answer{}
}

func (m *model) setMemberName(c call, g *chat) answer {
	g.change(c.by, func(p *person) { p.name = c.text })
	return answer{}
}

const tenYears = 10 * 365 * 24 * 3600 * 1000

func muteWell(m *model, c call) bool {
	return c.n >= 0 && (c.n <= tenYears || c.n > m.now)
}

func (m *model) muteMembers(c call, g *chat) answer {
	until, duration := c.n, false
	if c.n > 0 && c.n <= tenYears {
		until, duration = m.now+c.n, true
	}
	concerned := filter(c.users, func(u uid) bool { return g.has(u) && g.people[u].role == 0 })
	news := filter(concerned, func(u uid) bool {
		later := until - m.muteEnd(g.people[u])
		// The same duration again within a minute is a repeat.
		return later != 0 && (!duration || later < 0 || later >= 60_000)
	})
	for _, u := range news {
		g.change(u, func(p *person) { p.muted = until })
	}
	if len(news) > 0 {
		m.tell(c.slot, fmt.Sprintf("mute %s until %d", names(news), until))
		if until != 0 {
			m.tell(c.slot, fmt.Sprintf("notice: %s mutes %s", c.by, names(news)))
		}
	}
	return answer{says: m.list(g, concerned)}
}

func (m *model) setAvatar(c call, g *chat) answer {
	if g.avatar != c.text {
		g.avatar = c.text
		m.tell(c.slot, "avatar "+c.text)
	}
	return answer{}
}

func (m *model) setFriendType(c call, g *chat) answer {
	if g.friend != int(c.n) {
		g.friend = int(c.n)
		m.tell(c.slot, fmt.Sprint("friend type ", c.n))
	}
	return answer{}
}

func (m *model) setJoinType(c call, g *chat) answer {
	if g.join != int(c.n) {
		g.join = int(c.n)
		m.tell(c.slot, fmt.Sprint("join type ", c.n))
	}
	return answer{}
}

func (m *model) setMuteType(c call, g *chat) answer {
	if g.mute != int(c.n) {
		g.mute = int(c.n)
		m.tell(c.slot, fmt.Sprint("mute type ", c.n), fmt.Sprintf("notice: %s sets mute type %d", c.by, c.n))
	}
	return answer{}
}

func (m *model) setName(c call, g *chat) answer {
	name, public, _ := strings.Cut(c.text, "|")
	if name == "" {
		name = g.name
	}
	if public == "" {
		public = g.publicName
	}
	if g.name != name || g.publicName != public {
		g.name, g.publicName = name, public
		m.tell(c.slot, "name "+name, fmt.Sprintf("notice: %s names it %s", c.by, name))
	}
	return answer{}
}

func (m *model) applications(_ call, g *chat) answer { return answer{says: openApplications(g)} }

// answered finds the application of a call, or says why it cannot be answered.
func answered(c call, g *chat) (*application, int) {
	if c.application < 0 {
		return nil, -10030
	}
	a := &g.applications[c.application]
	if !a.open {
		return nil, -10028
	}
	return a, 0
}

func (m *model) accept(c call, g *chat) answer {
	a, code := answered(c, g)
	if code != 0 {
		return answer{code: code}
	}
	if g.members() == m.maximum {
		return answer{code: -10003}
	}
	m.enter(c.slot, c.by, []uid{a.user})
	return answer{says: fmt.Sprint(g.members(), " members")}
}

func (m *model) reject(c call, g *chat) answer {
	a, code := answered(c, g)
	if code != 0 {
		return answer{code: code}
	}
	a.open = false
	return answer{says: fmt.Sprint(g.members(), " members")}
}

func (m *model) send(c call, g *chat) answer {
	p := g.people[c.by]
	if p.role == 0 && g.mute == 1 || m.muteEnd(p) != 0 {
		return answer{code: -10032}
	}
	if key := string(c.by) + " " + c.text; !m.sent[key] {
		m.sent[key] = true
		m.tell(c.slot, fmt.Sprintf("%s from %s", c.text, c.by))
	}
	return answer{}
}

func (m *model) block(_ call, g *chat) answer   { return g.setStatus(1) }
func (m *model) unblock(_ call, g *chat) answer { return g.setStatus(0) }

func (g *chat) setStatus(status int) answer {
	if g.status == 2 {
		return answer{code: -10002}
	}
	g.status = status
	return answer{}
}

func (m *model) showOperator(c call, _ *chat) answer {
	p := m.show(c.slot, "")
	p.Key = ""
	return answer{says: p.String()}
}
