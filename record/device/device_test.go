package device

import (
	"context"
	"errors"
	"testing"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// newest is a Store whose users have one phone, or none.
type newest struct {
	Store
	phones map[id.UID]Device
}

func (n newest) NewestMobile(_ context.Context, u id.UID) (Device, bool, error) {
	d, ok := n.phones[u]
	return d, ok, nil
}

// broken is a Store whose database is down.
type broken struct{ Store }

var errDown = errors.New("the database is down")

func (broken) NewestMobile(context.Context, id.UID) (Device, bool, error) {
	return Device{}, false, errDown
}

func TestOnlyAPhoneThatComesBackAfterAnotherIsRefused(t *testing.T) {
	t.Parallel()
	phones := newest{phones: map[id.UID]Device{"alice": {User: "alice", Type: wirev1.Device_DEVICE_IOS, UUID: "new", Name: `the "new" one`, At: 1_700_000_000_000}}}
	const refusal = `{"code":-1016,"service":"","message":{"uuid":"new","device":1,"deviceName":"the \"new\" one","datetime":1700000000000}}`
	for _, c := range []struct {
		name  string
		login Login
		want  string // the data of the refusal
	}{
		{"another Android comes back", Login{"alice", "Android", "old", true}, refusal},
		{"another iPhone comes back", Login{"alice", "IOS", "old", true}, refusal},
		{"the same phone comes back", Login{"alice", "IOS", "new", true}, ""},
		{"the same phone, which called itself something else", Login{"alice", "Android", "new", true}, ""},
		{"another phone comes anew", Login{"alice", "Android", "old", false}, ""},
		{"somebody without a phone comes back", Login{"bob", "Android", "old", true}, ""},
		{"a phone without a name comes back", Login{"alice", "Android", "", true}, ""},
		{"a desktop comes back", Login{"alice", "Windows", "old", true}, ""},
		{"a Mac comes back", Login{"alice", "MacOS", "old", true}, ""},
		{"a Linux comes back", Login{"alice", "Linux", "old", true}, ""},
		{"a browser comes back", Login{"alice", "Web", "old", true}, ""},
		{"something unknown comes back", Login{"alice", "android", "old", true}, ""},
		{"nothing in particular comes back", Login{"alice", "", "old", true}, ""},
	} {
		err := New(nil, phones, Config{}).CheckLogin(context.Background(), c.login)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if e := fault.Of(err); e == nil || e.Code != fault.ReconnectRefused || string(e.Data) != c.want {
			t.Errorf("%s: got %+v, want %s", c.name, e, c.want)
		}
	}
}

func TestALoginThatCannotBeCheckedFails(t *testing.T) {
	t.Parallel()
	service := New(nil, broken{}, Config{})
	if err := service.CheckLogin(context.Background(), Login{"alice", "Android", "old", true}); !errors.Is(err, errDown) {
		t.Errorf("got %v, want %v", err, errDown)
	}
	if err := service.CheckLogin(context.Background(), Login{"alice", "Android", "old", false}); err != nil {
		t.Errorf("a login that needs no check: %v", err)
	}
}

func TestTheNamesOfDevices(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		kind   wirev1.Device
		mobile bool
	}{
		"Android": {0, true}, "IOS": {1, true}, "Windows": {2, false}, "Linux": {3, false}, "MacOS": {4, false}, "Web": {5, false},
	} {
		if kind, ok := TypeOf(name); !ok || kind != want.kind || Mobile(kind) != want.mobile {
			t.Errorf("%s is %d (%v), mobile %v", name, kind, ok, Mobile(kind))
		}
	}
	if kind, ok := TypeOf("iOS"); ok {
		t.Errorf("iOS, which no client sends, is %d", kind)
	}
}
