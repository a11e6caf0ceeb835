package device

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/wire"
)

// Cursor is how far a device has confirmed everything.
type Cursor struct {
	User     id.UID
	Type     wirev1.Device
	UUID     string
	Position eventlog.Position
}

// maxReceived bounds the messages of one Received signal.
const maxReceived = 1000

// Advance moves cursors forward and returns the indexes of those whose devices
// are not there any more. Where a phone's cursor passes private messages, their
// senders are told in the same transaction: so each of them is told of once,
// however often the phone confirms.
func (s *Service) Advance(ctx context.Context, cursors []Cursor) (gone []int, err error) {
	devices, of := distinct(cursors)
	if len(devices) == 0 {
		return nil, nil
	}
	var before []eventlog.Position
	err = s.log.Change(ctx, func(tx *eventlog.Tx) error {
		if before, err = s.store.Move(tx, devices); err != nil {
			return fmt.Errorf("move cursors: %w", err)
		}
		var told []eventlog.Event
		for i, c := range devices {
			if !Mobile(c.Type) || before[i] == Gone || c.Position <= before[i] {
				continue
			}
			events, err := received(tx, c, before[i])
			if err != nil {
				return err
			}
			told = append(told, events...)
		}
		if len(told) == 0 {
			return nil
		}
		return tx.Append(len(told), func(eventlog.Position, int64) ([]eventlog.Event, error) { return told, nil })
	})
	if err != nil {
		return nil, err
	}
	for i := range cursors {
		if before[of[i]] == Gone {
			gone = append(gone, i)
		}
	}
	return gone, nil
}

// distinct returns one cursor for each device, the highest, in an order in which
// two gateways lock the same devices alike, and of which device each cursor is.
func distinct(cursors []Cursor) (devices []Cursor, of []int) {
	order := make([]int, len(cursors))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cursors[a].compare(&cursors[b]) })
	of = make([]int, len(cursors))
	for _, i := range order {
		c := cursors[i]
		if last := len(devices) - 1; last < 0 || devices[last].compare(&c) != 0 {
			devices = append(devices, c)
		} else {
			devices[last].Position = max(devices[last].Position, c.Position)
		}
		of[i] = len(devices) - 1
	}
	return devices, of
}

// compare orders cursors by their devices.
func (c *Cursor) compare(other *Cursor) int {
	return cmp.Or(cmp.Compare(c.User, other.User), cmp.Compare(c.Type, other.Type), cmp.Compare(c.UUID, other.UUID))
}

// received makes the signals for those whose private messages lie between where
// the cursor was and where it is: one for each sender.
func received(tx *eventlog.Tx, c Cursor, before eventlog.Position) ([]eventlog.Event, error) {
	letters, err := tx.Letters(c.User, before, c.Position)
	if err != nil {
		return nil, fmt.Errorf("find what a phone confirmed: %w", err)
	}
	logs := make(map[id.UID][]int64)
	var senders []id.UID
	for _, l := range letters {
		if logs[l.From] == nil {
			senders = append(senders, l.From)
		}
		logs[l.From] = append(logs[l.From], int64(l.Pos))
	}
	var events []eventlog.Event
	for _, sender := range senders {
		for part := range slices.Chunk(logs[sender], maxReceived) {
			body, err := wire.Signal(wirev1.SignalType_SIGNAL_TYPE_RECEIVED, &wirev1.SignalReceived{Logs: part})
			if err != nil {
				return nil, err
			}
			events = append(events, eventlog.Event{
				ID:       uuid.NewString(), // the cursor, not the id, keeps it from being told twice
				Author:   c.User,
				Audience: eventlog.ToUser(sender),
				Kind:     eventlog.Signal,
				Body:     body,
			})
		}
	}
	return events, nil
}
