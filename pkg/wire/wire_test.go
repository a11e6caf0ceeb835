package wire

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// unhex reads hex with spaces between what belongs together.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("hex %q: %v", s, err)
	}
	return b
}

// stored is the event that the log has of a Common that a client sent.
func stored(t testing.TB, common []byte) *eventlog.Event {
	t.Helper()
	body, err := StripCommon(common)
	if err != nil {
		t.Fatalf("strip %x: %v", common, err)
	}
	return &eventlog.Event{Pos: 300, Author: "alice", At: 1_700_000_000_000, Kind: eventlog.Message, Body: body}
}

// The fields of the server in the events of these tests.
const (
	logID    = "10 ac02"
	from     = "22 05 616c696365"
	datetime = "40 80d095ffbc31"
)

func TestWhatClientsReadByteForByte(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, sent, read string }{
		{
			"a group message",
			"08 01  1a 02 6d31  2a 01 37  30 01  3a 02 6869",
			"08 01" + logID + "1a 02 6d31" + from + "2a 01 37  30 01  3a 02 6869" + datetime,
		},
		{
			"a private message with source and reference",
			"1a 02 6d31  2a 03 626f62  30 01  3a 02 6869  4a 05 12 03 0a 01 78  52 02 08 05",
			logID + "1a 02 6d31" + from + "2a 03 626f62  30 01  3a 02 6869" + datetime + "4a 05 12 03 0a 01 78  52 02 08 05",
		},
		{
			"a sender who claims to be somebody else, at another place and time",
			"10 09  1a 02 6d31  22 03 626f62  40 05",
			logID + "1a 02 6d31" + from + datetime,
		},
		{
			"who claims so twice, in long forms of the tags too",
			"10 09  9080808000 08  1a 02 6d31  22 03 626f62  a200 01 78  22 00  40 05  40 06",
			logID + "1a 02 6d31" + from + datetime,
		},
		{
			"zeros that need not be written",
			"08 00  1a 02 6d31  2a 00  30 00  3a 00",
			"08 00" + logID + "1a 02 6d31" + from + "2a 00  30 00  3a 00" + datetime,
		},
		{
			"fields in an order of their own, a field twice, numbers longer than need be",
			"3a 02 6869  30 8100  1a 02 6d30  1a 02 6d31  08 01",
			logID + from + "3a 02 6869  30 8100  1a 02 6d30  1a 02 6d31  08 01" + datetime,
		},
		{
			"fields that we do not know: a number, text, a group, and fixed ones",
			"1a 02 6d31  58 07  62 01 7a  6b 08 01 6c  75 01020304  f907 0102030405060708",
			logID + "1a 02 6d31" + from + datetime + "58 07  62 01 7a  6b 08 01 6c  75 01020304  f907 0102030405060708",
		},
		{"nothing", "", logID + from + datetime},
	} {
		common := unhex(t, c.read)
		want := append(protowire.AppendVarint([]byte{0x12}, uint64(len(common))), common...)
		got, err := Render(stored(t, unhex(t, c.sent)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s:\ngot  %x (%v)\nwant %x", c.name, got, err, want)
		}
	}
}

func TestAMessageInCanonicalOrderIsReadInCanonicalOrder(t *testing.T) {
	t.Parallel()
	common := &wirev1.Common{
		ChannelType: wirev1.ChannelType_CHANNEL_TYPE_GROUP, LogId: 5, MsgId: "m1", From: "mallory", Target: "7",
		MsgType: wirev1.MsgType_MSG_TYPE_TEXT, Msg: []byte("hi"), Datetime: 9,
		Source:    &wirev1.Source{From: &wirev1.SourceUser{Id: "x", Name: "X"}},
		Reference: &wirev1.Reference{Topic: 1, Ref: 2},
	}
	got, err := Render(stored(t, marshal(t, common)))
	if err != nil {
		t.Fatalf("render: %v", err)
	}
	common.LogId, common.From, common.Datetime = 300, "alice", 1_700_000_000_000
	if want := marshal(t, &wirev1.Proto{Body: marshal(t, common)}); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestASignalHasItsPositionAsSid(t *testing.T) {
	t.Parallel()
	body, err := Signal(wirev1.SignalType_SIGNAL_TYPE_REVOKE, &wirev1.SignalRevoke{LogId: 7, Operator: "bob", Self: true})
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	got, err := Render(&eventlog.Event{Pos: 300, Author: "bob", At: 5, Kind: eventlog.Signal, Body: body})
	want := unhex(t, "08 02  12 12  08 01  12 09 0807 1203626f62 1801  18 ac02  20 01")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got  %x (%v)\nwant %x", got, err, want)
	}
}

func TestASignalOfTypeZeroIsReadAsASignal(t *testing.T) {
	t.Parallel()
	body, err := Signal(wirev1.SignalType_SIGNAL_TYPE_RECEIVED, &wirev1.SignalReceived{Logs: []int64{1, 2}})
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	encoded, err := Render(&eventlog.Event{Pos: 1, Kind: eventlog.Signal, Body: body})
	if err != nil {
		t.Fatalf("render: %v", err)
	}
	var envelope wirev1.Proto
	var s wirev1.Signal
	unmarshal(t, encoded, &envelope)
	unmarshal(t, envelope.Body, &s)
	if envelope.EventType != wirev1.EventType_EVENT_TYPE_SIGNAL || s.Sid != 1 || !s.Reliable || s.Type != 0 {
		t.Errorf("got %v with %v", &envelope, &s)
	}
}

func TestANoticeIsReadAsAMessage(t *testing.T) {
	t.Parallel()
	e := stored(t, unhex(t, "08 01  1a 02 6d31  2a 01 37  30 07"))
	e.Kind = eventlog.Notice
	got, err := Render(e)
	common := unhex(t, "08 01"+logID+"1a 02 6d31"+from+"2a 01 37  30 07"+datetime)
	want := append(protowire.AppendVarint([]byte{0x12}, uint64(len(common))), common...)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got  %x (%v)\nwant %x", got, err, want)
	}
}

func TestMalformedBytesAreAnError(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{"08", "1a 05 6d31", "ff", "0f 01", "00 01", "0b 08 01", "0c", "80808080808080808080 01", "18 ffffffffffffffffffff 01"} {
		if body, err := StripCommon(unhex(t, sent)); err == nil {
			t.Errorf("%s became %x", sent, body)
		}
		for _, kind := range []eventlog.Kind{eventlog.Message, eventlog.Notice, eventlog.Signal} {
			if got, err := Render(&eventlog.Event{Pos: 1, Kind: kind, Body: unhex(t, sent)}); err == nil {
				t.Errorf("kind %d with %s became %x", kind, sent, got)
			}
		}
	}
}

func TestStrippingLeavesTheBytesOfTheClientAlone(t *testing.T) {
	t.Parallel()
	sent := unhex(t, "10 09  1a 02 6d31")
	kept := bytes.Clone(sent)
	if _, err := StripCommon(sent); err != nil || !bytes.Equal(sent, kept) {
		t.Errorf("%x became %x (%v)", kept, sent, err)
	}
}

// FuzzRelay holds what clients read of a message against what was sent.
func FuzzRelay(f *testing.F) {
	for _, s := range []string{"", "08 01 10 09 1a 02 6d31 22 00 2a 01 37 40 05", "3a 02 6869 30 8100 08 01", "6b 08 01 6c", "12 01 61 20 05 42 01 61"} {
		f.Add(unhex(f, s), int64(300), "alice", int64(5))
	}
	f.Fuzz(func(t *testing.T, sent []byte, pos int64, author string, at int64) {
		var want wirev1.Common
		if proto.Unmarshal(sent, &want) != nil || pos < 0 || at < 0 || !utf8.ValidString(author) {
			return
		}
		body, err := StripCommon(sent)
		if err != nil {
			t.Fatalf("strip what a client could send: %v", err)
		}
		e := &eventlog.Event{Pos: eventlog.Position(pos), Author: id.UID(author), At: at, Kind: eventlog.Message, Body: body}
		encoded, err := Render(e)
		if err != nil {
			t.Fatalf("render: %v", err)
		}
		var envelope wirev1.Proto
		var got wirev1.Common
		unmarshal(t, encoded, &envelope)
		unmarshal(t, envelope.Body, &got)
		want.LogId, want.From, want.Datetime = pos, author, uint64(at)
		want.ProtoReflect().SetUnknown(withoutServerFields(t, want.ProtoReflect().GetUnknown()))
		if envelope.EventType != wirev1.EventType_EVENT_TYPE_COMMON || !proto.Equal(&got, &want) {
			t.Errorf("got  %v\nwant %v", &got, &want)
		}
		// The client's own bytes come through in their order.
		if again, err := StripCommon(envelope.Body); err != nil || !bytes.Equal(again, body) {
			t.Errorf("the client sent %x, others read %x (%v)", body, again, err)
		}
	})
}

// withoutServerFields drops what has the number of a field of the server and a
// type that it cannot have.
func withoutServerFields(t *testing.T, unknown []byte) (kept []byte) {
	t.Helper()
	for len(unknown) > 0 {
		number, _, n := protowire.ConsumeField(unknown)
		if n < 0 {
			t.Fatalf("unknown fields do not parse: %x", unknown)
		}
		if number != 2 && number != 4 && number != 8 {
			kept = append(kept, unknown[:n]...)
		}
		unknown = unknown[n:]
	}
	return kept
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatalf("encode %v: %v", m, err)
	}
	return b
}

func unmarshal(t testing.TB, b []byte, m proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatalf("decode %x: %v", b, err)
	}
}
