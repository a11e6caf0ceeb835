package record

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/wire"
)

func encode(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatalf("encode %T: %v", m, err)
	}
	return b
}

// sent is a good message after a change.
func sent(t testing.TB, change func(m *wirev1.Common)) []byte {
	t.Helper()
	m := &wirev1.Common{MsgId: "m1", Target: "bob", MsgType: wirev1.MsgType_MSG_TYPE_TEXT, Msg: []byte("ciphertext")}
	change(m)
	return encode(t, &wirev1.Proto{Body: encode(t, m)})
}

func TestWhatMayBeSent(t *testing.T) {
	t.Parallel()
	const text = wirev1.MsgType_MSG_TYPE_TEXT
	group := func(target string) func(*wirev1.Common) {
		return func(m *wirev1.Common) {
			m.ChannelType, m.Target = wirev1.ChannelType_CHANNEL_TYPE_GROUP, target
		}
	}
	for _, c := range []struct {
		name  string
		sent  []byte
		want  error
		field string // at fault
	}{
		{"a text", sent(t, func(*wirev1.Common) {}), nil, ""},
		{"a text to oneself", sent(t, func(m *wirev1.Common) { m.Target = "alice" }), nil, ""},
		{"an empty text", sent(t, func(m *wirev1.Common) { m.Msg = nil }), nil, ""},
		{"a group message", sent(t, group("7")), nil, ""},
		{"a group that cannot exist", sent(t, group("9223372036854775807")), nil, ""},
		{"the longest body", sent(t, func(m *wirev1.Common) { m.Msg = make([]byte, 60<<10) }), nil, ""},
		{"the longest msgId", sent(t, func(m *wirev1.Common) { m.MsgId = strings.Repeat("m", 64) }), nil, ""},
		{"the longest uid", sent(t, func(m *wirev1.Common) { m.Target = strings.Repeat("u", 64) }), nil, ""},

		{"nothing", nil, fault.Failed, ""},
		{"something else", []byte("hello"), fault.BadRequest, "message"},
		{"a Proto that is cut off", sent(t, func(*wirev1.Common) {})[:9], fault.BadRequest, "message"},
		{"a Proto without a body", encode(t, &wirev1.Proto{}), fault.Failed, ""},
		{"a Proto with a body that is no message", encode(t, &wirev1.Proto{Body: []byte{0xff}}), fault.BadRequest, "body"},
		{"an acknowledgement", encode(t, &wirev1.Proto{EventType: 1, Body: []byte{}}), fault.BadRequest, "eventType"},
		{"a signal", encode(t, &wirev1.Proto{EventType: 2}), fault.BadRequest, "eventType"},
		{"no msgId", sent(t, func(m *wirev1.Common) { m.MsgId = "" }), fault.BadRequest, "msgId"},
		{"a long msgId", sent(t, func(m *wirev1.Common) { m.MsgId = strings.Repeat("m", 65) }), fault.BadRequest, "msgId"},
		{"a channel of the future", sent(t, func(m *wirev1.Common) { m.ChannelType = 2 }), fault.BadRequest, "channelType"},
		{"a channel below zero", sent(t, func(m *wirev1.Common) { m.ChannelType = -1 }), fault.BadRequest, "channelType"},
		{"nobody", sent(t, func(m *wirev1.Common) { m.Target = "" }), fault.BadRequest, "target"},
		{"a uid with a space", sent(t, func(m *wirev1.Common) { m.Target = "bob " }), fault.BadRequest, "target"},
		{"a uid with a NUL", sent(t, func(m *wirev1.Common) { m.Target = "bob\x00" }), fault.BadRequest, "target"},
		{"a long uid", sent(t, func(m *wirev1.Common) { m.Target = strings.Repeat("u", 65) }), fault.BadRequest, "target"},
		{"group 0", sent(t, group("0")), fault.BadRequest, "target"},
		{"a group below zero", sent(t, group("-7")), fault.BadRequest, "target"},
		{"a group with a sign", sent(t, group("+7")), fault.BadRequest, "target"},
		{"a group in hex", sent(t, group("0x7")), fault.BadRequest, "target"},
		{"a group beyond int64", sent(t, group("9223372036854775808")), fault.BadRequest, "target"},
		{"no group", sent(t, group("")), fault.BadRequest, "target"},
		{"a long body", sent(t, func(m *wirev1.Common) { m.Msg = make([]byte, 60<<10+1) }), fault.BadRequest, "msg"},
		{"much beside the body", sent(t, func(m *wirev1.Common) {
			m.Source = &wirev1.Source{From: &wirev1.SourceUser{Name: strings.Repeat("n", 5<<10)}}
		}), fault.BadRequest, "body"},
		{"a long body hidden before a short one", encode(t, &wirev1.Proto{Body: append(
			encode(t, &wirev1.Common{Msg: make([]byte, 60<<10)}),
			encode(t, &wirev1.Common{MsgId: "m1", Target: "bob", MsgType: text, Msg: []byte("x")})...)}), fault.BadRequest, "body"},
		{"a msgId that is not UTF-8", encode(t, &wirev1.Proto{Body: []byte("\x1a\x02m\xff\x2a\x03bob\x30\x01")}), fault.BadRequest, "body"},
		{"a name in the source that is not UTF-8", encode(t, &wirev1.Proto{Body: []byte("\x1a\x02m1\x2a\x03bob\x30\x01\x4a\x05\x12\x03\x12\x01\xff")}), fault.BadRequest, "body"},
	} {
		_, err := Parse("alice", c.sent, DefaultConfig())
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
			continue
		}
		if c.field != "" && !strings.HasPrefix(fault.Of(err).Detail, c.field+" ") {
			t.Errorf("%s: %q is at fault, want %s", c.name, fault.Of(err).Detail, c.field)
		}
	}
}

func TestTheTypesThatAClientMaySend(t *testing.T) {
	t.Parallel()
	allowed := map[wirev1.MsgType]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 8: true, 10: true, 12: true, 13: true}
	for kind := wirev1.MsgType(-1); kind < 20; kind++ {
		_, err := Parse("alice", sent(t, func(m *wirev1.Common) { m.MsgType = kind }), DefaultConfig())
		if (err == nil) != allowed[kind] || err != nil && !errors.Is(err, fault.BadRequest) {
			t.Errorf("type %d: %v", kind, err)
		}
	}
}

func TestTheEventOfAMessage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(m *wirev1.Common)
		want   eventlog.Audience
	}{
		{"to a user", func(m *wirev1.Common) {}, eventlog.Audience{A: "bob", B: "alice"}},
		{"to oneself", func(m *wirev1.Common) { m.Target = "alice" }, eventlog.Audience{A: "alice"}},
		{"to a group", func(m *wirev1.Common) { m.ChannelType, m.Target = 1, "7" }, eventlog.Audience{Group: 7}},
		{"by a liar", func(m *wirev1.Common) { m.From, m.LogId, m.Datetime = "mallory", 9, 9 }, eventlog.Audience{A: "bob", B: "alice"}},
	} {
		e, err := Parse("alice", sent(t, c.change), DefaultConfig())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if e.Scope != "alice" || e.ID != "m1" || e.Author != "alice" || e.Audience != c.want || e.Kind != eventlog.Message || e.Pos != 0 || e.At != 0 {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

// FuzzParse looks for bytes that break the service or, worse, its readers.
func FuzzParse(f *testing.F) {
	f.Add(sent(f, func(*wirev1.Common) {}))
	f.Add(sent(f, func(m *wirev1.Common) { m.ChannelType, m.Target = 1, "7" }))
	f.Add([]byte("\x12\x0b\x1a\x02m1\x2a\x01b0\x01X\x07"))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		kept := bytes.Clone(encoded)
		e, err := Parse("alice", encoded, DefaultConfig())
		if !bytes.Equal(kept, encoded) {
			t.Fatalf("the bytes of the client were changed to %x", encoded)
		}
		if err != nil {
			if !errors.Is(err, fault.BadRequest) && !errors.Is(err, fault.Failed) {
				t.Errorf("an error that clients do not know: %v", err)
			}
			return
		}
		if e.ID == "" || len(e.ID) > 64 || e.Group == 0 && !e.A.Valid() || e.Group != 0 && e.A != "" {
			t.Errorf("accepted: %+v", e)
		}
		e.Pos, e.At = 5, 6
		rendered, err := wire.Render(&e)
		if err != nil {
			t.Fatalf("what was accepted cannot be read: %v", err)
		}
		var envelope wirev1.Proto
		var m wirev1.Common
		if err := proto.Unmarshal(rendered, &envelope); err != nil {
			t.Fatalf("what was accepted cannot be read: %v", err)
		}
		if err := proto.Unmarshal(envelope.Body, &m); err != nil {
			t.Fatalf("what was accepted cannot be read: %v", err)
		}
		if m.LogId != 5 || m.From != "alice" || m.Datetime != 6 || m.MsgId != e.ID {
			t.Errorf("read as %v", &m)
		}
	})
}

// uids that tests speak of.
const (
	alice id.UID = "alice"
	bob   id.UID = "bob"
	zoe   id.UID = "zoe"
)
