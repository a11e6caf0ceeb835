package store

import (
	"context"
	"errors"
	"testing"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
	"parley/record/device"
)

// openLog returns a log for its transactions.
func openLog(t *testing.T, db *sqldb.DB) *eventlog.Log {
	t.Helper()
	l := eventlog.Open(db)
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Errorf("close the log: %v", err)
		}
	})
	return l
}

// addAndCount runs AddFocus and CountFocus in one transaction.
func addAndCount(t *testing.T, l *eventlog.Log, p eventlog.Position, u id.UID) (added bool, count int32) {
	t.Helper()
	err := l.Change(context.Background(), func(tx *eventlog.Tx) (err error) {
		if added, err = (Store{}).AddFocus(tx, p, u, 5); err != nil {
			return err
		}
		count, err = Store{}.CountFocus(tx, p)
		return err
	})
	if err != nil {
		t.Fatalf("focus %d by %s: %v", p, u, err)
	}
	return added, count
}

func TestAFocusIsKnownByMessageAndPerson(t *testing.T) {
	t.Parallel()
	l := openLog(t, sqldbtest.New(t))
	for _, c := range []struct {
		p     eventlog.Position
		who   id.UID
		added bool
		count int32
	}{
		{1, "alice", true, 1},
		{1, "alice", false, 1},
		{1, "Alice", true, 2},
		{2, "alice", true, 1},
		{1, "bob", true, 3},
		{1, "alice", false, 3},
	} {
		if added, count := addAndCount(t, l, c.p, c.who); added != c.added || count != c.count {
			t.Errorf("focus of %d by %s: added %v, %d in all; want %v, %d", c.p, c.who, added, count, c.added, c.count)
		}
	}
}

func TestAFocusOfAChangeThatFailsIsForgotten(t *testing.T) {
	t.Parallel()
	l := openLog(t, sqldbtest.New(t))
	sorry := errors.New("sorry")
	err := l.Change(context.Background(), func(tx *eventlog.Tx) error {
		_, err := Store{}.AddFocus(tx, 1, "alice", 5)
		return errors.Join(err, sorry)
	})
	if !errors.Is(err, sorry) {
		t.Fatalf("got %v, want %v", err, sorry)
	}
	if added, count := addAndCount(t, l, 1, "alice"); !added || count != 1 {
		t.Errorf("added %v, %d in all", added, count)
	}
}

func TestTheNewestPhoneIsThatWhichCameInLast(t *testing.T) {
	t.Parallel()
	db := sqldbtest.New(t)
	devices := NewDevices(db)
	put := func(u, uuid string, kind wirev1.Device, at int64) {
		t.Helper()
		_, err := db.WriterSQL().Exec("INSERT INTO device (user_id, type, uuid, name, push_token, at) VALUES (?, ?, ?, ?, '', ?)", u, int(kind), uuid, "name of "+uuid, at)
		if err != nil {
			t.Fatalf("insert a device: %v", err)
		}
	}
	want := func(u id.UID, uuid string) {
		t.Helper()
		d, found, err := devices.NewestMobile(context.Background(), u)
		if err != nil || found != (uuid != "") || d.UUID != uuid {
			t.Errorf("%s has %+v (%v, %v), want %q", u, d, found, err, uuid)
		}
	}
	want("alice", "")
	put("alice", "desktop", wirev1.Device_DEVICE_WINDOWS, 100)
	put("alice", "browser", wirev1.Device_DEVICE_WEB, 101)
	want("alice", "")
	put("alice", "android", wirev1.Device_DEVICE_ANDROID, 10)
	want("alice", "android")
	put("alice", "iphone", wirev1.Device_DEVICE_IOS, 20)
	want("alice", "iphone")
	put("alice", "older", wirev1.Device_DEVICE_ANDROID, 15)
	put("Alice", "another", wirev1.Device_DEVICE_ANDROID, 30)
	want("alice", "iphone")
	want("Alice", "another")

	d, _, err := devices.NewestMobile(context.Background(), "alice")
	if want := (device.Device{User: "alice", Type: wirev1.Device_DEVICE_IOS, UUID: "iphone", Name: "name of iphone", At: 20}); err != nil || d != want {
		t.Errorf("got %+v (%v), want %+v", d, err, want)
	}
}
