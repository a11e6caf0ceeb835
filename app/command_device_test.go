package app

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/presence"
	"parley/pkg/id"
	"parley/pkg/redisx/redistest"
	"parley/record/device"
	recordstore "parley/record/store"
)

func TestAnOperatorListsTheDevicesOfAUser(t *testing.T) {
	config := local(t)
	a := start(t, config, Options{})
	defer stop(t, a)
	service := device.New(a.log, recordstore.NewDevices(a.db), device.Config{})
	var came []string
	for _, d := range []device.Device{
		{Type: wirev1.Device_DEVICE_IOS, UUID: "phone", Name: "what only ann knows", PushToken: "push token"},
		{Type: wirev1.Device_DEVICE_WEB, UUID: "w\x1b[2J"},
	} {
		d.User = "ann"
		entered, _, err := service.Enter(t.Context(), device.Entry{Device: d})
		if err != nil {
			t.Fatal(err)
		}
		came = append(came, time.UnixMilli(entered.At).UTC().Format(time.DateTime))
	}
	code, out, errOut := parley(t, "device", "list", "ann", "-data", config.Data)
	for _, want := range []string{`"phone"`, `"w\x1b[2J"`, "0 of 0", "unknown: Redis is inside", "IOS", "Web", came[0], came[1]} {
		if !strings.Contains(out, want) {
			t.Errorf("the devices lack %s: exit %d, %q\n%s", want, code, errOut, out)
		}
	}
	for _, private := range []string{"what only", "push token"} {
		if strings.Contains(out, private) {
			t.Errorf("the devices tell %q:\n%s", private, out)
		}
	}
	for name, addr := range map[string]string{"away": "127.0.0.1:1", "silent": silent(t)} {
		t.Setenv("PARLEY_REDIS_ADDRS", addr)
		began := time.Now()
		code, out, errOut := parley(t, "device", "list", "ann", "-data", config.Data)
		if code != 0 || !strings.Contains(out, `"phone"`) || !strings.Contains(out, "unknown: Redis does not answer") || !strings.Contains(errOut, addr) {
			t.Errorf("with a Redis that is %s: exit %d, %q\n%s", name, code, errOut, out)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("with a Redis that is %s: the devices come after %v", name, took)
		}
	}
	t.Setenv("PARLEY_REDIS_ADDRS", "")
	prints(t, "type  uuid  came in  confirmed  connected since\n", "device", "list", "ben", "-data", config.Data)
	refuses(t, 2, "see parley help", "device")
	refuses(t, 2, "see parley help", "device", "list")
	refuses(t, 2, "see parley help", "device", "show", "ann")
	refuses(t, 1, "no Parley has run", "device", "list", "ann", "-data", t.TempDir())
}

// silent returns the address of a server that says nothing.
func silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestADeviceIsListedWithItsConnection(t *testing.T) {
	redis := redistest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	keeper := presence.NewKeeper(redis, "gateway")
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		keeper.Keep(ctx)
	}()
	defer func() {
		cancel()
		<-stopped
	}()
	since := time.Now().Add(-time.Hour)
	keeper.Enter(presence.Connection{User: "ann", Device: wirev1.Device_DEVICE_IOS, UUID: "phone", Since: since})
	var connected map[deviceID]time.Time
	for len(connected) == 0 && t.Context().Err() == nil {
		var err error
		if connected, err = connectionsIn(t.Context(), redis, "ann"); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	c := &command{out: &out}
	if err := c.printDevices([]device.Device{
		{User: id.UID("ann"), Type: wirev1.Device_DEVICE_IOS, UUID: "phone", At: 2000, Cursor: 7},
		{User: id.UID("ann"), Type: wirev1.Device_DEVICE_WEB, UUID: "web", At: 3000, Cursor: 9},
	}, 9, connected, ""); err != nil {
		t.Fatal(err)
	}
	at := connected[deviceID{wirev1.Device_DEVICE_IOS, "phone"}]
	if d := at.Sub(since); d < -time.Minute || d > time.Minute {
		t.Errorf("the phone is connected since %v, want %v", at, since)
	}
	want := fmt.Sprintf(`type  uuid     came in              confirmed  connected since
Web   "web"    1970-01-01 00:00:03  9 of 9     -
IOS   "phone"  1970-01-01 00:00:02  7 of 9     %s
`, at.UTC().Format(time.DateTime))
	if out.String() != want {
		t.Errorf("printed\n%s, want\n%s", out.String(), want)
	}
}
