// Package store keeps in the database what the record service knows beside the
// event log.
package store

import (
	"gorm.io/gorm/clause"

	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/record"
)

// Store is the record.Store of every engine.
type Store struct{}

var _ record.Store = Store{}

// focus is a row of log_focus.
type focus struct {
	Pos  int64
	User string `gorm:"column:user_id"`
	At   int64
}

func (focus) TableName() string { return "log_focus" }

// AddFocus implements record.Store.
func (Store) AddFocus(tx *eventlog.Tx, p eventlog.Position, u id.UID, at int64) (bool, error) {
	res := tx.DB().Clauses(clause.OnConflict{DoNothing: true}).Create(&focus{Pos: int64(p), User: string(u), At: at})
	return res.RowsAffected == 1, res.Error
}

// CountFocus implements record.Store.
func (Store) CountFocus(tx *eventlog.Tx, p eventlog.Position) (int32, error) {
	var n int64
	err := tx.DB().Model(&focus{}).Where("pos = ?", int64(p)).Count(&n).Error
	return int32(n), err
}
