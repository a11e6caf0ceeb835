package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/wire"
)

// subject is what revoke and focus must know about a message and its group.
type subject struct {
	event  eventlog.Event
	group  eventlog.GroupState
	caller eventlog.Membership
	author eventlog.Membership
}

// exists decides whether the event is a message at all. A tombstone was one.
func (s *subject) exists() error {
	switch s.event.Kind {
	case eventlog.Message, eventlog.Tombstone:
		return nil
	case eventlog.Notice:
		return fault.Forbidden
	}
	return fault.NotFound
}

// inGroup decides whether the caller can do anything to a message of a group.
// To somebody who is not in it the message is none of his business.
func (s *subject) inGroup() error {
	err := eventlog.MayAct(s.group, s.caller)
	if err == fault.NotMember {
		return fault.Forbidden
	}
	return err
}

// mayRevoke decides whether u may revoke a message. Repeating is allowed to
// whoever could do it the first time.
func mayRevoke(u id.UID, s *subject, now time.Time, expire time.Duration) error {
	if err := s.exists(); err != nil {
		return err
	}
	author := u == s.event.Author
	if s.event.Group != 0 {
		if err := s.inGroup(); err != nil {
			return err
		}
		// Somebody who left counts as a plain member, the zero role.
		if !author && s.caller.Role <= s.author.Role {
			return fault.Forbidden
		}
	} else if !author {
		return fault.Forbidden
	}
	if author && now.UnixMilli()-s.event.At > expire.Milliseconds() {
		return fault.Forbidden
	}
	return nil
}

// Revoke erases the message at p for good and tells those whom it concerned,
// once, however often and by however many it is asked.
func (s *Service) Revoke(ctx context.Context, u id.UID, p eventlog.Position) error {
	// What can be refused is refused without a lock.
	before, err := s.subject(ctx, u, p)
	if err != nil {
		return err
	}
	if err := mayRevoke(u, before, s.clock(), s.cfg.RevokeExpire); err != nil {
		return err
	}
	if before.event.Kind == eventlog.Tombstone {
		return nil
	}
	err = s.log.Change(ctx, func(tx *eventlog.Tx) error {
		// Two who revoke at once meet at the row; the winner is who finds
		// a message there.
		won, err := tx.Erase(p)
		if err != nil {
			return err
		}
		if !won {
			return errAlready
		}
		return tx.Append(1, func(eventlog.Position, int64) ([]eventlog.Event, error) {
			// Roles may have changed since; here nothing can any more.
			now, err := readSubject(before.event, u, tx.Seat)
			if err != nil {
				return nil, err
			}
			if err := mayRevoke(u, now, s.clock(), s.cfg.RevokeExpire); err != nil {
				return nil, err
			}
			return revokeEvents(&before.event, u)
		})
	})
	return unlessAlready(err)
}

// errAlready ends a transaction that found its work done by somebody else.
var errAlready = errors.New("somebody else was first")

// unlessAlready makes a success of it: repeating does no harm.
func unlessAlready(err error) error {
	if errors.Is(err, errAlready) {
		return nil
	}
	return err
}

func revokeEvents(message *eventlog.Event, operator id.UID) ([]eventlog.Event, error) {
	body, err := wire.Signal(wirev1.SignalType_SIGNAL_TYPE_REVOKE, &wirev1.SignalRevoke{
		LogId: int64(message.Pos), Operator: string(operator), Self: operator == message.Author,
	})
	return []eventlog.Event{{
		ID:       fmt.Sprintf("revoke:%d", message.Pos),
		Author:   operator,
		Audience: message.Audience,
		Kind:     eventlog.Signal,
		Body:     body,
	}}, err
}

// subject reads what there is to know for a decision about u and the message
// at p, without a lock.
func (s *Service) subject(ctx context.Context, u id.UID, p eventlog.Position) (*subject, error) {
	event, err := s.log.Find(ctx, p)
	if err != nil {
		return nil, err
	}
	return readSubject(event, u, func(g id.GID, u id.UID) (eventlog.GroupState, eventlog.Membership, error) {
		return s.log.Seat(ctx, g, u)
	})
}

// readSubject is subject for an event that was read.
func readSubject(e eventlog.Event, u id.UID, seat func(id.GID, id.UID) (eventlog.GroupState, eventlog.Membership, error)) (*subject, error) {
	s := &subject{event: e}
	if e.Group == 0 {
		return s, nil
	}
	var err error
	if s.group, s.caller, err = seat(e.Group, u); err != nil {
		return nil, err
	}
	if s.author = s.caller; u != e.Author {
		_, s.author, err = seat(e.Group, e.Author)
	}
	return s, err
}
