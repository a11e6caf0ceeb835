package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
)

// A message as a client of tomorrow encodes it: every field that is known
// today, and with 15 and 2000 two that are not. The server adds the fields 2, 4
// and 8 and touches nothing else.
const (
	// channelType 0 written out, msgId "golden-1", target "bob"
	goldenHead = "0800" + "1a08676f6c64656e2d31" + "2a03626f62"
	// msgType 1, msg with a byte that is no UTF-8
	goldenBody = "3001" + "3a06" + "0a04ff00616c"
	// source {0, {"1", "a"}, {"2", "b"}}, reference {7, 8}
	goldenTail = "4a12" + "0800" + "12060a013112016" + "1" + "1a060a013212016" + "2" + "5204" + "08071008"
	// 15: "x", 2000: varint 300
	goldenFuture = "7a0178" + "807dac02"
)

func TestAMessageIsRelayedByteForByte(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		sent := alice.sendRaw(unhex(t, goldenHead+goldenBody+goldenTail+goldenFuture))

		// Field 2 in front of 3, 4 in front of 5, 8 behind 7.
		want := proto0(unhex(t, "0800"),
			varint(2, uint64(sent.LogID)), unhex(t, "1a08676f6c64656e2d31"),
			text4(string(alice.uid())), unhex(t, "2a03626f62"+goldenBody),
			varint(8, uint64(sent.Datetime)), unhex(t, goldenTail+goldenFuture))
		got := alice.syncRaw(0, 10)
		if len(got) != 1 || got[0] != base64.StdEncoding.EncodeToString(want) {
			t.Fatalf("the record is\n%v, want\n%s", got, base64.StdEncoding.EncodeToString(want))
		}
	})
}

// What a client says in the server's fields is not relayed, and what it writes
// in another order, twice or in a longer form than needed is not tidied up.
func TestTheServersFieldsAreTheServers(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		odd := "5204" + "08071008" + // reference first
			"2a03626f62" + "2a03626f62" + // target twice
			"3a0161" + "1a08676f6c64656e2d32" + "308100" // msgType 1 in two bytes
		lies := "10ffffffff07" + "2205" + "6361726f6c" + "40" + "01" // logId, from "carol", datetime 1
		sent := alice.sendRaw(unhex(t, lies+odd+lies))

		got := alice.sync(0, 10)
		if len(got) != 1 || got[0].logID != sent.LogID || got[0].message.From != string(alice.uid()) || got[0].message.Datetime != uint64(sent.Datetime) {
			t.Fatalf("the record is %v, want logId, sender and time of the server", got)
		}
		if rest := withoutServersFields(t, alice.syncRaw(0, 10)[0]); rest != odd {
			t.Fatalf("beside the server's fields the record has\n%s, want\n%s", rest, odd)
		}
	})
}

// A signal's logId is its sid; the whole is as documented, byte for byte.
func TestASignalIsAsDocumented(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		slip := alice.send(text(string(bob.uid()), "a slip"))
		alice.revoke(slip.LogID).want(t, fault.OK)

		// Revoke {1 logId, 2 operator, 3 self}
		revoke := join(varint(1, uint64(slip.LogID)), protowire.AppendString([]byte{0x12}, string(alice.uid())), varint(3, 1))
		// Signal {1 type Revoke, 2 body, 3 sid, 4 reliable}
		signal := join(varint(1, 1), protowire.AppendBytes([]byte{0x12}, revoke), varint(3, uint64(slip.LogID+1)), varint(4, 1))
		// Proto {1 eventType signal, 2 body}
		want := base64.StdEncoding.EncodeToString(join(varint(1, 2), protowire.AppendBytes([]byte{0x12}, signal)))
		if got := bob.syncRaw(0, 10); len(got) != 1 || got[0] != want {
			t.Fatalf("the record of the signal is\n%v, want\n%s", got, want)
		}
	})
}

// One client finds the logId with a regular expression.
func TestAnswersAreCompactJSON(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		a := alice.push(text(string(alice.uid()), "hello"))
		found := regexp.MustCompile(`"logId":(\d+)`).FindSubmatch(a.body)
		var s sent
		a.into(t, &s)
		if found == nil || string(found[1]) != strconv.FormatInt(s.LogID, 10) {
			t.Fatalf("the logId %d is not found in %s", s.LogID, a.body)
		}
		want := fmt.Sprintf(`{"result":0,"message":"OK","data":{"logId":%d,"datetime":%d}}`, s.LogID, s.Datetime)
		if string(a.body) != want {
			t.Fatalf("the answer is %s, want %s", a.body, want)
		}
		if s.LogID >= 1<<53 || s.Datetime >= 1<<53 {
			t.Fatalf("a client in JavaScript rounds %+v", s)
		}
	})
}

func unhex(t testing.TB, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func join(pieces ...[]byte) []byte {
	var all []byte
	for _, p := range pieces {
		all = append(all, p...)
	}
	return all
}

// varint is a field with a number, text4 the field 4 with a text.
func varint(field byte, value uint64) []byte {
	return protowire.AppendVarint([]byte{field << 3}, value)
}
func text4(value string) []byte { return protowire.AppendString([]byte{0x22}, value) }

// proto0 is a Proto of a message.
func proto0(pieces ...[]byte) []byte { return protowire.AppendBytes([]byte{0x12}, join(pieces...)) }

// withoutServersFields returns the message of a record in hex, without what
// the server sets.
func withoutServersFields(t testing.TB, record string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(record)
	if err != nil {
		t.Fatal(err)
	}
	var p wirev1.Proto
	mustDecode(t, raw, &p)
	var rest strings.Builder
	for b := p.Body; len(b) > 0; {
		number, _, n := protowire.ConsumeField(b)
		if n < 0 {
			t.Fatalf("the record does not parse: %x", b)
		}
		if number != 2 && number != 4 && number != 8 {
			rest.WriteString(hex.EncodeToString(b[:n]))
		}
		b = b[n:]
	}
	return rest.String()
}

// sendRaw sends an encoded Common through push.
func (c *client) sendRaw(common []byte) sent {
	c.t.Helper()
	var s sent
	c.upload("/record/push", "message", proto0(common)).want(c.t, fault.OK).into(c.t, &s)
	return s
}

// syncRaw returns the records of a page as they came.
func (c *client) syncRaw(after int64, count int) []string {
	c.t.Helper()
	var page struct {
		Records []string `json:"records"`
	}
	c.post("/app/record/sync-record", map[string]any{"count": count, "start": after}).want(c.t, fault.OK).into(c.t, &page)
	return page.Records
}
