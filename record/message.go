package record

import (
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/wire"
)

const (
	// maxMsgID is the longest msgId in bytes.
	maxMsgID = 64
	// maxAround is how much a message may hold beside its body, in bytes:
	// ids, source, reference, and fields of newer clients.
	maxAround = 4 << 10
)

// sendable are the types that a client may send. The others are written by the
// server or no longer in use.
var sendable = map[wirev1.MsgType]bool{
	wirev1.MsgType_MSG_TYPE_TEXT:         true,
	wirev1.MsgType_MSG_TYPE_AUDIO:        true,
	wirev1.MsgType_MSG_TYPE_IMAGE:        true,
	wirev1.MsgType_MSG_TYPE_VIDEO:        true,
	wirev1.MsgType_MSG_TYPE_FILE:         true,
	wirev1.MsgType_MSG_TYPE_CARD:         true,
	wirev1.MsgType_MSG_TYPE_FORWARD:      true,
	wirev1.MsgType_MSG_TYPE_TRANSFER:     true,
	wirev1.MsgType_MSG_TYPE_RED_PACKET:   true,
	wirev1.MsgType_MSG_TYPE_CONTACT_CARD: true,
}

// Parse makes an event of a Proto that sender sent. Its errors are coded:
// fault.Failed for nothing at all, fault.BadRequest with the field at fault.
func Parse(sender id.UID, encoded []byte, cfg Config) (eventlog.Event, error) {
	if len(encoded) == 0 {
		return eventlog.Event{}, fault.Failed
	}
	var envelope wirev1.Proto
	if err := proto.Unmarshal(encoded, &envelope); err != nil {
		return eventlog.Event{}, fault.Invalid("message", "is not a Proto")
	}
	if envelope.EventType != wirev1.EventType_EVENT_TYPE_COMMON {
		return eventlog.Event{}, fault.Invalid("eventType", "must be 0")
	}
	// Everything that is relayed must parse, down to the last string: a
	// message that a receiver's library refuses would stop his sync for ever.
	var m wirev1.Common
	if err := proto.Unmarshal(envelope.Body, &m); err != nil {
		return eventlog.Event{}, fault.Invalid("body", "is not a Common")
	}
	if err := check(&m, len(envelope.Body), cfg); err != nil {
		return eventlog.Event{}, err
	}
	audience, err := audienceOf(sender, &m)
	if err != nil {
		return eventlog.Event{}, err
	}
	body, err := wire.StripCommon(envelope.Body)
	if err != nil {
		return eventlog.Event{}, fault.Invalid("body", "is not a Common")
	}
	return eventlog.Event{
		Scope:    string(sender),
		ID:       m.MsgId,
		Author:   sender,
		Audience: audience,
		Kind:     eventlog.Message,
		Body:     body,
	}, nil
}

// check decides about everything but the target.
func check(m *wirev1.Common, size int, cfg Config) error {
	switch {
	case m.MsgId == "" || len(m.MsgId) > maxMsgID:
		return fault.Invalid("msgId", "must have 1 to %d bytes", maxMsgID)
	case !sendable[m.MsgType]:
		return fault.Invalid("msgType", "%d cannot be sent by a client", m.MsgType)
	case len(m.Msg) > cfg.MaxBody:
		return fault.Invalid("msg", "is longer than %d bytes", cfg.MaxBody)
	case size-len(m.Msg) > maxAround:
		return fault.Invalid("body", "has more than %d bytes beside msg", maxAround)
	}
	return nil
}

func audienceOf(sender id.UID, m *wirev1.Common) (eventlog.Audience, error) {
	switch m.ChannelType {
	case wirev1.ChannelType_CHANNEL_TYPE_USER:
		target := id.UID(m.Target)
		if !target.Valid() {
			return eventlog.Audience{}, fault.Invalid("target", "must be a uid")
		}
		return eventlog.ToPair(target, sender), nil
	case wirev1.ChannelType_CHANNEL_TYPE_GROUP:
		g, err := id.ParseGID(m.Target)
		if err != nil {
			return eventlog.Audience{}, fault.Invalid("target", "must be a group id")
		}
		return eventlog.ToGroup(g), nil
	}
	return eventlog.Audience{}, fault.Invalid("channelType", "must be 0 or 1")
}

// Outgoing is a message on its way in. Done is called once with the receipt or
// a coded error; it must not block.
type Outgoing struct {
	Sender id.UID
	// Proto is a wire.v1.Proto as the client sent it.
	Proto []byte
	Trace trace.SpanContext // of the request, or nothing
	Chain *eventlog.Chain   // in which it came, or nil
	Done  func(eventlog.Receipt, error)
}

// Send takes messages in their order. Each is answered when it is durable or
// refused. A message whose sender and msgId are known gets the first answer
// again.
func (s *Service) Send(messages []Outgoing) {
	drafts := make([]eventlog.Draft, 0, len(messages))
	for _, m := range messages {
		event, err := Parse(m.Sender, m.Proto, s.cfg)
		if err != nil {
			m.Done(eventlog.Receipt{}, err)
			continue
		}
		drafts = append(drafts, eventlog.Draft{Event: event, Trace: m.Trace, Chain: m.Chain, Done: m.Done})
	}
	s.log.AppendAll(drafts)
}
