package call

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/wire"
)

// pay appends what a call owes to the log and then notes that. Whoever does so
// does it in the same order under the same names, so it does not matter how many
// do, or how often.
//
// It is done although the request may be over: the transition has happened.
func (s *Service) pay(ctx context.Context, c *Session) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), payWithin)
	defer cancel()
	return s.payUpTo(ctx, c, c.Count)
}

// payUpTo pays up to a number, and before each signal what other calls have to pay
// first. That came up earlier, so this ends.
func (s *Service) payUpTo(ctx context.Context, c *Session, most int) error {
	paid := 0
	for _, owed := range c.Owed {
		if owed.Number > most {
			break
		}
		for _, debt := range owed.After {
			if err := s.payFirst(ctx, debt); err != nil {
				return err
			}
		}
		paid = owed.Number
		e, err := c.event(owed)
		if err != nil {
			return err
		}
		_, err = s.log.Append(ctx, e)
		if e := fault.Of(err); owed.What == Record && e != nil && e.Code != fault.Busy {
			continue // the caller may not speak in the group any more
		}
		if err != nil {
			return fmt.Errorf("tell of call %s: %w", c.ID, err)
		}
	}
	if paid == 0 {
		return nil
	}
	return s.store.Update(ctx, s.clock(), func(tx Tx) error {
		c, err := tx.Session(c.ID)
		if err != nil || c == nil {
			return err
		}
		for len(c.Owed) > 0 && c.Owed[0].Number <= paid {
			if c.Owed[0].What == Accept {
				tx.Note(c.name(c.Owed[0]), time.UnixMilli(c.Accepted).Add(s.config.TicketExpire))
			}
			c.Owed = c.Owed[1:]
		}
		tx.Put(c)
		return nil
	})
}

// payFirst pays what another call owes, if it still does.
func (s *Service) payFirst(ctx context.Context, debt Debt) error {
	var c *Session
	err := s.store.Update(ctx, s.clock(), func(tx Tx) error {
		var err error
		c, err = tx.Session(debt.Call)
		return err
	})
	if err != nil || c == nil {
		return err
	}
	return s.payUpTo(ctx, c, debt.Number)
}

// payWithin bounds how long a call may take to pay.
const payWithin = 10 * time.Second

// name is the id of a signal in the log.
func (c *Session) name(owed Owed) string { return fmt.Sprintf("call:%s:%d", c.ID, owed.Number) }

// event makes what is owed.
func (c *Session) event(owed Owed) (eventlog.Event, error) {
	if owed.What == Record {
		return c.record()
	}
	e := eventlog.Event{
		ID: c.name(owed), Author: c.Caller(), Audience: eventlog.ToUser(owed.To), Kind: eventlog.Signal,
	}
	var err error
	switch owed.What {
	case Start:
		e.Body, err = wire.Signal(wirev1.SignalType_SIGNAL_TYPE_START_CALL, &wirev1.SignalStartCall{TraceId: int64(c.ID)})
	case Accept:
		t := c.party(owed.To).Ticket
		e.Body, err = wire.Signal(wirev1.SignalType_SIGNAL_TYPE_ACCEPT_CALL, &wirev1.SignalAcceptCall{
			TraceId: int64(c.ID), RoomId: t.Room, Uid: string(owed.To), UserSig: t.UserSig, PrivateMapKey: t.PrivateMapKey, SdkAppId: t.AppID,
		})
	case Stop:
		e.Body, err = wire.Signal(wirev1.SignalType_SIGNAL_TYPE_STOP_CALL, &wirev1.SignalStopCall{
			TraceId: int64(c.ID), Reason: wirev1.StopReason(owed.Reason),
		})
	}
	return e, err
}

// record is the message that says what became of the call: from the caller, as a
// client of his would send it.
func (c *Session) record() (eventlog.Event, error) {
	result := &wirev1.RTCCall{RtcType: int32(c.Kind), Outcome: int32(c.Outcome)}
	if c.Accepted != 0 {
		result.Duration = c.Ended - c.Accepted
	}
	body, err := proto.Marshal(result)
	if err != nil {
		return eventlog.Event{}, err
	}
	m := &wirev1.Common{MsgId: fmt.Sprintf("call-%s", c.ID), MsgType: wirev1.MsgType_MSG_TYPE_RTC_CALL, Msg: body}
	audience := eventlog.ToGroup(c.Group)
	if c.Group != 0 {
		m.ChannelType, m.Target = wirev1.ChannelType_CHANNEL_TYPE_GROUP, c.Group.String()
	} else {
		invitee := c.Parties[1].User
		m.ChannelType, m.Target = wirev1.ChannelType_CHANNEL_TYPE_USER, string(invitee)
		audience = eventlog.ToPair(invitee, c.Caller())
	}
	common, err := proto.Marshal(m)
	if err != nil {
		return eventlog.Event{}, err
	}
	return eventlog.Event{
		Scope: string(c.Caller()), ID: m.MsgId, Author: c.Caller(), Audience: audience, Kind: eventlog.Message, Body: common,
	}, nil
}
