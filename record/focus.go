package record

import (
	"context"
	"fmt"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/wire"
)

// mayFocus decides whether u may focus a message. Of a private one a stranger
// learns nothing, not even that it was revoked.
func mayFocus(u id.UID, s *subject) error {
	if err := s.exists(); err != nil {
		return err
	}
	revoked := s.event.Kind == eventlog.Tombstone
	if s.event.Group == 0 {
		switch {
		case u != s.event.A:
			return fault.Forbidden
		case revoked:
			return fault.NotFound
		}
		return nil
	}
	if revoked {
		return fault.NotFound
	}
	if err := s.inGroup(); err != nil {
		return err
	}
	if u == s.event.Author {
		return fault.Forbidden
	}
	return nil
}

// Focus counts u among those to whom the message at p matters and tells whom it
// concerns, once for each person.
func (s *Service) Focus(ctx context.Context, u id.UID, p eventlog.Position) error {
	before, err := s.subject(ctx, u, p)
	if err != nil {
		return err
	}
	if err := mayFocus(u, before); err != nil {
		return err
	}
	err = s.log.Change(ctx, func(tx *eventlog.Tx) error {
		added, err := s.store.AddFocus(tx, p, u, s.clock().UnixMilli())
		if err != nil {
			return err
		}
		if !added {
			return errAlready
		}
		return tx.Append(1, func(_ eventlog.Position, at int64) ([]eventlog.Event, error) {
			// Under the position lock a revoke has either happened, and is
			// seen here, or it comes after this event. The count is exact
			// for the same reason.
			message, err := tx.Find(p)
			if err != nil {
				return nil, err
			}
			now, err := readSubject(message, u, tx.Seat)
			if err != nil {
				return nil, err
			}
			if err := mayFocus(u, now); err != nil {
				return nil, err
			}
			count, err := s.store.CountFocus(tx, p)
			if err != nil {
				return nil, err
			}
			return focusEvents(&message, u, count, at)
		})
	})
	return unlessAlready(err)
}

func focusEvents(message *eventlog.Event, u id.UID, count int32, at int64) ([]eventlog.Event, error) {
	body, err := wire.Signal(wirev1.SignalType_SIGNAL_TYPE_FOCUS_MESSAGE, &wirev1.SignalFocusMessage{
		LogId: int64(message.Pos), Uid: string(u), CurrentNum: count, Time: uint64(at),
	})
	return []eventlog.Event{{
		ID:       fmt.Sprintf("focus:%d:%s", message.Pos, u),
		Author:   u,
		Audience: message.Audience,
		Kind:     eventlog.Signal,
		Body:     body,
	}}, err
}
