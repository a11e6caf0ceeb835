package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"parley/group"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// infoQuestion is what somebody wants to know of a group at a time.
type infoQuestion struct {
	place
	now int64
}

// place is where somebody may be a member.
type place struct {
	group id.GID
	user  id.UID
}

type infoAnswer struct {
	view  group.View // without a group when there is none
	first []group.Member
}

// Info implements group.Store.
func (s *Store) Info(ctx context.Context, g id.GID, u id.UID, now int64) (group.View, []group.Member, error) {
	a, err := s.infos.ask(ctx, infoQuestion{place{g, u}, now})
	if err != nil {
		return group.View{}, nil, fmt.Errorf("read group %s: %w", g, err)
	}
	if a.view.ID == 0 {
		return group.View{}, nil, fault.NoSuchGroup
	}
	return a.view, a.first, nil
}

// readInfos answers questions with two statements, however many they are. The
// groups come last: whoever finds a group alive then finds the members that he
// was shown no later than that.
//
// It has no context, because it serves many; the pool bounds how long a server
// may be silent.
func (s *Store) readInfos(questions []infoQuestion) ([]infoAnswer, error) {
	now := int64(0)
	places := make([]place, len(questions))
	var groups []id.GID
	for i, q := range questions {
		now = max(now, q.now)
		places[i] = q.place
		if !slices.Contains(groups, q.group) {
			groups = append(groups, q.group)
		}
	}
	found, err := s.readPlaces(places, groups, now)
	if err != nil {
		return nil, err
	}
	views, err := s.readGroups(groups)
	if err != nil {
		return nil, err
	}
	answers := make([]infoAnswer, len(questions))
	for i, p := range places {
		v, ok := views[p.group]
		if !ok {
			continue
		}
		v.Person, v.MuteNum = found.people[p], found.muted[p.group]
		first := found.first[p.group]
		if len(first) > 0 && first[0].Role == eventlog.Owner {
			v.Owner = first[0]
		}
		answers[i] = infoAnswer{v, first}
	}
	return answers, nil
}

// What a row of readPlaces tells of.
const (
	rowOfPlace = iota
	rowOfFirst
	rowOfMuted // with their number for a seat
)

// found is what is known of members.
type found struct {
	people map[place]group.Member
	first  map[id.GID][]group.Member
	muted  map[id.GID]int32
}

// readPlaces reads who is at places, and of groups the first members and how many
// are muted. Places stand in the statement as a table that is joined: see the
// seats of pkg/eventlog.
func (s *Store) readPlaces(places []place, groups []id.GID, now int64) (*found, error) {
	const columns = "group_id, user_id, standing, seat, name, muted_until FROM group_member "
	var b strings.Builder
	var args []any
	fmt.Fprintf(&b, "SELECT %d, m.group_id, m.user_id, m.standing, m.seat, m.name, m.muted_until FROM (SELECT ? AS g, ? AS u", rowOfPlace)
	for i, p := range places {
		if i > 0 {
			b.WriteString(" UNION ALL SELECT ?,?")
		}
		args = append(args, int64(p.group), string(p.user))
	}
	b.WriteString(") p JOIN group_member m ON m.group_id = p.g AND m.user_id = p.u WHERE m.standing < 3")
	for i, g := range groups {
		fmt.Fprintf(&b, " UNION ALL SELECT * FROM (SELECT %d AS f, "+columns+"WHERE group_id = ? AND standing < 3 ORDER BY standing, seat LIMIT %d) f%d", rowOfFirst, group.FirstMembers, i)
		args = append(args, int64(g))
	}
	fmt.Fprintf(&b, " UNION ALL SELECT %d, group_id, '', 0, COUNT(*), '', 0 FROM group_member WHERE group_id IN (%s) AND muted_until > ? AND standing < 3 GROUP BY group_id",
		rowOfMuted, marks(len(groups)))
	for _, g := range groups {
		args = append(args, int64(g))
	}
	rows, err := s.reader.Query(b.String(), append(args, now)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	f := &found{make(map[place]group.Member, len(places)), make(map[id.GID][]group.Member, len(groups)), make(map[id.GID]int32)}
	for rows.Next() {
		var kind int
		var row memberRow
		if err := rows.Scan(&kind, &row.GroupID, &row.User, &row.Standing, &row.Seat, &row.Name, &row.MutedUntil); err != nil {
			return nil, err
		}
		m, g := row.member(), id.GID(row.GroupID)
		switch kind {
		case rowOfPlace:
			f.people[place{g, m.User}] = m
		case rowOfFirst:
			f.first[g] = append(f.first[g], m)
		case rowOfMuted:
			f.muted[g] = int32(m.Seat)
		}
	}
	for _, members := range f.first {
		slices.SortFunc(members, group.Compare)
	}
	return f, rows.Err()
}

// readGroups reads groups as nobody in particular sees them.
func (s *Store) readGroups(groups []id.GID) (map[id.GID]group.View, error) {
	args := make([]any, len(groups))
	for i, g := range groups {
		args[i] = int64(g)
	}
	rows, err := s.reader.Query(groupColumns+" FROM chat_group g WHERE g.id IN ("+marks(len(groups))+")", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	views := make(map[id.GID]group.View, len(groups))
	for rows.Next() {
		row, err := scanGroup(rows)
		if err != nil {
			return nil, err
		}
		views[id.GID(row.ID)] = group.View{Group: *row.group()}
	}
	return views, rows.Err()
}

// marks returns n question marks for an IN list.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }
