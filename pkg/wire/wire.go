// Package wire translates between what clients send and read (wire.v1) and
// what the event log keeps.
//
// Of a message the log keeps the bytes that came, less the three fields that
// the server sets; of a signal everything but its sid. Those are columns of the
// log, so that a stored body never says something else than its row. Fields
// that this version does not know are kept and relayed.
package wire

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// The fields of Common that the server sets, and the sid of a Signal.
const (
	fieldLogID    protowire.Number = 2
	fieldFrom     protowire.Number = 4
	fieldDatetime protowire.Number = 8
	fieldSid      protowire.Number = 3
)

var errTruncated = errors.New("the protobuf message is malformed")

// StripCommon returns the fields of an encoded Common that the server does not
// set, each byte for byte as it came and in the order in which it came.
func StripCommon(common []byte) ([]byte, error) {
	out := make([]byte, 0, len(common))
	err := eachField(common, func(n protowire.Number, raw []byte) {
		if n != fieldLogID && n != fieldFrom && n != fieldDatetime {
			out = append(out, raw...)
		}
	})
	return out, err
}

// eachField calls f with every field of a message, tag and value together.
func eachField(message []byte, f func(protowire.Number, []byte)) error {
	for len(message) > 0 {
		number, _, n := protowire.ConsumeField(message)
		if n < 0 {
			return errTruncated
		}
		f(number, message[:n])
		message = message[n:]
	}
	return nil
}

// Render returns the Proto that clients read for an event.
func Render(e *eventlog.Event) ([]byte, error) {
	// Room for the fields of the server and the wrapping, so that one
	// allocation is enough.
	inner := make([]byte, 0, len(e.Body)+len(e.Author)+40)
	var err error
	eventType := wirev1.EventType_EVENT_TYPE_COMMON
	if e.Kind == eventlog.Signal {
		eventType = wirev1.EventType_EVENT_TYPE_SIGNAL
		inner, err = insert(inner, e.Body, []extra{{fieldSid, func(b []byte) []byte {
			return protowire.AppendVarint(protowire.AppendTag(b, fieldSid, protowire.VarintType), uint64(e.Pos))
		}}})
	} else {
		inner, err = insert(inner, e.Body, []extra{
			{fieldLogID, func(b []byte) []byte {
				return protowire.AppendVarint(protowire.AppendTag(b, fieldLogID, protowire.VarintType), uint64(e.Pos))
			}},
			{fieldFrom, func(b []byte) []byte {
				return protowire.AppendString(protowire.AppendTag(b, fieldFrom, protowire.BytesType), string(e.Author))
			}},
			{fieldDatetime, func(b []byte) []byte {
				return protowire.AppendVarint(protowire.AppendTag(b, fieldDatetime, protowire.VarintType), uint64(e.At))
			}},
		})
	}
	if err != nil {
		return nil, fmt.Errorf("render event %d: %w", e.Pos, err)
	}
	out := make([]byte, 0, len(inner)+12)
	if eventType != 0 {
		out = protowire.AppendVarint(protowire.AppendTag(out, 1, protowire.VarintType), uint64(eventType))
	}
	return protowire.AppendBytes(protowire.AppendTag(out, 2, protowire.BytesType), inner), nil
}

// extra is a field that the server adds.
type extra struct {
	number protowire.Number
	append func([]byte) []byte
}

// insert appends body to out and puts each extra field before the first field
// with a higher number: a body in canonical order stays so.
func insert(out, body []byte, extras []extra) ([]byte, error) {
	err := eachField(body, func(n protowire.Number, raw []byte) {
		for len(extras) > 0 && extras[0].number < n {
			out = extras[0].append(out)
			extras = extras[1:]
		}
		out = append(out, raw...)
	})
	for _, x := range extras {
		out = x.append(out)
	}
	return out, err
}

// Signal returns what the log keeps of a reliable signal.
func Signal(t wirev1.SignalType, body proto.Message) ([]byte, error) {
	b, err := proto.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode signal %s: %w", t, err)
	}
	return proto.Marshal(&wirev1.Signal{Type: t, Body: b, Reliable: true})
}

// Notice returns what the log keeps of a notice to a group: a message of type 7
// that the server writes, with msgID as its msgId.
func Notice(t wirev1.NoticeType, g id.GID, msgID string, body proto.Message) ([]byte, error) {
	b, err := proto.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode notice %s: %w", t, err)
	}
	msg, err := proto.Marshal(&wirev1.Notice{Type: t, Body: b})
	if err != nil {
		return nil, fmt.Errorf("encode notice %s: %w", t, err)
	}
	return proto.Marshal(&wirev1.Common{
		ChannelType: wirev1.ChannelType_CHANNEL_TYPE_GROUP,
		MsgId:       msgID,
		Target:      g.String(),
		MsgType:     wirev1.MsgType_MSG_TYPE_NOTICE,
		Msg:         msg,
	})
}
