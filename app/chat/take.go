package chat

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/client"
)

// showHistory shows the end of what was said before. Whatever comes later and
// lies before the end of that was said before too.
func (c *chat) showHistory(ctx context.Context) error {
	var events []event
	var err error
	if c.other != "" {
		events, err = history(ctx, c.link.REST, c.other, historyCount)
	} else {
		var newest []client.Event
		newest, c.link.Seen, err = c.link.REST.Newest(ctx, historyCount, func(e client.Event) bool { return e.Message != nil && c.has(eventOf(e).said) })
		for _, e := range newest {
			events = append(events, eventOf(e))
		}
	}
	if err != nil {
		return err
	}
	for _, e := range events {
		c.link.New(e.pos)
		c.show(e)
	}
	return nil
}

// take takes an event, once.
func (c *chat) take(e event) {
	if !c.link.New(e.pos) {
		return
	}
	switch {
	case e.signal != nil:
		c.heed(e.signal)
	case !c.has(e.said):
		c.hint(e.said)
	case c.shown[e.pos] != nil:
		// Its receipt was quicker.
	default:
		if m := c.out.byMsgID(e.said.msgID); m != nil && e.said.from == string(c.me) {
			c.stored(m, e.pos)
			return
		}
		c.show(e)
	}
}

// show shows a message or a notice.
func (c *chat) show(e event) {
	own := e.said.from == string(c.me) && e.said.kind != wirev1.MsgType_MSG_TYPE_NOTICE
	line := c.clock(e.said.at) + " " + c.words(e.said)
	s := &shown{at: e.said.at, own: own}
	if own {
		s.mark = c.screen.own("✓", line)
	} else {
		c.screen.say(line)
	}
	c.shown[e.pos] = s
}

// clock is the time of an event, with the day where it is not today's.
func (c *chat) clock(at time.Time) string {
	if at.Format(time.DateOnly) == time.Now().Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateTime)
}

// heed takes a signal. Most of them tell of messages by their logId and name no
// conversation: those of messages that were not shown are of no interest.
func (c *chat) heed(s *wirev1.Signal) {
	switch s.Type {
	case wirev1.SignalType_SIGNAL_TYPE_RECEIVED:
		var m wirev1.SignalReceived
		if proto.Unmarshal(s.Body, &m) != nil {
			return
		}
		for _, logID := range m.Logs {
			if s := c.shown[logID]; s != nil && s.own && !s.received {
				s.received = true
				c.screen.mark(s.mark, "✓✓", logID)
			}
		}
	case wirev1.SignalType_SIGNAL_TYPE_REVOKE:
		var m wirev1.SignalRevoke
		if proto.Unmarshal(s.Body, &m) == nil {
			c.tell(m.LogId, "was taken back by", m.Operator)
		}
	case wirev1.SignalType_SIGNAL_TYPE_FOCUS_MESSAGE:
		var m wirev1.SignalFocusMessage
		if proto.Unmarshal(s.Body, &m) == nil {
			c.tell(m.LogId, "was marked as important by", m.Uid)
		}
	default:
		if words := c.change(s); words != "" {
			c.screen.say(words)
		}
	}
}

// tell says what became of a message that was shown.
func (c *chat) tell(logID int64, what, uid string) {
	if s := c.shown[logID]; s != nil {
		c.screen.say(fmt.Sprintf("message %d of %s %s %s", logID, c.clock(s.at), what, c.name(uid)))
	}
}

// hint says, once for each, that something is said in another conversation.
func (c *chat) hint(s *said) {
	if s.from == string(c.me) || s.at.Before(c.began) {
		return
	}
	where := "from " + c.name(s.from)
	if s.toGroup {
		where = "in group " + s.target
	}
	if !c.elsewhere[where] {
		c.elsewhere[where] = true
		c.screen.say("elsewhere: a message " + where)
	}
}
