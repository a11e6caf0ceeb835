package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/id"
	"parley/pkg/sqldb"
	"parley/record/device"
)

// Devices is the device.Store of every engine.
type Devices struct{ db *sqldb.DB }

var _ device.Store = (*Devices)(nil)

// NewDevices returns the devices in db.
func NewDevices(db *sqldb.DB) *Devices { return &Devices{db: db} }

// deviceRow is a row of device.
type deviceRow struct {
	User string `gorm:"column:user_id"`
	Type int32
	UUID string `gorm:"column:uuid"`
	Name string
	At   int64
}

func (deviceRow) TableName() string { return "device" }

// NewestMobile implements device.Store.
func (d *Devices) NewestMobile(ctx context.Context, u id.UID) (device.Device, bool, error) {
	var row deviceRow
	err := d.db.Reader.WithContext(ctx).
		Where("user_id = ? AND type IN ?", string(u), []int32{int32(wirev1.Device_DEVICE_ANDROID), int32(wirev1.Device_DEVICE_IOS)}).
		Order("at DESC").Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return device.Device{}, false, nil
	}
	return device.Device{
		User: id.UID(row.User), Type: wirev1.Device(row.Type), UUID: row.UUID, Name: row.Name, At: row.At,
	}, err == nil, err
}
