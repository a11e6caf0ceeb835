package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"parley/group"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/sqldb"
)

// groupColumns are a group.
const groupColumns = `SELECT g.id, g.mark_id, g.name, g.public_name, g.avatar, g.introduce, g.secret, g.status, g.join_type,
	g.mute_type, g.friend_type, g.group_type, g.maximum, g.member_num, g.admin_num, g.seats, g.created_at`

// scanGroup scans groupColumns and what follows them.
func scanGroup(row interface{ Scan(...any) error }, more ...any) (g groupRow, err error) {
	err = row.Scan(append([]any{&g.ID, &g.MarkID, &g.Name, &g.PublicName, &g.Avatar, &g.Introduce, &g.Secret, &g.Status, &g.JoinType,
		&g.MuteType, &g.FriendType, &g.GroupType, &g.Maximum, &g.MemberNum, &g.AdminNum, &g.Seats, &g.CreatedAt}, more...)...)
	return g, err
}

// viewColumns are a group, its owner (o) and the caller (p). How many members are
// muted comes behind them; see scanView.
const viewColumns = groupColumns + `,
	o.user_id, o.seat, o.name, o.muted_until, p.user_id, p.standing, p.seat, p.name, p.muted_until, `

// queries are those whose indexes have to be named: left alone, SQLite looks for
// the one owner among all members, servers do so in a list of groups, and what
// they choose otherwise depends on what they last counted.
type queries struct{ view, views, muted, muteNums string }

func queriesIn(d sqldb.Dialect) queries {
	index := func(name string) string {
		if d == sqldb.SQLite {
			return " INDEXED BY " + name
		}
		return " FORCE INDEX (" + name + ")"
	}
	owner := " LEFT JOIN group_member o" + index("group_member_order") + " ON o.group_id = g.id AND o.standing = 0"
	return queries{
		view: viewColumns + "(SELECT COUNT(*) FROM group_member m WHERE m.group_id = g.id AND m.muted_until > ? AND m.standing < 3)" +
			" FROM chat_group g" + owner +
			" LEFT JOIN group_member p ON p.group_id = g.id AND p.user_id = ? AND p.standing < 3 WHERE g.id = ?",
		views: viewColumns + "0 FROM group_member p JOIN chat_group g ON g.id = p.group_id" + owner +
			" WHERE p.user_id = ? AND p.standing < 3 ORDER BY g.created_at DESC, g.id DESC",
		muted: memberColumns + index("group_member_mute") +
			" WHERE group_id = ? AND muted_until > ? AND standing < 3 ORDER BY standing, seat",
		muteNums: "SELECT group_id, COUNT(*) FROM group_member" + index("group_member_mute") +
			" WHERE muted_until > ? AND standing < 3 AND group_id IN (%s) GROUP BY group_id",
	}
}

// View implements group.Store.
func (s *Store) View(ctx context.Context, g id.GID, u id.UID, now int64) (group.View, error) {
	v, err := scanView(s.reader.QueryRowContext(ctx, s.queries.view, now, string(u), int64(g)))
	if errors.Is(err, sql.ErrNoRows) {
		return group.View{}, fault.NoSuchGroup
	}
	if err != nil {
		return group.View{}, fmt.Errorf("read group %s: %w", g, err)
	}
	return v, nil
}

// Views implements group.Store.
func (s *Store) Views(ctx context.Context, u id.UID, now int64) ([]group.View, error) {
	views, err := s.viewsWithoutMutes(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("read the groups of %s: %w", u, err)
	}
	for chunk := range slices.Chunk(views, viewChunk) {
		if err := s.countMutes(ctx, chunk, now); err != nil {
			return nil, fmt.Errorf("count who is muted in the groups of %s: %w", u, err)
		}
	}
	return views, nil
}

func (s *Store) viewsWithoutMutes(ctx context.Context, u id.UID) ([]group.View, error) {
	rows, err := s.reader.QueryContext(ctx, s.queries.views, string(u))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var views []group.View
	for rows.Next() {
		v, err := scanView(rows)
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, rows.Err()
}

// viewChunk is of how many groups one statement counts the mutes.
const viewChunk = 500

// countMutes sets MuteNum. It is a query of its own because servers find the end
// of a mute in an index only for groups that the query names; in a join they read
// all members of every group.
func (s *Store) countMutes(ctx context.Context, views []group.View, now int64) error {
	args := []any{now}
	places := make(map[id.GID]*group.View, len(views))
	for i := range views {
		args = append(args, int64(views[i].ID))
		places[views[i].ID] = &views[i]
	}
	rows, err := s.reader.QueryContext(ctx, fmt.Sprintf(s.queries.muteNums, marks(len(views))), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var g id.GID
		var n int32
		if err := rows.Scan(&g, &n); err != nil {
			return err
		}
		places[g].MuteNum = n
	}
	return rows.Err()
}

// joined is a member of a LEFT JOIN, who may not be there.
type joined struct {
	user, name                 sql.NullString
	standing, seat, mutedUntil sql.NullInt64
}

func (j *joined) member() group.Member {
	if !j.user.Valid {
		return group.Member{}
	}
	row := memberRow{
		User: j.user.String, Standing: int8(j.standing.Int64), Seat: j.seat.Int64, Name: j.name.String, MutedUntil: j.mutedUntil.Int64,
	}
	return row.member()
}

func scanView(row interface{ Scan(...any) error }) (group.View, error) {
	var owner, person joined
	var muted int32
	g, err := scanGroup(row,
		&owner.user, &owner.seat, &owner.name, &owner.mutedUntil,
		&person.user, &person.standing, &person.seat, &person.name, &person.mutedUntil, &muted)
	if err != nil {
		return group.View{}, err
	}
	return group.View{Group: *g.group(), Owner: owner.member(), Person: person.member(), MuteNum: muted}, nil
}

// memberColumns are a member, for scanMembers.
const memberColumns = "SELECT user_id, standing, seat, name, muted_until FROM group_member"

// Members implements group.Store.
func (s *Store) Members(ctx context.Context, g id.GID, limit int) ([]group.Member, error) {
	return scanMembers(s.reader.QueryContext(ctx,
		memberColumns+" WHERE group_id = ? AND standing < 3 ORDER BY standing, seat LIMIT ?", int64(g), limit))
}

// Muted implements group.Store.
func (s *Store) Muted(ctx context.Context, g id.GID, now int64) ([]group.Member, error) {
	return scanMembers(s.reader.QueryContext(ctx, s.queries.muted, int64(g), now))
}

func scanMembers(rows *sql.Rows, err error) ([]group.Member, error) {
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	defer rows.Close()
	var members []group.Member
	for rows.Next() {
		var row memberRow
		if err := rows.Scan(&row.User, &row.Standing, &row.Seat, &row.Name, &row.MutedUntil); err != nil {
			return nil, fmt.Errorf("read members: %w", err)
		}
		members = append(members, row.member())
	}
	return members, rows.Err()
}
