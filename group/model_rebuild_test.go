package group_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	wirev1 "parley/api/proto/wire/v1"
	"parley/group/grouptest"
	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// client is a group as an app knows it from events alone. What no event tells,
// the public name and the names of members, is not in it.
type client struct {
	name, avatar       string
	join, mute, friend int32
	people             map[uid]clientMember
	came               int
	over               bool
}

type clientMember struct {
	role  int32 // 10 when he left
	muted int64
	came  int
}

func (c *client) clone() *client {
	copied := *c
	copied.people = maps.Clone(c.people)
	return &copied
}

func (c *client) change(users []string, f func(*clientMember)) {
	for _, u := range users {
		m := c.people[uid(u)]
		f(&m)
		c.people[uid(u)] = m
	}
}

// take takes in an event. Notices are for people to read and change nothing.
func (c *client) take(e grouptest.Event) {
	switch b := e.Body.(type) {
	case *wirev1.SignalSignInGroup:
		for _, u := range b.Uid {
			c.came++
			// A mute that began in an earlier stay goes on.
			c.people[uid(u)] = clientMember{muted: c.people[uid(u)].muted, came: c.came}
		}
	case *wirev1.SignalSignOutGroup:
		c.change(b.Uid, func(m *clientMember) { m.role = 10 })
	case *wirev1.SignalDeleteGroup:
		c.over = true
		c.people = nil
	case *wirev1.SignalUpdateGroupJoinType:
		c.join = b.Type
	case *wirev1.SignalUpdateGroupFriendType:
		c.friend = b.Type
	case *wirev1.SignalUpdateGroupMuteType:
		c.mute = b.Type
	case *wirev1.SignalUpdateGroupMemberType:
		c.change([]string{b.Uid}, func(m *clientMember) { m.role = b.Type })
	case *wirev1.SignalUpdateGroupMemberMuteTime:
		c.change(b.Uid, func(m *clientMember) { m.muted = b.MuteTime })
	case *wirev1.SignalUpdateGroupName:
		c.name = b.Name
	case *wirev1.SignalUpdateGroupAvatar:
		c.avatar = b.Avatar
	}
}

// text is the group in words, as it is at a time.
func (c *client) text(now int64) string {
	var members []uid
	for u, m := range c.people {
		if m.role != 10 {
			members = append(members, u)
		}
	}
	slices.SortFunc(members, func(a, b uid) int {
		return cmp.Or(cmp.Compare(c.people[b].role, c.people[a].role), cmp.Compare(c.people[a].came, c.people[b].came))
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q join %d mute %d friend %d over %t:", c.name, c.avatar, c.join, c.mute, c.friend, c.over)
	for _, u := range members {
		m := c.people[u]
		if m.muted <= now {
			m.muted = 0
		}
		fmt.Fprintf(&b, " %s(%d, muted until %d)", u, m.role, m.muted)
	}
	return b.String()
}

// shown is the group as the service shows it, in the same words.
func (r *run) shown(g id.GID) string {
	w := r.worlds[0]
	v := w.View(g, "")
	members, err := w.Store.Members(context.Background(), g, 1<<20)
	w.Must("read the members", err)
	c := client{
		name: v.Name, avatar: v.Avatar, join: int32(v.JoinType), mute: int32(v.MuteType), friend: int32(v.FriendType),
		over: v.Status == eventlog.Disbanded, people: make(map[uid]clientMember),
	}
	for i, m := range members {
		c.people[m.User] = clientMember{role: int32(m.Role), muted: m.MutedUntil, came: i}
	}
	return c.text(w.Clock.Milli())
}

// histories are the groups of a run as they were after each of their events.
type histories struct {
	run   *run
	now   int64
	after map[eventlog.Position]*client
	last  map[id.GID]*client
	shown map[id.GID]string
}

func (r *run) histories() *histories {
	h := &histories{r, r.worlds[0].Clock.Milli(), make(map[eventlog.Position]*client), make(map[id.GID]*client), make(map[id.GID]string)}
	for _, e := range r.events {
		if c := h.last[e.Group]; c != nil {
			c.take(e)
		} else {
			h.last[e.Group] = r.born(e)
		}
		h.after[e.Pos] = h.last[e.Group].clone()
	}
	return h
}

// born is a group after its first event, as its maker knows it.
func (r *run) born(e grouptest.Event) *client {
	name := fmt.Sprint("name ", r.slots[e.Group])
	c := &client{name: name, avatar: "avatar of " + name, people: make(map[uid]clientMember)}
	c.take(e)
	if in, ok := e.Body.(*wirev1.SignalSignInGroup); ok {
		c.change(in.Uid[:1], func(m *clientMember) { m.role = 2 })
	}
	return c
}

// check compares what follows from all events with what the service shows.
func (h *histories) check() (problem string) {
	for g, c := range h.last {
		h.shown[g] = h.run.shown(g)
		if got := c.text(h.now); got != h.shown[g] {
			return fmt.Sprintf("from all its events group %d is\n\t%s\nbut it is shown as\n\t%s", h.run.slots[g], got, h.shown[g])
		}
	}
	return ""
}

// follow follows the groups of somebody by what he reads. When he comes into a
// group he asks for it, as apps do; from then on his events alone have to lead
// to the same as all events, up to where he left, and to what the service shows.
func (h *histories) follow(u uid, events []grouptest.Event) (problem string) {
	r, now := h.run, h.now
	mine := make(map[id.GID]*client)
	for _, e := range events {
		truth, c := h.after[e.Pos], mine[e.Group]
		if c == nil {
			in, comes := e.Body.(*wirev1.SignalSignInGroup)
			if !comes || !slices.Contains(in.Uid, string(u)) {
				return fmt.Sprintf("%s reads %q of group %d, in which he is not", u, e, r.slots[e.Group])
			}
			mine[e.Group] = truth.clone()
			continue
		}
		c.take(e)
		out, goes := e.Body.(*wirev1.SignalSignOutGroup)
		if goes && slices.Contains(out.Uid, string(u)) || c.over {
			if got, want := c.text(now), truth.text(now); got != want {
				return fmt.Sprintf("to %s, who left, group %d is\n\t%s\nand was\n\t%s", u, r.slots[e.Group], got, want)
			}
			delete(mine, e.Group)
		}
	}
	for g, c := range mine {
		if got, want := c.text(now), h.shown[g]; got != want {
			return fmt.Sprintf("to %s group %d is\n\t%s\nbut it is shown as\n\t%s", u, r.slots[g], got, want)
		}
	}
	return ""
}
