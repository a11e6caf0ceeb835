package device

import (
	"fmt"
	"testing"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
)

func TestWhereADeviceReadsOnAndWhomItReplaces(t *testing.T) {
	t.Parallel()
	const android, ios, windows, web = wirev1.Device_DEVICE_ANDROID, wirev1.Device_DEVICE_IOS, wirev1.Device_DEVICE_WINDOWS, wirev1.Device_DEVICE_WEB
	old := Device{Type: android, UUID: "old", At: 10, Cursor: 5}
	phone := Device{Type: ios, UUID: "phone", At: 20, Cursor: 7}
	desktop := Device{Type: windows, UUID: "desk", At: 15, Cursor: 3}
	for _, c := range []struct {
		name      string
		known     []Device
		kind      wirev1.Device
		uuid      string
		reconnect bool
		want      string
	}{
		{"the first phone", nil, android, "new", false, "reads after 0 since 100, replaces []"},
		{"the first phone that thinks that it comes back", nil, android, "new", true, "reads after 0 since 100, replaces []"},
		{"the same phone again", []Device{phone}, ios, "phone", false, "reads after 7 since 100, replaces []"},
		{"the same phone comes back", []Device{phone}, ios, "phone", true, "reads after 7 since 100, replaces []"},
		{"the same phone with another system", []Device{phone}, android, "phone", true, "reads after 7 since 100, replaces [phone]"},
		{"a new phone", []Device{phone}, android, "new", false, "reads after 7 since 100, replaces [phone]"},
		{"a new phone, of two that were there at once", []Device{old, phone}, android, "new", false, "reads after 7 since 100, replaces [old phone]"},
		{"a phone that was replaced comes back", []Device{old, phone}, android, "old", true, "held by phone"},
		{"a phone that was replaced is chosen again", []Device{old, phone}, android, "old", false, "reads after 7 since 100, replaces [phone]"},
		{"a phone beside a desktop", []Device{desktop}, android, "new", true, "reads after 0 since 100, replaces []"},
		{"a new desktop", []Device{phone}, windows, "desk", false, "reads after 2 since 100, replaces []"},
		{"a desktop again", []Device{phone, desktop}, windows, "desk", true, "reads after 3 since 100, replaces []"},
		{"a browser with the uuid of a desktop", []Device{desktop}, web, "desk", false, "reads after 2 since 100, replaces []"},
		{"a phone after one whose clock was ahead", []Device{{Type: ios, UUID: "ahead", At: 500}}, android, "new", false, "reads after 0 since 501, replaces [ahead]"},
		{"a cursor above the head", []Device{{Type: windows, UUID: "desk", Cursor: 99}}, windows, "desk", false, "reads after 50 since 100, replaces []"},
	} {
		e := Entry{Device: Device{Type: c.kind, UUID: c.uuid}, Reconnect: c.reconnect}
		start := eventlog.Position(0)
		if !e.Mobile() {
			start = 2
		}
		entered, replaced, holder := enter(c.known, e, 100, start, 50)
		got := ""
		if holder != nil {
			got = "held by " + holder.UUID
		} else {
			names := []string{}
			for _, d := range replaced {
				names = append(names, d.UUID)
			}
			got = fmt.Sprintf("reads after %d since %d, replaces %v", entered.Cursor, entered.At, names)
		}
		if got != c.want {
			t.Errorf("%s: it %s, want %s", c.name, got, c.want)
		}
	}
}
