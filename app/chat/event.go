package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/record"
)

// event is what a client is told: a message, a notice, or a signal.
type event struct {
	pos    int64 // 0 for what is not stored
	said   *said
	signal *wirev1.Signal
}

// said is a message or a notice.
type said struct {
	msgID, from, target string
	toGroup             bool
	at                  time.Time
	kind                wirev1.MsgType
	content             json.RawMessage // the body as the history has it
	notice              []byte          // of a notice, its body
}

var errEvent = errors.New("the event is malformed")

// decodeEvent reads a Proto.
func decodeEvent(raw []byte) (event, error) {
	var envelope wirev1.Proto
	if err := proto.Unmarshal(raw, &envelope); err != nil {
		return event{}, errEvent
	}
	switch envelope.EventType {
	case wirev1.EventType_EVENT_TYPE_COMMON:
		var m wirev1.Common
		if err := proto.Unmarshal(envelope.Body, &m); err != nil {
			return event{}, errEvent
		}
		s := &said{
			msgID: m.MsgId, from: m.From, target: m.Target, toGroup: m.ChannelType == wirev1.ChannelType_CHANNEL_TYPE_GROUP,
			at: time.UnixMilli(int64(m.Datetime)), kind: m.MsgType,
		}
		if m.MsgType == wirev1.MsgType_MSG_TYPE_NOTICE {
			s.notice = m.Msg
		} else {
			s.content = record.Content(m.MsgType, m.Msg)
		}
		return event{pos: m.LogId, said: s}, nil
	case wirev1.EventType_EVENT_TYPE_SIGNAL:
		s := new(wirev1.Signal)
		if err := proto.Unmarshal(envelope.Body, s); err != nil {
			return event{}, errEvent
		}
		return event{pos: s.Sid, signal: s}, nil
	}
	return event{}, errEvent
}

// kindNames say what a message is that is no text.
var kindNames = map[wirev1.MsgType]string{
	wirev1.MsgType_MSG_TYPE_SYSTEM:       "system message",
	wirev1.MsgType_MSG_TYPE_TEXT:         "text",
	wirev1.MsgType_MSG_TYPE_AUDIO:        "audio",
	wirev1.MsgType_MSG_TYPE_IMAGE:        "image",
	wirev1.MsgType_MSG_TYPE_VIDEO:        "video",
	wirev1.MsgType_MSG_TYPE_FILE:         "file",
	wirev1.MsgType_MSG_TYPE_CARD:         "bank card",
	wirev1.MsgType_MSG_TYPE_FORWARD:      "forwarded messages",
	wirev1.MsgType_MSG_TYPE_RTC_CALL:     "call",
	wirev1.MsgType_MSG_TYPE_TRANSFER:     "transfer",
	wirev1.MsgType_MSG_TYPE_COLLECT:      "request for a transfer",
	wirev1.MsgType_MSG_TYPE_RED_PACKET:   "red packet",
	wirev1.MsgType_MSG_TYPE_CONTACT_CARD: "contact card",
}

// describe returns a message as one line: its text, or in brackets what it is.
func describe(kind wirev1.MsgType, content json.RawMessage) string {
	name, ok := kindNames[kind]
	if !ok {
		name = fmt.Sprintf("message of type %d", kind)
	}
	var body struct {
		Content *string `json:"content"` // of a text
		Name    string  `json:"name"`    // of a file or a contact card
		Raw     *string `json:"raw"`
	}
	if json.Unmarshal(content, &body) != nil {
		return "[" + name + "]"
	}
	switch {
	case body.Raw != nil:
		return "[" + name + ", encrypted]"
	case kind == wirev1.MsgType_MSG_TYPE_TEXT && body.Content != nil:
		return *body.Content
	case body.Name != "" && kind != wirev1.MsgType_MSG_TYPE_CARD:
		return "[" + name + " " + body.Name + "]"
	}
	return "[" + name + "]"
}
