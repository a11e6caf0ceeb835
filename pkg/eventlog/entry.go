package eventlog

import (
	"errors"

	"github.com/go-redis/redis/v8"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	logv1 "parley/api/proto/log/v1"
	"parley/pkg/id"
)

// errNoBatch says that an entry of the stream is not what this version writes.
var errNoBatch = errors.New("the entry holds no batch of events")

// told estimates what an event takes in an entry, from above.
func (e *Event) told() int {
	return len(e.Scope) + len(e.ID) + len(e.Author) + len(e.A) + len(e.B) + len(e.Body) + 64
}

// fit counts the events that the next entry has room for, one at least.
func fit(events []Event) int {
	size := events[0].told()
	n := 1
	for n < len(events) {
		if size += events[n].told(); size > maxPayload {
			break
		}
		n++
	}
	return n
}

// encodeBatch returns an entry with events at consecutive positions: a log.v1.Batch.
func encodeBatch(events []Event) ([]byte, error) {
	batch := &logv1.Batch{First: int64(events[0].Pos), Count: int32(len(events))}
	if len(events) > 1 || events[0].told() <= maxPayload {
		batch.Events = make([]*logv1.Event, len(events))
		for i := range events {
			e := &events[i]
			batch.Events[i] = &logv1.Event{
				Scope: e.Scope, Id: e.ID, Author: string(e.Author), UserA: string(e.A), UserB: string(e.B), Group: int64(e.Group),
				Kind: int32(e.Kind), At: e.At, Body: e.Body,
			}
		}
	}
	return proto.Marshal(batch)
}

// decodeBatch returns the events of an entry, or none when it holds only their
// positions. Every gateway decodes every event of the log, and most of them concern
// nobody there. So it does without the generated code: texts and bodies are parts of
// the entry, and only the list of events is allocated.
func decodeBatch(entry redis.XMessage) ([]Event, error) {
	text, ok := entry.Values["batch"].(string)
	if !ok {
		return nil, errNoBatch
	}
	m := span{text, []byte(text)}
	var first, count int64
	n := 0
	err := m.each(func(f field) {
		switch f.number {
		case fieldFirst:
			first = int64(f.value)
		case fieldCount:
			count = int64(int32(f.value))
		case fieldEvents:
			n++
		}
	})
	if err != nil || n == 0 {
		return nil, err
	}
	if first <= 0 || int(count) != n {
		return nil, errNoBatch
	}
	events := make([]Event, 0, n)
	var bad error
	err = m.each(func(f field) {
		if f.number == fieldEvents {
			e := Event{Pos: Position(first) + Position(len(events))}
			bad = errors.Join(bad, e.decode(f.span))
			events = append(events, e)
		}
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, err
	}
	return events, nil
}

// The fields of log.v1.Batch, by their numbers and types.
var (
	fieldFirst  = number{1, protowire.VarintType}
	fieldCount  = number{2, protowire.VarintType}
	fieldEvents = number{3, protowire.BytesType}
)

// The fields of log.v1.Event.
var (
	fieldScope  = number{1, protowire.BytesType}
	fieldID     = number{2, protowire.BytesType}
	fieldAuthor = number{3, protowire.BytesType}
	fieldUserA  = number{4, protowire.BytesType}
	fieldUserB  = number{5, protowire.BytesType}
	fieldGroup  = number{6, protowire.VarintType}
	fieldKind   = number{7, protowire.VarintType}
	fieldAt     = number{8, protowire.VarintType}
	fieldBody   = number{9, protowire.BytesType}
)

func (e *Event) decode(m span) error {
	return m.each(func(f field) {
		switch f.number {
		case fieldScope:
			e.Scope = f.text
		case fieldID:
			e.ID = f.text
		case fieldAuthor:
			e.Author = id.UID(f.text)
		case fieldUserA:
			e.A = id.UID(f.text)
		case fieldUserB:
			e.B = id.UID(f.text)
		case fieldGroup:
			e.Group = id.GID(f.value)
		case fieldKind:
			e.Kind = Kind(f.value)
		case fieldAt:
			e.At = int64(f.value)
		case fieldBody:
			e.Body = f.bytes
		}
	})
}

// span is an encoded message, or a part of one, as text and as bytes, so that neither has to be copied
// where the other is needed.
type span struct {
	text  string
	bytes []byte
}

// number is that of a field and how it is encoded. One that is encoded in another way is
// another field, which nobody knows.
type number struct {
	protowire.Number
	protowire.Type
}

// field is a field of a message: the value of a varint, or else what is of a length.
type field struct {
	number
	value uint64
	span
}

// each calls f with the fields of a message in their order.
func (m span) each(f func(field)) error {
	for at := 0; at < len(m.bytes); {
		num, kind, n := protowire.ConsumeTag(m.bytes[at:])
		if n < 0 {
			return protowire.ParseError(n)
		}
		at += n
		found := field{number: number{num, kind}}
		switch kind {
		case protowire.VarintType:
			found.value, n = protowire.ConsumeVarint(m.bytes[at:])
		case protowire.BytesType:
			var value []byte
			if value, n = protowire.ConsumeBytes(m.bytes[at:]); n >= 0 {
				from := at + n - len(value)
				found.span = span{m.text[from : at+n], m.bytes[from : at+n : at+n]}
			}
		default:
			n = protowire.ConsumeFieldValue(num, kind, m.bytes[at:])
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		at += n
		f(found)
	}
	return nil
}
