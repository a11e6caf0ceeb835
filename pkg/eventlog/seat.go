package eventlog

import (
	"context"
	"database/sql"

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
//
// The seats stand in the statement as a table that is joined, which becomes one
// look-up of the primary key for each. As pairs in a condition they become ranges,
// which a server sorts and weighs for longer than it reads.
func (s *seats) read(ctx context.Context, db execer, d dialect) (*seatStates, error) {
	args := make([]any, 0, 2*len(s.list)+1)
	for _, k := range s.list {
		args = append(args, int64(k.group), string(k.user))
	}
	with, from := d.pairs(len(s.list))
	query := with + "SELECT s.g, s.u, g.status, g.mute_all, m.role, m.muted_until FROM " + from +
		` LEFT JOIN log_group g ON g.group_id = s.g
		LEFT JOIN log_member m ON m.group_id = s.g AND m.user_id = s.u AND m.to_pos = ?`
	rows, err := db.QueryContext(ctx, query, append(args, int64(Forever))...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	states := &seatStates{groups: make(map[id.GID]GroupState), members: make(map[seat]Membership, len(s.list))}
	for rows.Next() {
		var k seat
		var status, muteAll, role, mutedUntil sql.NullInt64
		if err := rows.Scan(&k.group, &k.user, &status, &muteAll, &role, &mutedUntil); err != nil {
			return nil, err
		}
		states.groups[k.group] = GroupState{Exists: status.Valid, Status: Status(status.Int64), MuteAll: muteAll.Int64 != 0}
		states.members[k] = Membership{Present: role.Valid, Role: Role(role.Int64), MutedUntil: mutedUntil.Int64}
	}
	return states, rows.Err()
}
