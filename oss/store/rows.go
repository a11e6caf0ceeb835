package store

import (
	"time"

	"parley/oss"
	"parley/pkg/id"
)

// objectRow is a row of oss_object.
type objectRow struct {
	ID       int64  `gorm:"primaryKey"`
	AppID    string `gorm:"column:app_id"`
	Provider string
	Bucket   string
	Key      string `gorm:"column:object_key"`
	Owner    string
	Stored   bool
	Size     int64
	At       int64 `gorm:"column:changed_at"`
}

func (objectRow) TableName() string { return "oss_object" }

func (r *objectRow) entry() *oss.Entry {
	return &oss.Entry{
		ID: r.ID, Name: oss.Name{App: r.AppID, Provider: r.Provider, Bucket: r.Bucket, Key: oss.Key(r.Key)},
		Owner: id.UID(r.Owner), Stored: r.Stored, Size: r.Size, At: time.UnixMilli(r.At),
	}
}

func rowOfEntry(e *oss.Entry) *objectRow {
	return &objectRow{
		ID: e.ID, AppID: e.Name.App, Provider: e.Name.Provider, Bucket: e.Name.Bucket, Key: string(e.Name.Key),
		Owner: string(e.Owner), Stored: e.Stored, Size: e.Size, At: e.At.UnixMilli(),
	}
}

// uploadRow is a row of oss_upload.
type uploadRow struct {
	ID        string `gorm:"primaryKey"`
	AppID     string `gorm:"column:app_id"`
	Provider  string
	Bucket    string
	Key       string `gorm:"column:object_key"`
	Owner     string
	Whole     bool
	Remote    string
	Reserved  int64
	Completed bool
	Digest    []byte
	StartedAt int64
	ExpiresAt int64
}

func (uploadRow) TableName() string { return "oss_upload" }

func (r *uploadRow) upload() oss.Upload {
	return oss.Upload{
		ID: r.ID, Name: oss.Name{App: r.AppID, Provider: r.Provider, Bucket: r.Bucket, Key: oss.Key(r.Key)},
		Owner: id.UID(r.Owner), Whole: r.Whole, Remote: r.Remote, Reserved: r.Reserved,
		Completed: r.Completed, Digest: r.Digest,
		StartedAt: time.UnixMilli(r.StartedAt), ExpiresAt: time.UnixMilli(r.ExpiresAt),
	}
}

func rowOfUpload(u *oss.Upload) *uploadRow {
	digest := u.Digest
	if digest == nil {
		digest = []byte{}
	}
	return &uploadRow{
		ID: u.ID, AppID: u.Name.App, Provider: u.Name.Provider, Bucket: u.Name.Bucket, Key: string(u.Name.Key),
		Owner: string(u.Owner), Whole: u.Whole, Remote: u.Remote, Reserved: u.Reserved,
		Completed: u.Completed, Digest: digest,
		StartedAt: u.StartedAt.UnixMilli(), ExpiresAt: u.ExpiresAt.UnixMilli(),
	}
}

// partRow is a row of oss_part.
type partRow struct {
	UploadID string `gorm:"primaryKey;column:upload_id"`
	Number   int32  `gorm:"primaryKey;autoIncrement:false"`
	Size     int64
	Reserved int64
	ETag     string `gorm:"column:etag"`
}

func (partRow) TableName() string { return "oss_part" }

func (r *partRow) part() oss.StoredPart {
	return oss.StoredPart{Part: oss.Part{Number: r.Number, ETag: r.ETag}, Size: r.Size, Reserved: r.Reserved}
}

// usageRow is a row of oss_usage.
type usageRow struct {
	AppID string `gorm:"primaryKey;column:app_id"`
	Owner string `gorm:"primaryKey"`
	Bytes int64
}

func (usageRow) TableName() string { return "oss_usage" }
