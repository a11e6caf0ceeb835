package device

import (
	"context"
	"fmt"
	"slices"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
)

// maxType leaves room for types that are not known yet.
const maxType = 127

// The longest texts of a device in bytes.
const (
	maxUUID      = 64
	maxName      = 255
	maxPushToken = 512
)

// Entry is a device whose socket was authenticated.
type Entry struct {
	Device
	// Reconnect says that the device was in before and comes back by itself.
	Reconnect bool
}

func (e *Entry) check() error {
	switch {
	case e.Type < 0 || e.Type > maxType:
		return fault.Invalid("device", "must be 0 to %d", maxType)
	case e.UUID == "" || len(e.UUID) > maxUUID:
		return fault.Invalid("uuid", "must have 1 to %d bytes", maxUUID)
	case len(e.Name) > maxName:
		return fault.Invalid("deviceName", "must have at most %d bytes", maxName)
	case len(e.PushToken) > maxPushToken:
		return fault.Invalid("deviceToken", "must have at most %d bytes", maxPushToken)
	}
	return nil
}

// Enter records a device and returns it with the cursor from which it reads on.
// A phone that comes back after another one took its place is not recorded;
// Enter returns that one as the holder.
func (s *Service) Enter(ctx context.Context, e Entry) (entered Device, holder *Device, err error) {
	if err := e.check(); err != nil {
		return Device{}, nil, err
	}
	err = s.log.Change(ctx, func(tx *eventlog.Tx) error {
		return s.store.Enter(tx, e.User, func(known []Device) (*Device, []Device, error) {
			// After the devices were locked: no cursor moves beyond this head
			// any more.
			head, err := s.log.Head(ctx)
			if err != nil {
				return nil, nil, err
			}
			start, err := s.start(ctx, known, &e, head)
			if err != nil {
				return nil, nil, err
			}
			var replaced []Device
			entered, replaced, holder = enter(known, e, s.clock().UnixMilli(), start, head)
			if holder != nil {
				return nil, nil, nil
			}
			return &entered, replaced, nil
		})
	})
	if err != nil {
		return Device{}, nil, fmt.Errorf("let a device in: %w", err)
	}
	return entered, holder, nil
}

// start is the position after which e reads when it is new: the start of the log,
// or for what is no phone where the backlog begins.
func (s *Service) start(ctx context.Context, known []Device, e *Entry, head eventlog.Position) (eventlog.Position, error) {
	if s.config.Backlog == 0 || e.Mobile() || slices.ContainsFunc(known, e.same) {
		return 0, nil
	}
	return s.log.Before(ctx, s.clock().Add(-s.config.Backlog), head)
}

// same reports whether other is the device that comes in.
func (e *Entry) same(other Device) bool { return other.Type == e.Type && other.UUID == e.UUID }

// enter decides about a device that wants to come in, among those that are known
// of its user. It returns it as it is to be stored and the phones that it
// replaces, or else the phone that holds the account.
//
// A new phone reads on where the phone was that it replaces, for a user has his
// messages on one phone; without one, and on any other new device, it reads after
// start. No cursor is above head: it would hide what comes after a database went
// back in time.
func enter(known []Device, e Entry, now int64, start, head eventlog.Position) (entered Device, replaced []Device, holder *Device) {
	entered = e.Device
	entered.At, entered.Cursor = now, start
	var newest *Device
	for i := range known {
		d := &known[i]
		switch {
		case e.same(*d):
			entered.Cursor = d.Cursor
		case d.Mobile() && e.Mobile():
			replaced = append(replaced, *d)
		}
		if d.Mobile() && (newest == nil || newest.before(d)) {
			newest = d
		}
	}
	if e.Mobile() && newest != nil {
		if e.Reconnect && newest.UUID != e.UUID {
			return Device{}, nil, newest
		}
		// Later than every phone before, so that all who compare two of them
		// find the same one to be the newest.
		entered.At = max(now, newest.At+1)
		entered.Cursor = newest.Cursor
	}
	entered.Cursor = min(entered.Cursor, head)
	return entered, replaced, nil
}
