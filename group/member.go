package group

import (
	"cmp"

	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// Left is the role of somebody who was in a group and is not any more. The
// others are eventlog's: who left has none in the log.
const Left eventlog.Role = 10

// Member is a person in a group, or one who was.
type Member struct {
	User id.UID
	Role eventlog.Role
	Name string // in this group; may be empty
	// MutedUntil is when the mute ends, in Unix milliseconds; 0 for none and
	// eventlog.Forever for never. It outlives leaving.
	MutedUntil int64
	// Seat is the order of coming: who came later has a higher one. Who comes
	// back gets a new seat.
	Seat int64
}

// Present reports whether m is in the group.
func (m *Member) Present() bool { return m.User != "" && m.Role != Left }

// MuteEnd is when the mute of m ends, or 0 when it has ended by now.
func (m *Member) MuteEnd(now int64) int64 {
	if m.MutedUntil > now {
		return m.MutedUntil
	}
	return 0
}

// Compare is the order of lists: role high to low, then who has been in the
// group longest.
func Compare(a, b Member) int {
	return cmp.Or(cmp.Compare(b.Role, a.Role), cmp.Compare(a.Seat, b.Seat))
}

// People are those of some users who are or were in a group.
type People map[id.UID]Member

// Of returns what is known about u: a Member who left when that is nothing.
func (p People) Of(u id.UID) Member {
	if m, ok := p[u]; ok {
		return m
	}
	return Member{User: u, Role: Left}
}

// present returns those of users who are in the group, in their order.
func (p People) present(users []id.UID) (members []Member) {
	for _, u := range users {
		if m := p.Of(u); m.Present() {
			members = append(members, m)
		}
	}
	return members
}

// absent returns those of users who are not in the group, in their order.
func (p People) absent(users []id.UID) (members []Member) {
	for _, u := range users {
		if m := p.Of(u); !m.Present() {
			members = append(members, m)
		}
	}
	return members
}

// uids returns who members are.
func uids(members []Member) []id.UID {
	list := make([]id.UID, len(members))
	for i, m := range members {
		list[i] = m.User
	}
	return list
}
