package chat

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/client"
	"parley/pkg/packet"
)

// maxText is the longest text in bytes: a message of more than 60 KiB is refused
// by every gateway, and a longer packet ends the connection.
const maxText = 60<<10 - 64

// message is a line on its way. Its msgId stays the same however often it is
// sent, so it is stored once.
type message struct {
	typed
	msgID string
	proto []byte
	at    time.Time
	// seq is that of the packet that sent it over this connection, or 0.
	seq uint32
	// asking is set while the REST API is asked about it.
	asking bool
}

var errLong = fmt.Errorf("it is longer than %d bytes", maxText)

// compose makes a message of a line.
func (c *conversation) compose(line typed) (*message, error) {
	if len(line.text) > maxText {
		return nil, errLong
	}
	m := &wirev1.Common{
		Target: string(c.other), MsgId: rand.Text(), MsgType: wirev1.MsgType_MSG_TYPE_TEXT,
		Msg: client.Encode(&wirev1.Text{Content: line.text}),
	}
	if c.other == "" {
		m.ChannelType, m.Target = wirev1.ChannelType_CHANNEL_TYPE_GROUP, c.group.String()
	}
	return &message{typed: line, msgID: m.MsgId, proto: client.Encode(&wirev1.Proto{Body: client.Encode(m)}), at: time.Now()}, nil
}

// outgoing are the messages without a receipt, in the order in which they were
// typed.
type outgoing struct{ messages []*message }

func (o *outgoing) empty() bool { return len(o.messages) == 0 }

func (o *outgoing) has(m *message) bool { return slices.Contains(o.messages, m) }

func (o *outgoing) bySeq(seq uint32) *message {
	return o.find(func(m *message) bool { return m.seq == seq && seq != 0 })
}

func (o *outgoing) byMsgID(msgID string) *message {
	return o.find(func(m *message) bool { return m.msgID == msgID })
}

func (o *outgoing) find(is func(*message) bool) *message {
	if i := slices.IndexFunc(o.messages, is); i >= 0 {
		return o.messages[i]
	}
	return nil
}

func (o *outgoing) remove(m *message) {
	o.messages = slices.DeleteFunc(o.messages, func(other *message) bool { return other == m })
}

// disconnected forgets what was sent over a connection that ended.
func (o *outgoing) disconnected() {
	for _, m := range o.messages {
		m.seq = 0
	}
}

// writer is a connection.
type writer interface {
	Write(packet.Packet) (seq uint32)
}

// flush sends what was not sent over this connection.
func (o *outgoing) flush(to writer) {
	for _, m := range o.messages {
		if m.seq == 0 && !m.asking {
			m.seq = to.Write(packet.Packet{Op: packet.SendMsg, Body: m.proto})
		}
	}
}

// excerpt is the beginning of a text.
func excerpt(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
