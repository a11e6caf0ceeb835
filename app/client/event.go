package client

import (
	"errors"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
)

// Event is what a client is told: a message or a notice, or a signal.
type Event struct {
	Pos     int64 // 0 for what is not stored
	Message *wirev1.Common
	Signal  *wirev1.Signal
}

var errEvent = errors.New("the event is malformed")

// decodeEvent reads a Proto.
func decodeEvent(raw []byte) (Event, error) {
	var envelope wirev1.Proto
	if err := proto.Unmarshal(raw, &envelope); err != nil {
		return Event{}, errEvent
	}
	switch envelope.EventType {
	case wirev1.EventType_EVENT_TYPE_COMMON:
		m := new(wirev1.Common)
		if err := proto.Unmarshal(envelope.Body, m); err != nil {
			return Event{}, errEvent
		}
		return Event{Pos: m.LogId, Message: m}, nil
	case wirev1.EventType_EVENT_TYPE_SIGNAL:
		s := new(wirev1.Signal)
		if err := proto.Unmarshal(envelope.Body, s); err != nil {
			return Event{}, errEvent
		}
		return Event{Pos: s.Sid, Signal: s}, nil
	}
	return Event{}, errEvent
}

// Encode encodes a message whose texts are valid UTF-8, which always works.
func Encode(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}
