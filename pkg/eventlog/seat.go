package eventlog

import (
	"context"
	"strings"

	"parley/pkg/id"
)

// seat is a place that somebody may have in a group.
type seat struct {
	group id.GID
	user  id.UID
}

// seats is a set of places to ask for, kept in the order of asking.
type seats struct {
	list  []seat
	known map[seat]bool
}

func (s *seats) add(g id.GID, u id.UID) {
	k := seat{g, u}
	if s.known[k] {
		return
	}
	if s.known == nil {
		s.known = make(map[seat]bool)
	}
	s.known[k] = true
	s.list = append(s.list, k)
}

func (s *seats) empty() bool { return len(s.list) == 0 }

// seatStates is what the log knows about groups and the seats in them.
type seatStates struct {
	groups  map[id.GID]GroupState
	members map[seat]Membership
}

func (s *seatStates) of(g id.GID, u id.UID) (GroupState, Membership) {
	return s.groups[g], s.members[seat{g, u}]
}

// read asks for all seats and their groups with one plain select. It must not
// lock: a group transaction that holds these rows and waits for the position
// would wait for us, and we for it. It need not lock either. Such a transaction
// gets its position after ours, so the version from before it is the right one.
func (s *seats) read(ctx context.Context, db execer) (*seatStates, error) {
	var b strings.Builder
	var args []any
	groups := make(map[id.GID]GroupState)
	b.WriteString("SELECT group_id, '' AS user_id, status, mute_all FROM log_group WHERE group_id IN (")
	for _, k := range s.list {
		if _, ok := groups[k.group]; ok {
			continue
		}
		if len(groups) > 0 {
			b.WriteByte(',')
		}
		groups[k.group] = GroupState{}
		b.WriteByte('?')
		args = append(args, int64(k.group))
	}
	// Pairs joined with OR become ranges of the primary key on every engine;
	// a row constructor in an IN list does not.
	b.WriteString(") UNION ALL SELECT group_id, user_id, role, muted_until FROM log_member WHERE ")
	for n, k := range s.list {
		if n > 0 {
			b.WriteString(" OR ")
		}
		b.WriteString("(group_id = ? AND user_id = ? AND to_pos = ?)")
		args = append(args, int64(k.group), string(k.user), int64(Forever))
	}
	rows, err := db.QueryContext(ctx, b.String(), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	states := &seatStates{groups: groups, members: make(map[seat]Membership, len(s.list))}
	for rows.Next() {
		var k seat
		var x, y int64
		if err := rows.Scan(&k.group, &k.user, &x, &y); err != nil {
			return nil, err
		}
		if k.user == "" {
			groups[k.group] = GroupState{Exists: true, Status: Status(x), MuteAll: y != 0}
		} else {
			states.members[k] = Membership{Present: true, Role: Role(x), MutedUntil: y}
		}
	}
	return states, rows.Err()
}
