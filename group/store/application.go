package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"parley/group"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// applicationRow is a row of group_application.
type applicationRow struct {
	ID         int64 `gorm:"primaryKey"`
	GroupID    int64
	User       string `gorm:"column:user_id"`
	Inviter    string
	Open       *int8 // 1 or NULL
	Outcome    int8
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
	AnsweredAt int64
	AnsweredBy string
}

func (applicationRow) TableName() string { return "group_application" }

func (r *applicationRow) application() group.Application {
	return group.Application{
		ID: r.ID, Group: id.GID(r.GroupID), User: id.UID(r.User), Inviter: id.UID(r.Inviter),
		Outcome: group.Outcome(r.Outcome), CreatedAt: r.CreatedAt,
	}
}

// Applications implements group.Store.
func (s *Store) Applications(ctx context.Context, g id.GID, after int64, limit int) ([]group.Application, error) {
	var rows []applicationRow
	err := s.db.Reader.WithContext(ctx).
		Where("group_id = ? AND open = 1 AND id > ?", int64(g), after).Order("id").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the applications to group %s: %w", g, err)
	}
	list := make([]group.Application, len(rows))
	for i := range rows {
		list[i] = rows[i].application()
	}
	return list, nil
}

// Apply implements group.Store. The lock of the group keeps others from applying
// between the question and the answer; the unique key would refuse them anyway.
func (s *Store) Apply(tx *eventlog.Tx, applications []group.Application) error {
	open := int8(1)
	for chunk := range slices.Chunk(applications, memberChunk) {
		rows := make([]applicationRow, len(chunk))
		for i, a := range chunk {
			rows[i] = applicationRow{GroupID: int64(a.Group), User: string(a.User), Inviter: string(a.Inviter), Open: &open, CreatedAt: a.CreatedAt}
		}
		if err := tx.DB().Clauses(clause.OnConflict{DoNothing: true}).Create(rows).Error; err != nil {
			return fmt.Errorf("store applications: %w", err)
		}
	}
	return nil
}

// Application implements group.Store.
func (s *Store) Application(tx *eventlog.Tx, g id.GID, application int64) (group.Application, error) {
	var row applicationRow
	err := tx.DB().Take(&row, "id = ? AND group_id = ?", application, int64(g)).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return group.Application{}, fault.NoSuchApplication
	}
	if err != nil {
		return group.Application{}, fmt.Errorf("read application %d: %w", application, err)
	}
	return row.application(), nil
}

// Answer implements group.Store.
func (s *Store) Answer(tx *eventlog.Tx, g id.GID, users []id.UID, a group.Answer) error {
	err := tx.DB().Model(&applicationRow{}).Where("group_id = ? AND open = 1 AND user_id IN ?", int64(g), id.Texts(users)).
		UpdateColumns(map[string]any{"open": nil, "outcome": int8(a.Outcome), "answered_at": a.At, "answered_by": string(a.By)}).Error
	if err != nil {
		return fmt.Errorf("answer applications to group %s: %w", g, err)
	}
	return nil
}
