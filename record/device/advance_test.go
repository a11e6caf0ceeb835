package device_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/record/device"
	"parley/record/recordtest"
	"parley/record/store"
)

// world is the device service on a database.
type world struct {
	*recordtest.World
	devices *device.Service
}

func newWorld(t *testing.T) *world {
	w := recordtest.New(t)
	return &world{w, device.New(w.Log, store.NewDevices(w.DB), device.Config{})}
}

func (w *world) enter(u id.UID, kind wirev1.Device, uuid string) device.Device {
	w.Helper()
	d, holder, err := w.devices.Enter(context.Background(), device.Entry{Device: device.Device{User: u, Type: kind, UUID: uuid}})
	if err != nil || holder != nil {
		w.Fatalf("let %s of %s in: %v, held by %v", uuid, u, err, holder)
	}
	return d
}

func (w *world) advance(cursors ...device.Cursor) []int {
	w.Helper()
	gone, err := w.devices.Advance(context.Background(), cursors)
	if err != nil {
		w.Fatalf("advance %v: %v", cursors, err)
	}
	return gone
}

const phone, desktop = wirev1.Device_DEVICE_ANDROID, wirev1.Device_DEVICE_LINUX

// received lists what a user was told of that phones got, in the order of the
// signals.
func (w *world) received(u id.UID) string {
	var told [][]int64
	err := w.Log.Read(context.Background(), u, 0, 1000, func(events []eventlog.Event) error {
		for _, e := range events {
			var s wirev1.Signal
			if e.Kind != eventlog.Signal || proto.Unmarshal(e.Body, &s) != nil || s.Type != wirev1.SignalType_SIGNAL_TYPE_RECEIVED {
				continue
			}
			var r wirev1.SignalReceived
			if err := proto.Unmarshal(s.Body, &r); err != nil {
				return err
			}
			told = append(told, r.Logs)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return fmt.Sprint(told)
}

func TestSendersAreToldOnceOfWhatAPhoneConfirmed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enter("bob", phone, "p")
	w.enter("bob", desktop, "d")
	one := w.Send("alice", recordtest.Text("bob", "m1"))
	two := w.Send("alice", recordtest.Text("bob", "m2"))
	own := w.Send("bob", recordtest.Text("alice", "m3"))
	self := w.Send("bob", recordtest.Text("bob", "m4"))
	three := w.Send("carol", recordtest.Text("bob", "m5"))
	w.advance(device.Cursor{User: "bob", Type: desktop, UUID: "d", Position: three})
	if got := w.received("alice"); got != "[]" {
		t.Errorf("a desktop tells alice of %s", got)
	}
	at := func(p eventlog.Position) device.Cursor {
		return device.Cursor{User: "bob", Type: phone, UUID: "p", Position: p}
	}
	for _, p := range []eventlog.Position{one, one, three, two, self, three} {
		w.advance(at(p))
	}
	if got, want := w.received("alice"), fmt.Sprintf("[[%d] [%d]]", one, two); got != want {
		t.Errorf("alice is told of %s, want %s", got, want)
	}
	if got, want := w.received("carol"), fmt.Sprintf("[[%d]]", three); got != want {
		t.Errorf("carol is told of %s, want %s", got, want)
	}
	if got := w.received("bob"); got != "[]" || own == 0 {
		t.Errorf("bob is told of %s", got)
	}
	if d := w.enter("bob", phone, "new"); d.Cursor != three {
		t.Errorf("a new phone reads on after %d, want %d", d.Cursor, three)
	}
	if gone := w.advance(device.Cursor{User: "bob", Type: desktop, UUID: "d", Position: three}, at(three+9)); !slices.Equal(gone, []int{1}) {
		t.Errorf("gone are %v, want the old phone", gone)
	}
}

// Two gateways may tell of the same devices at once, each in its own order.
func TestCursorsThatMeetTellOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var cursors []device.Cursor
	for n := range 10 {
		u := id.UID(fmt.Sprint("user", n))
		w.enter(u, phone, "p")
		p := w.Send("alice", recordtest.Text(u, fmt.Sprint("m", n)))
		cursors = append(cursors, device.Cursor{User: u, Type: phone, UUID: "p", Position: p})
	}
	backwards := slices.Clone(cursors)
	slices.Reverse(backwards)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { w.advance(cursors...) })
		all.Go(func() { w.advance(backwards...) })
	}
	all.Wait()
	if got := w.received("alice"); len(got) != len("[[1] [2] [3] [4] [5] [6] [7] [8] [9] [10]]") {
		t.Errorf("alice is told of %s", got)
	}
}

func TestTwoPhonesThatComeAtOnceLeaveOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for round := range 5 {
		u := id.UID(fmt.Sprint("user", round))
		var all sync.WaitGroup
		var entered [4]device.Device
		for n := range entered {
			all.Go(func() { entered[n] = w.enter(u, phone, fmt.Sprint("phone", n)) })
		}
		all.Wait()
		var rows int
		if err := w.DB.ReaderSQL().QueryRow("SELECT COUNT(*) FROM device WHERE user_id = ?", string(u)).Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%d phones are left (%v)", rows, err)
		}
		slices.SortFunc(entered[:], func(a, b device.Device) int { return int(a.At - b.At) })
		newest, _, err := store.NewDevices(w.DB).NewestMobile(context.Background(), u)
		if err != nil || newest.UUID != entered[3].UUID || entered[2].At == entered[3].At {
			t.Errorf("%s is there, %s came last (%v)", newest.UUID, entered[3].UUID, err)
		}
	}
}

func TestANewDesktopIsSparedWhatIsOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := w.Beside(eventlog.WithClock(func() time.Time { return time.Now().Add(-48 * time.Hour) }))
	old := long.Send("alice", recordtest.Text("bob", "old"))
	w.Send("alice", recordtest.Text("bob", "new"))
	limited := &world{w.World, device.New(w.Log, store.NewDevices(w.DB), device.Config{Backlog: 24 * time.Hour})}
	for _, c := range []struct {
		name    string
		service *world
		kind    wirev1.Device
		uuid    string
		want    eventlog.Position
	}{
		{"a phone", limited, phone, "phone", 0},
		{"a desktop", limited, desktop, "desk", old},
		{"the same desktop without a limit", w, desktop, "desk", old},
		{"a desktop without a limit", w, desktop, "other", 0},
		{"the same desktop with a limit", limited, desktop, "other", 0},
	} {
		if d := c.service.enter("bob", c.kind, c.uuid); d.Cursor != c.want {
			t.Errorf("%s reads after %d, want %d", c.name, d.Cursor, c.want)
		}
	}
}

// One request may have a device twice, devices that are gone, and several that
// move.
func TestManyCursorsMoveAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var at []eventlog.Position
	for n := range 4 {
		at = append(at, w.Send("alice", recordtest.Text("bob", fmt.Sprint("m", n))))
	}
	w.enter("bob", phone, "phone")
	w.enter("bob", desktop, "desk")
	w.enter("carol", desktop, "desk")
	gone := w.advance(
		device.Cursor{User: "bob", Type: phone, UUID: "phone", Position: at[1]},
		device.Cursor{User: "bob", Type: phone, UUID: "absent", Position: at[3]},
		device.Cursor{User: "bob", Type: phone, UUID: "phone", Position: at[2]},
		device.Cursor{User: "carol", Type: desktop, UUID: "desk", Position: at[3]},
		device.Cursor{User: "bob", Type: desktop, UUID: "desk", Position: at[0]},
		device.Cursor{User: "nobody", Type: desktop, UUID: "desk", Position: at[0]},
		device.Cursor{User: "bob", Type: phone, UUID: "absent", Position: at[2]},
	)
	if fmt.Sprint(gone) != "[1 5 6]" {
		t.Errorf("gone are %v, want [1 5 6]", gone)
	}
	w.advance(device.Cursor{User: "carol", Type: desktop, UUID: "desk", Position: at[0]})
	if got, want := w.received("alice"), fmt.Sprint([][]int64{{int64(at[0]), int64(at[1]), int64(at[2])}}); got != want {
		t.Errorf("alice is told of %s, want %s", got, want)
	}
	for _, c := range []struct {
		user id.UID
		kind wirev1.Device
		uuid string
		want eventlog.Position
	}{
		{"bob", phone, "phone", at[2]}, {"bob", desktop, "desk", at[0]}, {"carol", desktop, "desk", at[3]},
	} {
		if d := w.enter(c.user, c.kind, c.uuid); d.Cursor != c.want {
			t.Errorf("%s of %s reads after %d, want %d", c.uuid, c.user, d.Cursor, c.want)
		}
	}
}
