package chat

import (
	"encoding/json"
	"fmt"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/client"
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

// eventOf reads the body of an event.
func eventOf(e client.Event) event {
	m := e.Message
	if m == nil {
		return event{pos: e.Pos, signal: e.Signal}
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
	return event{pos: e.Pos, said: s}
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
