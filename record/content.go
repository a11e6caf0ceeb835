package record

import (
	"bytes"
	"encoding/json"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	wirev1 "parley/api/proto/wire/v1"
)

// bodies are the types of message bodies.
var bodies = map[wirev1.MsgType]proto.Message{
	wirev1.MsgType_MSG_TYPE_TEXT:         (*wirev1.Text)(nil),
	wirev1.MsgType_MSG_TYPE_AUDIO:        (*wirev1.Audio)(nil),
	wirev1.MsgType_MSG_TYPE_IMAGE:        (*wirev1.Image)(nil),
	wirev1.MsgType_MSG_TYPE_VIDEO:        (*wirev1.Video)(nil),
	wirev1.MsgType_MSG_TYPE_FILE:         (*wirev1.File)(nil),
	wirev1.MsgType_MSG_TYPE_CARD:         (*wirev1.Card)(nil),
	wirev1.MsgType_MSG_TYPE_FORWARD:      (*wirev1.Forward)(nil),
	wirev1.MsgType_MSG_TYPE_RTC_CALL:     (*wirev1.RTCCall)(nil),
	wirev1.MsgType_MSG_TYPE_TRANSFER:     (*wirev1.Transfer)(nil),
	wirev1.MsgType_MSG_TYPE_COLLECT:      (*wirev1.Transfer)(nil),
	wirev1.MsgType_MSG_TYPE_RED_PACKET:   (*wirev1.RedPacket)(nil),
	wirev1.MsgType_MSG_TYPE_CONTACT_CARD: (*wirev1.ContactCard)(nil),
}

// Content returns the body of a message as JSON: the fields of its type where
// the bytes are one, else {"raw": base64}. Bodies are ciphertext as a rule, and
// ciphertext may look like a protobuf message by chance; so the typed form is
// taken only when nothing is lost by it.
func Content(t wirev1.MsgType, body []byte) []byte {
	if kind, ok := bodies[t]; ok {
		m := kind.ProtoReflect().New()
		// A field that the type does not know is not in the JSON; without it
		// the message is not what body said.
		known := proto.UnmarshalOptions{DiscardUnknown: true}
		if known.Unmarshal(body, m.Interface()) == nil && plausible(m, body) && lossless(m, body) {
			return toJSON(asJSON(m))
		}
	}
	return toJSON(map[string]any{"raw": notNull(body)})
}

// toJSON encodes v as answers of this API are encoded, without escapes for HTML.
func toJSON(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		// Texts, numbers, bytes and lists of them always encode.
		panic(err)
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// plausible reports whether the lists of m could be what a client wrote. An empty
// element takes two bytes, and more than fifty as JSON: thirty thousand of them
// are an attack on whoever asks for the history.
func plausible(m protoreflect.Message, body []byte) bool {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if d := fields.Get(i); d.IsList() && m.Get(d).List().Len() > 64+len(body)/16 {
			return false
		}
	}
	return true
}

// lossless reports whether m holds all that body said. It does when encoding it
// again gives body, apart from the order of fields and from zeros that some
// clients write out.
func lossless(m protoreflect.Message, body []byte) bool {
	again, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.Interface())
	if err != nil {
		return false
	}
	if bytes.Equal(again, body) {
		return true
	}
	type field struct {
		number protowire.Number
		raw    []byte
	}
	var fields []field
	for rest := body; len(rest) > 0; {
		number, kind, n := protowire.ConsumeField(rest)
		raw := rest[:n]
		rest = rest[n:]
		d := m.Descriptor().Fields().ByNumber(number)
		if d == nil || kind != wireType(d) {
			return false
		}
		_, _, tag := protowire.ConsumeTag(raw)
		if !d.IsList() && len(raw) == tag+1 && raw[tag] == 0 {
			continue
		}
		fields = append(fields, field{number, raw})
	}
	slices.SortStableFunc(fields, func(a, b field) int { return int(a.number - b.number) })
	var canonical []byte
	for _, f := range fields {
		canonical = append(canonical, f.raw...)
	}
	return bytes.Equal(again, canonical)
}

// wireType is how a field of a body is encoded: bodies have only integers and
// what is counted in bytes.
func wireType(d protoreflect.FieldDescriptor) protowire.Type {
	switch d.Kind() {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	}
	return protowire.VarintType
}

// asJSON returns the fields of m under their JSON names, all of them, with
// numbers as numbers: clients of this API read int64 so, unlike protojson.
func asJSON(m protoreflect.Message) map[string]any {
	fields := m.Descriptor().Fields()
	out := make(map[string]any, fields.Len())
	for i := range fields.Len() {
		d := fields.Get(i)
		v := m.Get(d)
		if !d.IsList() {
			out[d.JSONName()] = valueAsJSON(d, v)
			continue
		}
		list := make([]any, v.List().Len())
		for n := range list {
			list[n] = valueAsJSON(d, v.List().Get(n))
		}
		out[d.JSONName()] = list
	}
	return out
}

func valueAsJSON(d protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch d.Kind() {
	case protoreflect.MessageKind:
		return asJSON(v.Message())
	case protoreflect.BytesKind:
		return notNull(v.Bytes())
	}
	return v.Interface()
}

// notNull makes no bytes at all an empty string in JSON instead of null.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
