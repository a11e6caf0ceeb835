// Package device knows the devices of a user and which of them may come back.
// A user has one phone at a time: a new one replaces the last.
package device

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// Device is something that a user's app runs on.
type Device struct {
	User id.UID
	Type wirev1.Device
	UUID string
	Name string
	// PushToken is what a push service knows the device by.
	PushToken string
	// At is when it came in last, in Unix milliseconds.
	At int64
	// Cursor is the position up to which it confirmed everything.
	Cursor eventlog.Position
}

// Mobile reports whether d is a phone.
func (d *Device) Mobile() bool { return Mobile(d.Type) }

// before reports whether a phone came in before another one.
func (d *Device) before(other *Device) bool { return d.At < other.At }

// Mobile reports whether a type is a phone.
func Mobile(t wirev1.Device) bool {
	return t == wirev1.Device_DEVICE_ANDROID || t == wirev1.Device_DEVICE_IOS
}

// typeNames are the names of devices in the header FZM-DEVICE.
var typeNames = map[string]wirev1.Device{
	"Android": wirev1.Device_DEVICE_ANDROID,
	"IOS":     wirev1.Device_DEVICE_IOS,
	"Windows": wirev1.Device_DEVICE_WINDOWS,
	"Linux":   wirev1.Device_DEVICE_LINUX,
	"MacOS":   wirev1.Device_DEVICE_MAC_OS,
	"Web":     wirev1.Device_DEVICE_WEB,
}

// TypeOf returns the type with that name. Another text is no known device.
func TypeOf(name string) (wirev1.Device, bool) {
	t, ok := typeNames[name]
	return t, ok
}

// TypeName returns the name of a type, or its number where it has none.
func TypeName(t wirev1.Device) string {
	for name, known := range typeNames {
		if known == t {
			return name
		}
	}
	return strconv.Itoa(int(t))
}

// Store keeps devices.
type Store interface {
	// NewestMobile returns the phone that came in last, or false.
	NewestMobile(ctx context.Context, u id.UID) (Device, bool, error)
	// Enter calls decide with the devices of u, which nobody else changes until
	// the end of tx, and stores the device that it returns in place of others.
	Enter(tx *eventlog.Tx, u id.UID, decide func(known []Device) (put *Device, replaced []Device, err error)) error
	// Move moves the cursors of different devices forward, never back, and
	// returns where each was, Gone for a device that is not there.
	Move(tx *eventlog.Tx, cursors []Cursor) (before []eventlog.Position, err error)
}

// Gone is where the cursor is of a device that is not there.
const Gone eventlog.Position = -1

// Config is what operators decide about devices.
type Config struct {
	// Backlog is the age up to which a desktop or web device that is new is
	// brought events; 0 is all of them.
	Backlog time.Duration
}

// Service decides about devices.
type Service struct {
	log    *eventlog.Log
	store  Store
	config Config
	clock  func() time.Time
}

// New returns the service on a log and a store.
func New(log *eventlog.Log, store Store, config Config) *Service {
	return &Service{log: log, store: store, config: config, clock: time.Now}
}

// Holder returns the phone of a user that came in last, or nil.
func (s *Service) Holder(ctx context.Context, u id.UID) (*Device, error) {
	newest, found, err := s.store.NewestMobile(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("find the phone of %s: %w", u, err)
	}
	if !found {
		return nil, nil
	}
	return &newest, nil
}

// Login is a device that wants to come in.
type Login struct {
	User id.UID
	// Device is the name of its type, such as "Android".
	Device    string
	UUID      string
	Reconnect bool
}

// CheckLogin refuses a phone that comes back although another one took its
// place meanwhile. Everything else is accepted, and nothing is recorded.
func (s *Service) CheckLogin(ctx context.Context, l Login) error {
	t, known := TypeOf(l.Device)
	if !l.Reconnect || !known || !Mobile(t) || l.UUID == "" {
		return nil
	}
	newest, found, err := s.store.NewestMobile(ctx, l.User)
	if err != nil {
		return fmt.Errorf("look up the newest phone: %w", err)
	}
	if !found || newest.UUID == l.UUID {
		return nil
	}
	return refuse(newest)
}

// refuse tells which phone holds the account, in the form that clients read.
func refuse(holder Device) error {
	type message struct {
		UUID       string        `json:"uuid"`
		Device     wirev1.Device `json:"device"`
		DeviceName string        `json:"deviceName"`
		Datetime   int64         `json:"datetime"`
	}
	data, err := json.Marshal(struct {
		Code    fault.Code `json:"code"`
		Service string     `json:"service"`
		Message message    `json:"message"`
	}{Code: fault.ReconnectRefused, Message: message{holder.UUID, holder.Type, holder.Name, holder.At}})
	if err != nil {
		return err
	}
	return &fault.Error{Code: fault.ReconnectRefused, Data: data}
}
