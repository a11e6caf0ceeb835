package record

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	wirev1 "parley/api/proto/wire/v1"
)

func TestContent(t *testing.T) {
	t.Parallel()
	const text, file, forward = wirev1.MsgType_MSG_TYPE_TEXT, wirev1.MsgType_MSG_TYPE_FILE, wirev1.MsgType_MSG_TYPE_FORWARD
	for _, c := range []struct {
		name string
		kind wirev1.MsgType
		body []byte
		want string
	}{
		{"a text", text, encode(t, &wirev1.Text{Content: "<你好>\n", Mention: []string{"a", ""}}), `{"content":"<你好>\n","mention":["a",""]}`},
		{"an empty text", text, nil, `{"content":"","mention":[]}`},
		{"an audio", wirev1.MsgType_MSG_TYPE_AUDIO, encode(t, &wirev1.Audio{MediaUrl: "u", Time: -3}), `{"mediaUrl":"u","time":-3}`},
		{"a file", file, encode(t, &wirev1.File{MediaUrl: "u", Name: "n", Md5: "m", Size: 1 << 60}), `{"md5":"m","mediaUrl":"u","name":"n","size":1152921504606846976}`},
		{"a red packet", wirev1.MsgType_MSG_TYPE_RED_PACKET, encode(t, &wirev1.RedPacket{TxHash: "h", Expire: 1<<64 - 1}),
			`{"coinName":"","coinType":"","exec":"","expire":18446744073709551615,"packetType":0,"privateKey":"","remark":"","txHash":"h"}`},
		{"a forward", forward, encode(t, &wirev1.Forward{Items: []*wirev1.ForwardItem{{Name: "n", MsgType: 1, Msg: []byte{0xff}}, {}}}),
			`{"items":[{"avatar":"","datetime":0,"msg":"/w==","msgType":1,"name":"n"},{"avatar":"","datetime":0,"msg":"","msgType":0,"name":""}]}`},
		{"fields in another order", file, []byte("\x12\x01n\x0a\x01u"), `{"md5":"","mediaUrl":"u","name":"n","size":0}`},
		{"zeros that need not be written", file, []byte("\x0a\x00\x12\x01n\x20\x00"), `{"md5":"","mediaUrl":"","name":"n","size":0}`},

		{"ciphertext", text, []byte("\xde\xad\xbe\xef"), `{"raw":"3q2+7w=="}`},
		{"a field that the type does not have", text, []byte("\x0a\x01a\x1a\x01b"), `{"raw":"CgFhGgFi"}`},
		{"a field that an item does not have", forward, []byte("\x0a\x05\x12\x01n\x30\x01"), `{"raw":"CgUSAW4wAQ=="}`},
		{"a field twice", text, []byte("\x0a\x01a\x0a\x01b"), `{"raw":"CgFhCgFi"}`},
		{"a field of another type", text, []byte("\x08\x00"), `{"raw":"CAA="}`},
		{"a text that is not UTF-8", text, []byte("\x0a\x01\xff"), `{"raw":"CgH/"}`},
		{"a number longer than need be", file, []byte("\x20\x81\x00"), `{"raw":"IIEA"}`},
		{"a number that does not fit", wirev1.MsgType_MSG_TYPE_AUDIO, []byte("\x10\x80\x80\x80\x80\x10"), `{"raw":"EICAgIAQ"}`},
		{"a type without a body", wirev1.MsgType_MSG_TYPE_SYSTEM, []byte("\x0a\x01a"), `{"raw":"CgFh"}`},
		{"a type of the future", 99, nil, `{"raw":""}`},
	} {
		if got := string(Content(c.kind, c.body)); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// FuzzContent holds the JSON of a body against its bytes: they must follow from
// it, apart from the order of fields and from zeros that were written out.
func FuzzContent(f *testing.F) {
	f.Add(int32(1), encode(f, &wirev1.Text{Content: "hi", Mention: []string{"a", ""}}))
	f.Add(int32(8), encode(f, &wirev1.Forward{Items: []*wirev1.ForwardItem{{Name: "n", Msg: []byte{1}}}}))
	f.Add(int32(5), []byte("\x12\x01n\x0a\x01u\x20\x00"))
	f.Add(int32(1), []byte("\x0a\x01a\x1a\x01b"))
	f.Fuzz(func(t *testing.T, kind int32, body []byte) {
		out := Content(wirev1.MsgType(kind), body)
		var raw struct{ Raw *[]byte }
		if err := json.Unmarshal(out, &raw); err != nil {
			t.Fatalf("%s is not JSON: %v", out, err)
		}
		if raw.Raw != nil {
			if !slices.Equal(*raw.Raw, body) {
				t.Errorf("%x became %s", body, out)
			}
			return
		}
		m := bodies[wirev1.MsgType(kind)].ProtoReflect().New()
		fromJSON(t, out, m)
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.Interface())
		if err != nil {
			t.Fatalf("encode what %s says: %v", out, err)
		}
		if got, want := fields(t, again), fields(t, body); !slices.Equal(got, want) {
			t.Errorf("%x became %s, which says %q, not %q", body, out, got, want)
		}
	})
}

// fromJSON reads what asJSON wrote, independently of it.
func fromJSON(t *testing.T, encoded []byte, m protoreflect.Message) {
	t.Helper()
	var values map[string]json.RawMessage
	if err := json.Unmarshal(encoded, &values); err != nil {
		t.Fatalf("decode %s: %v", encoded, err)
	}
	all := m.Descriptor().Fields()
	if len(values) != all.Len() {
		t.Fatalf("%s has %d fields, want %d", encoded, len(values), all.Len())
	}
	for i := range all.Len() {
		d := all.Get(i)
		value := values[d.JSONName()]
		if !d.IsList() {
			if v := one(t, d, value, m.NewField(d)); v.IsValid() {
				m.Set(d, v)
			}
			continue
		}
		var items []json.RawMessage
		if err := json.Unmarshal(value, &items); err != nil || items == nil {
			t.Fatalf("%s of %s is no list: %v", d.Name(), encoded, err)
		}
		list := m.Mutable(d).List()
		for _, item := range items {
			var empty protoreflect.Value
			if d.Kind() == protoreflect.MessageKind {
				empty = list.NewElement()
			}
			list.Append(one(t, d, item, empty))
		}
	}
}

func one(t *testing.T, d protoreflect.FieldDescriptor, value json.RawMessage, empty protoreflect.Value) protoreflect.Value {
	t.Helper()
	read := func(into any) {
		if err := json.Unmarshal(value, into); err != nil {
			t.Fatalf("decode %s of %s: %v", value, d.Name(), err)
		}
	}
	switch d.Kind() {
	case protoreflect.StringKind:
		var s string
		read(&s)
		return protoreflect.ValueOfString(s)
	case protoreflect.BytesKind:
		var b []byte
		read(&b)
		return protoreflect.ValueOfBytes(b)
	case protoreflect.Int32Kind:
		var n int32
		read(&n)
		return protoreflect.ValueOfInt32(n)
	case protoreflect.Int64Kind:
		var n int64
		read(&n)
		return protoreflect.ValueOfInt64(n)
	case protoreflect.Uint64Kind:
		var n uint64
		read(&n)
		return protoreflect.ValueOfUint64(n)
	case protoreflect.MessageKind:
		fromJSON(t, value, empty.Message())
		return empty
	}
	t.Fatalf("field %s has a kind that no body had: %s", d.Name(), d.Kind())
	return protoreflect.Value{}
}

// fields returns the fields of an encoded body in their order by number, those
// of the same number in theirs. It leaves out zeros, which a body need not write
// out; the empty texts in a list too, for which TestContent has a row.
func fields(t *testing.T, body []byte) (all []string) {
	t.Helper()
	for len(body) > 0 {
		_, _, n := protowire.ConsumeField(body)
		if n < 0 {
			t.Fatalf("%x does not parse", body)
		}
		if raw := body[:n]; raw[len(raw)-1] != 0 || len(raw) != 2 {
			all = append(all, string(raw))
		}
		body = body[n:]
	}
	slices.SortStableFunc(all, func(a, b string) int { return int(a[0]>>3) - int(b[0]>>3) })
	return all
}

func TestAListOfNothingsDoesNotSwellTheHistory(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte{0x0a, 0x00}, 30<<10)
	if got := Content(wirev1.MsgType_MSG_TYPE_FORWARD, body); len(got) > 2*len(body) || !bytes.HasPrefix(got, []byte(`{"raw":`)) {
		t.Errorf("%d bytes become %d of JSON: %.40s", len(body), len(got), got)
	}
}
