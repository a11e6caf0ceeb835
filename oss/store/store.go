// Package store keeps the owners of objects and their unfinished uploads in the
// database, on every engine.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"parley/oss"
	"parley/pkg/id"
	"parley/pkg/sqldb"
)

// Store is the oss.Store of every engine.
type Store struct{ db *sqldb.DB }

var _ oss.Store = (*Store)(nil)

// New returns the objects in db.
func New(db *sqldb.DB) *Store { return &Store{db: db} }

// Do implements oss.Store.
func (s *Store) Do(ctx context.Context, fn func(oss.Tx) error) error {
	return s.db.Transact(ctx, func(db *gorm.DB) error { return fn(tx{db}) })
}

// Entry implements oss.Store.
func (s *Store) Entry(ctx context.Context, n oss.Name) (*oss.Entry, error) {
	return takeEntry(s.db.Reader.WithContext(ctx), n)
}

// Upload implements oss.Store.
func (s *Store) Upload(ctx context.Context, uploadID string) (*oss.Upload, error) {
	return takeUpload(s.db.Reader.WithContext(ctx), uploadID)
}

// maxExpired is how many uploads are swept in one go.
const maxExpired = 100

// Uploads implements oss.Store.
func (s *Store) Uploads(ctx context.Context, n oss.Name) ([]oss.Upload, error) {
	uploads, err := findUploads(ofObject(s.db.Reader.WithContext(ctx), n).Where("completed = 0"))
	if err != nil {
		return nil, fmt.Errorf("read the uploads of an object: %w", err)
	}
	return uploads, nil
}

// Expired implements oss.Store.
func (s *Store) Expired(ctx context.Context, before time.Time, after *oss.Upload) ([]oss.Upload, error) {
	query := s.db.Reader.WithContext(ctx).Where("expires_at < ?", before.UnixMilli()).Order("expires_at, id").Limit(maxExpired)
	if after != nil {
		at := after.ExpiresAt.UnixMilli()
		query = query.Where("expires_at > ? OR expires_at = ? AND id > ?", at, at, after.ID)
	}
	uploads, err := findUploads(query)
	if err != nil {
		return nil, fmt.Errorf("read expired uploads: %w", err)
	}
	return uploads, nil
}

func findUploads(query *gorm.DB) ([]oss.Upload, error) {
	var rows []uploadRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, err
	}
	uploads := make([]oss.Upload, len(rows))
	for i := range rows {
		uploads[i] = rows[i].upload()
	}
	return uploads, nil
}

// ofObject narrows a query to an object.
func ofObject(db *gorm.DB, n oss.Name) *gorm.DB {
	return db.Where("object_key = ? AND app_id = ? AND provider = ? AND bucket = ?", string(n.Key), n.App, n.Provider, n.Bucket)
}

// tx is a transaction.
type tx struct{ db *gorm.DB }

var _ oss.Tx = tx{}

// locked makes a query lock what it finds, where the engine has locks of rows.
func (t tx) locked() *gorm.DB {
	return t.db.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
}

func takeEntry(db *gorm.DB, n oss.Name) (*oss.Entry, error) {
	var row objectRow
	err := ofObject(db, n).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the owner of an object: %w", err)
	}
	return row.entry(), nil
}

// Enter implements oss.Tx. A key that is there is the normal case for who writes
// again, so it is looked for first.
func (t tx) Enter(n oss.Name, owner id.UID) (*oss.Entry, error) {
	e, err := takeEntry(t.locked(), n)
	if e != nil || err != nil {
		return e, err
	}
	row := rowOfEntry(&oss.Entry{Name: n, Owner: owner, At: time.Now()})
	if err := t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(row).Error; err != nil {
		return nil, fmt.Errorf("claim a key: %w", err)
	}
	// Somebody else's may have been faster. A TiDB lets this transaction meet it and
	// then does not show it.
	if e, err = takeEntry(t.locked(), n); e == nil && err == nil {
		err = fmt.Errorf("claim a key: its row is gone: %w", sqldb.ErrLost)
	}
	return e, err
}

// SaveEntry implements oss.Tx.
func (t tx) SaveEntry(e *oss.Entry) error {
	if err := t.db.Save(rowOfEntry(e)).Error; err != nil {
		return fmt.Errorf("save the owner of an object: %w", err)
	}
	return nil
}

// DropEntry implements oss.Tx.
func (t tx) DropEntry(e *oss.Entry) error {
	if err := t.db.Delete(&objectRow{}, "id = ?", e.ID).Error; err != nil {
		return fmt.Errorf("drop a claim: %w", err)
	}
	return nil
}

// Live implements oss.Tx.
func (t tx) Live(n oss.Name, except string, now time.Time) (bool, error) {
	var found []int
	err := ofObject(t.db.Model(&uploadRow{}).Select("1"), n).
		Where("completed = 0 AND expires_at > ? AND id <> ?", now.UnixMilli(), except).Limit(1).Find(&found).Error
	if err != nil {
		return false, fmt.Errorf("look for uploads of an object: %w", err)
	}
	return len(found) > 0, nil
}

func takeUpload(db *gorm.DB, uploadID string) (*oss.Upload, error) {
	var row uploadRow
	err := db.Take(&row, "id = ?", uploadID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read an upload: %w", err)
	}
	u := row.upload()
	return &u, nil
}

// Upload implements oss.Tx.
func (t tx) Upload(uploadID string) (*oss.Upload, error) { return takeUpload(t.locked(), uploadID) }

// InsertUpload implements oss.Tx.
func (t tx) InsertUpload(u *oss.Upload) error {
	if err := t.db.Create(rowOfUpload(u)).Error; err != nil {
		return fmt.Errorf("store an upload: %w", err)
	}
	return nil
}

// SaveUpload implements oss.Tx.
func (t tx) SaveUpload(u *oss.Upload) error {
	row := rowOfUpload(u)
	err := t.db.Model(row).Select("remote", "reserved", "completed", "digest", "expires_at").Updates(row).Error
	if err != nil {
		return fmt.Errorf("save an upload: %w", err)
	}
	return nil
}

// DropUpload implements oss.Tx.
func (t tx) DropUpload(uploadID string) error {
	if err := t.DropParts(uploadID); err != nil {
		return err
	}
	if err := t.db.Delete(&uploadRow{}, "id = ?", uploadID).Error; err != nil {
		return fmt.Errorf("drop an upload: %w", err)
	}
	return nil
}

// Part implements oss.Tx.
func (t tx) Part(uploadID string, number int32) (*oss.StoredPart, error) {
	var row partRow
	err := t.db.Take(&row, "upload_id = ? AND number = ?", uploadID, number).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a part: %w", err)
	}
	p := row.part()
	return &p, nil
}

// Parts implements oss.Tx.
func (t tx) Parts(uploadID string) ([]oss.StoredPart, error) {
	var rows []partRow
	if err := t.db.Where("upload_id = ?", uploadID).Order("number").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the parts of an upload: %w", err)
	}
	parts := make([]oss.StoredPart, len(rows))
	for i := range rows {
		parts[i] = rows[i].part()
	}
	return parts, nil
}

// SavePart implements oss.Tx.
func (t tx) SavePart(uploadID string, p oss.StoredPart) error {
	row := &partRow{UploadID: uploadID, Number: p.Number, Size: p.Size, Reserved: p.Reserved, ETag: p.ETag}
	err := t.db.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "upload_id"}, {Name: "number"}},
		DoUpdates: clause.AssignmentColumns([]string{"size", "reserved", "etag"}),
	}).Create(row).Error
	if err != nil {
		return fmt.Errorf("store a part: %w", err)
	}
	return nil
}

// DropParts implements oss.Tx.
func (t tx) DropParts(uploadID string) error {
	if err := t.db.Delete(&partRow{}, "upload_id = ?", uploadID).Error; err != nil {
		return fmt.Errorf("drop the parts of an upload: %w", err)
	}
	return nil
}

// Spend implements oss.Tx. The row of a user is made with his first object.
func (t tx) Spend(app string, owner id.UID, bytes, quota int64) (bool, error) {
	if bytes == 0 {
		return true, nil
	}
	enough, err := t.add(app, owner, bytes, quota)
	if enough || err != nil {
		return enough, err
	}
	err = t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&usageRow{AppID: app, Owner: string(owner)}).Error
	if err != nil {
		return false, fmt.Errorf("begin to count what a user stores: %w", err)
	}
	if enough, err = t.add(app, owner, bytes, quota); enough || err != nil {
		return enough, err
	}
	// Too much, or a row that was not shown to the statement before, see Enter, and
	// may be by now.
	var row usageRow
	err = t.db.Take(&row, "app_id = ? AND owner = ?", app, string(owner)).Error
	if errors.Is(err, gorm.ErrRecordNotFound) || err == nil && (quota == 0 || bytes < 0 || row.Bytes <= quota-bytes) {
		err = sqldb.ErrLost
	}
	if err != nil {
		return false, fmt.Errorf("count what a user stores: %w", err)
	}
	return false, nil
}

func (t tx) add(app string, owner id.UID, bytes, quota int64) (bool, error) {
	update := t.db.Model(&usageRow{}).Where("app_id = ? AND owner = ?", app, string(owner))
	if quota > 0 && bytes > 0 {
		update = update.Where("bytes <= ?", quota-bytes)
	}
	update = update.UpdateColumn("bytes", gorm.Expr("bytes + ?", bytes))
	if update.Error != nil {
		return false, fmt.Errorf("count what a user stores: %w", update.Error)
	}
	return update.RowsAffected > 0, nil
}
