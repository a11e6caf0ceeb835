// Package store keeps groups, their members and applications in the database,
// on every engine.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"parley/group"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/sqldb"
)

// Store is the group.Store of every engine.
type Store struct {
	db      *sqldb.DB
	reader  *sql.DB
	queries queries
	infos   gatherer[infoQuestion, infoAnswer]
}

var _ group.Store = (*Store)(nil)

// New returns the groups in db.
func New(db *sqldb.DB) *Store {
	s := &Store{db: db, reader: db.ReaderSQL(), queries: queriesIn(db.Dialect)}
	s.infos.read = s.readInfos
	return s
}

// Insert implements group.Store.
func (s *Store) Insert(tx *eventlog.Tx, g *group.Group, members []group.Member) (bool, error) {
	err := tx.DB().Create(rowOfGroup(g)).Error
	if sqldb.IsDuplicate(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, tx.DB().CreateInBatches(rowsOfMembers(g.ID, members), memberChunk).Error
}

// Lock implements group.Store.
func (s *Store) Lock(tx *eventlog.Tx, g id.GID) (*group.Group, error) {
	var row groupRow
	err := tx.DB().Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Take(&row, "id = ?", int64(g)).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.NoSuchGroup
	}
	if err != nil {
		return nil, fmt.Errorf("lock group %s: %w", g, err)
	}
	return row.group(), nil
}

// Update implements group.Store.
func (s *Store) Update(tx *eventlog.Tx, before, after *group.Group) error {
	return tx.DB().Model(&groupRow{}).Where("id = ?", int64(after.ID)).UpdateColumns(changes(before, after)).Error
}

// changes returns the columns in which two states of a group differ.
func changes(before, after *group.Group) map[string]any {
	columns := make(map[string]any)
	was, is := rowOfGroup(before), rowOfGroup(after)
	for name, change := range map[string]struct {
		differs bool
		value   any
	}{
		"name":        {was.Name != is.Name, is.Name},
		"public_name": {was.PublicName != is.PublicName, is.PublicName},
		"avatar":      {was.Avatar != is.Avatar, is.Avatar},
		"status":      {was.Status != is.Status, is.Status},
		"join_type":   {was.JoinType != is.JoinType, is.JoinType},
		"mute_type":   {was.MuteType != is.MuteType, is.MuteType},
		"friend_type": {was.FriendType != is.FriendType, is.FriendType},
		"member_num":  {was.MemberNum != is.MemberNum, gorm.Expr("member_num + ?", is.MemberNum-was.MemberNum)},
		"admin_num":   {was.AdminNum != is.AdminNum, gorm.Expr("admin_num + ?", is.AdminNum-was.AdminNum)},
		"seats":       {was.Seats != is.Seats, gorm.Expr("seats + ?", is.Seats-was.Seats)},
	} {
		if change.differs {
			columns[name] = change.value
		}
	}
	return columns
}

// Seated implements group.Store.
func (s *Store) Seated(tx *eventlog.Tx, g id.GID, users []id.UID) (group.People, error) {
	return people(tx.DB(), g, users)
}

// People implements group.Store.
func (s *Store) People(ctx context.Context, g id.GID, users []id.UID) (group.People, error) {
	return people(s.db.Reader.WithContext(ctx), g, users)
}

// people asks for thousands at once: a group has no more members, and a list
// of users no more entries, than one statement takes.
func people(db *gorm.DB, g id.GID, users []id.UID) (group.People, error) {
	var rows []memberRow
	if err := db.Where("group_id = ? AND user_id IN ?", int64(g), id.Texts(users)).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read members of group %s: %w", g, err)
	}
	found := make(group.People, len(rows))
	for i := range rows {
		m := rows[i].member()
		found[m.User] = m
	}
	return found, nil
}

// Put implements group.Store.
func (s *Store) Put(tx *eventlog.Tx, g id.GID, members []group.Member) error {
	for chunk := range slices.Chunk(members, memberChunk) {
		err := tx.DB().Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "group_id"}, {Name: "user_id"}},
			DoUpdates: clause.AssignmentColumns([]string{"standing", "seat", "name", "muted_until"}),
		}).Create(rowsOfMembers(g, chunk)).Error
		if err != nil {
			return fmt.Errorf("store members of group %s: %w", g, err)
		}
	}
	return nil
}

// DismissAll implements group.Store.
func (s *Store) DismissAll(tx *eventlog.Tx, g id.GID) error {
	return tx.DB().Model(&memberRow{}).Where("group_id = ? AND standing < ?", int64(g), left).UpdateColumn("standing", left).Error
}
