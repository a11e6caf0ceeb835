package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
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
	User      string `gorm:"column:user_id;primaryKey"`
	Type      int32  `gorm:"primaryKey;autoIncrement:false"`
	UUID      string `gorm:"column:uuid;primaryKey"`
	Name      string
	PushToken string
	At        int64
	CursorPos int64
}

func (deviceRow) TableName() string { return "device" }

func rowOf(d *device.Device) *deviceRow {
	return &deviceRow{
		User: string(d.User), Type: int32(d.Type), UUID: d.UUID, Name: d.Name, PushToken: d.PushToken, At: d.At, CursorPos: int64(d.Cursor),
	}
}

func (r *deviceRow) device() device.Device {
	return device.Device{
		User: id.UID(r.User), Type: wirev1.Device(r.Type), UUID: r.UUID, Name: r.Name, PushToken: r.PushToken, At: r.At,
		Cursor: eventlog.Position(r.CursorPos),
	}
}

// NewestMobile implements device.Store.
func (d *Devices) NewestMobile(ctx context.Context, u id.UID) (device.Device, bool, error) {
	var row deviceRow
	err := d.db.Reader.WithContext(ctx).
		Where("user_id = ? AND type IN ?", string(u), []int32{int32(wirev1.Device_DEVICE_ANDROID), int32(wirev1.Device_DEVICE_IOS)}).
		Order("at DESC").Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return device.Device{}, false, nil
	}
	if err != nil {
		return device.Device{}, false, err
	}
	return row.device(), true, nil
}

// Of returns the devices of a user.
func (d *Devices) Of(ctx context.Context, u id.UID) ([]device.Device, error) {
	var rows []deviceRow
	err := d.db.Reader.WithContext(ctx).Find(&rows, "user_id = ?", string(u)).Error
	return devicesOf(rows), err
}

func devicesOf(rows []deviceRow) []device.Device {
	devices := make([]device.Device, len(rows))
	for i := range rows {
		devices[i] = rows[i].device()
	}
	return devices
}

// Enter implements device.Store. The row of the user is locked first, because a
// user without devices has no other row that two of them could meet at, and then
// those of his devices, whose cursors others move.
func (d *Devices) Enter(tx *eventlog.Tx, u id.UID, decide func([]device.Device) (*device.Device, []device.Device, error)) error {
	db := tx.DB()
	if err := db.Clauses(clause.OnConflict{DoNothing: true}).Create(&deviceOwner{User: string(u)}).Error; err != nil {
		return fmt.Errorf("know %s: %w", u, err)
	}
	lock := clause.Locking{Strength: clause.LockingStrengthUpdate}
	if err := db.Clauses(lock).Take(&deviceOwner{}, "user_id = ?", string(u)).Error; err != nil {
		return fmt.Errorf("lock the devices of %s: %w", u, err)
	}
	var rows []deviceRow
	if err := db.Clauses(lock).Find(&rows, "user_id = ?", string(u)).Error; err != nil {
		return fmt.Errorf("read the devices of %s: %w", u, err)
	}
	put, replaced, err := decide(devicesOf(rows))
	if err != nil {
		return err
	}
	for i := range replaced {
		if err := db.Delete(rowOf(&replaced[i])).Error; err != nil {
			return fmt.Errorf("replace a device of %s: %w", u, err)
		}
	}
	if put == nil {
		return nil
	}
	err = db.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "user_id"}, {Name: "type"}, {Name: "uuid"}},
		DoUpdates: clause.AssignmentColumns([]string{"name", "push_token", "at", "cursor_pos"}),
	}).Create(rowOf(put)).Error
	if err != nil {
		return fmt.Errorf("store a device of %s: %w", u, err)
	}
	return nil
}

// deviceOwner is a row of device_owner: somebody who has or had a device.
type deviceOwner struct {
	User string `gorm:"column:user_id;primaryKey"`
}

func (deviceOwner) TableName() string { return "device_owner" }

// Move implements device.Store: two statements, however many cursors there are.
func (d *Devices) Move(tx *eventlog.Tx, cursors []device.Cursor) ([]eventlog.Position, error) {
	rows, err := lockDevices(tx.DB(), cursors)
	if err != nil {
		return nil, err
	}
	known := make(map[device.Cursor]*deviceRow, len(rows)) // without positions
	for i := range rows {
		r := &rows[i]
		known[device.Cursor{User: id.UID(r.User), Type: wirev1.Device(r.Type), UUID: r.UUID}] = r
	}
	before := make([]eventlog.Position, len(cursors))
	var moved []*deviceRow
	for i, c := range cursors {
		to := c.Position
		c.Position = 0
		row := known[c]
		if row == nil {
			before[i] = device.Gone
			continue
		}
		before[i] = eventlog.Position(row.CursorPos)
		if to > before[i] {
			row.CursorPos = int64(to)
			moved = append(moved, row)
		}
	}
	if len(moved) == 0 {
		return before, nil
	}
	// All of them are there and locked, so nothing is inserted.
	err = tx.DB().Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "user_id"}, {Name: "type"}, {Name: "uuid"}},
		DoUpdates: clause.AssignmentColumns([]string{"cursor_pos"}),
	}).Create(moved).Error
	return before, err
}

// lockDevices reads and locks those devices that are there, in the order of their
// keys.
func lockDevices(db *gorm.DB, cursors []device.Cursor) ([]deviceRow, error) {
	const one = "(user_id = ? AND type = ? AND uuid = ?)"
	args := make([]any, 0, 3*len(cursors))
	for _, c := range cursors {
		args = append(args, string(c.User), int32(c.Type), c.UUID)
	}
	var rows []deviceRow
	err := db.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).
		Where(one+strings.Repeat(" OR "+one, len(cursors)-1), args...).Find(&rows).Error
	return rows, err
}
