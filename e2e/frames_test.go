package e2e

import (
	"bytes"
	enc "encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app"
	"parley/pkg/fault"
)

// What a socket does with what clients send, line by line of the wire format.

func TestAnAcceptedAuthIsAnsweredByteForByte(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		k := openSocket(t, w.site)
		k.authenticateAs(w.user(), 0x102)
		got := k.first()
		if want := unhex(t, "00000014 0014 0001 00000002 00000102 00000102"); !bytes.Equal(got.encode(), want) {
			t.Errorf("the reply is %x, want %x", got.encode(), want)
		}
	})
}

// authenticateAs sends Auth without a device and waits for nothing.
func (k *socket) authenticateAs(c *client, seq uint32) {
	k.t.Helper()
	k.write(packet{version: 1, op: opAuth, seq: seq, body: encode(&wirev1.AuthMsg{AppId: "dtalk", Token: c.token()})})
}

// first waits for whatever comes first.
func (k *socket) first() packet {
	k.t.Helper()
	return k.match(func(packet) bool { return true })
}

func TestWhatIsNoAuthEndsTheSocketWithoutAReply(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		old := alice.key.Token(time.Now().Add(-time.Hour), "")
		for name, c := range map[string]struct {
			packet packet
			reason string
		}{
			"another packet first": {packet{version: 1, op: opSendMsg, body: encode(&wirev1.Proto{})}, "the packet is malformed"},
			"no token":             {packet{version: 1, op: opAuth, body: encode(&wirev1.AuthMsg{AppId: "dtalk"})}, "-1010"},
			"an old token":         {packet{version: 1, op: opAuth, body: encode(&wirev1.AuthMsg{Token: old})}, "-1011"},
			"no AuthMsg":           {packet{version: 1, op: opAuth, body: []byte{0xff}}, "the packet is malformed"},
			"no Login in ext":      {packet{version: 1, op: opAuth, body: encode(&wirev1.AuthMsg{Token: alice.token(), Ext: []byte{0xff}})}, "the packet is malformed"},
			"a device without end": {packet{version: 1, op: opAuth, body: encode(&wirev1.AuthMsg{Token: alice.token(),
				Ext: encode(&wirev1.Login{Uuid: strings.Repeat("u", 65)})})}, "-1012 uuid must have 1 to 64 bytes"},
			"a device of no type": {packet{version: 1, op: opAuth, body: encode(&wirev1.AuthMsg{Token: alice.token(),
				Ext: encode(&wirev1.Login{Uuid: "u", Device: 128})})}, "-1012 device must be 0 to 127"},
		} {
			k := openSocket(t, w.site)
			k.write(c.packet)
			if code, reason := k.endReason(); code != 1008 || reason != c.reason {
				t.Errorf("%s ends the socket with %d, %q, want 1008, %q", name, code, reason, c.reason)
			}
			if len(k.packets) > 0 {
				t.Errorf("%s is answered with %v", name, k.packets)
			}
		}
	})
}

func TestWhatIsNoPacketEndsTheSocketWithItsCode(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for name, c := range map[string]struct {
			opcode gws.Opcode
			bytes  []byte
			code   uint16
		}{
			"a text":           {gws.OpcodeText, packet{version: 1, op: opHeartbeat}.encode(), 1003},
			"version 2":        {gws.OpcodeBinary, packet{version: 2, op: opHeartbeat}.encode(), 1002},
			"half a header":    {gws.OpcodeBinary, unhex(t, "00000014 0014 0001"), 1002},
			"a wrong length":   {gws.OpcodeBinary, unhex(t, "00000015 0014 0001 00000003 00000001 00000000"), 1002},
			"more than 64 KiB": {gws.OpcodeBinary, packet{version: 1, op: opHeartbeat, body: make([]byte, 64<<10+1)}.encode(), 1009},
		} {
			k := openSocket(t, w.site)
			if err := k.conn.WriteMessage(c.opcode, c.bytes); err != nil {
				t.Fatal(err)
			}
			if code := k.end(); code != c.code {
				t.Errorf("%s ends the socket with %d, want %d", name, code, c.code)
			}
		}
	})
}

func TestAHeartbeatIsAnsweredWithItsSeqInAnyVersion(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		k := w.user().connect(nil)
		for _, version := range []int{0, 1} {
			seq := uint32(7 + version)
			k.write(packet{version: version, op: opHeartbeat, seq: seq})
			if got := k.next(opHeartbeatReply); got.seq != seq || len(got.body) != 0 {
				t.Errorf("a heartbeat of version %d is answered with %+v", version, got)
			}
		}
	})
}

// One client takes any first packet for success.
func TestAHeartbeatBeforeAuthIsNotAnswered(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		k := openSocket(t, w.site)
		k.send(opHeartbeat, nil)
		if body := k.authenticate(w.user(), nil); len(body) != 0 || len(k.packets) > 0 {
			t.Errorf("Auth is answered with %x, and before it came %v", body, k.packets)
		}
		k.send(opHeartbeat, nil)
		k.next(opHeartbeatReply)
	})
}

func TestWhoSaysGoodbyeIsDisconnected(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		k := w.user().connect(onDesktop("desk"))
		k.send(opDisconnect, nil)
		if code := k.end(); code != 1000 {
			t.Errorf("the socket ends with %d, want 1000", code)
		}
	})
}

func TestAnUnknownOperationIsPassedOver(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		k := w.user().connect(nil)
		for _, op := range []int{0, 6, 11, 1 << 30} {
			k.send(op, []byte("what is this"))
		}
		k.send(opHeartbeat, nil)
		k.next(opHeartbeatReply)
	})
}

func TestAPacketMayComeInFragments(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		k := w.user().connect(nil)
		beat := packet{version: 1, op: opHeartbeat, seq: 77}.encode()
		// RFC 6455: the first without FIN, the last a continuation with it; a
		// ping may come between.
		raw := fragment(0x02, beat[:7])
		raw = append(raw, fragment(0x89, []byte("ping"))...)
		raw = append(raw, fragment(0x00, beat[7:9])...)
		raw = append(raw, fragment(0x80, beat[9:])...)
		if _, err := k.conn.NetConn().Write(raw); err != nil {
			t.Fatal(err)
		}
		if got := k.next(opHeartbeatReply); got.seq != 77 {
			t.Errorf("the reply is %+v", got)
		}
	})
}

// fragment is a frame of a client, masked with zeros.
func fragment(first byte, payload []byte) []byte {
	return append(append([]byte{first, 0x80 | byte(len(payload))}, 0, 0, 0, 0), payload...)
}

func TestARepeatedAuthIsAnsweredAndChangesNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		k := bob.connect(onDesktop("b"))
		if body := k.authenticate(bob, onDesktop("b")); len(body) != 0 {
			t.Errorf("the second Auth is answered with %x", body)
		}
		sent := alice.send(text(string(bob.uid()), "once"))
		if got := k.receive(); got.logID != sent.LogID {
			t.Errorf("bob reads %v", got)
		}
	})
}

func TestWhoDoesNotAuthenticateInTimeIsDisconnected(t *testing.T) {
	config := app.Default()
	config.Connect.AuthTimeout = 50 * time.Millisecond
	everywhereWith(t, config, func(t *testing.T, w *world) {
		if code := openSocket(t, w.site).end(); code != 1008 {
			t.Errorf("the socket ends with %d", code)
		}
	})
}

func TestWhatIsNotConfirmedIsSentAgainWithItsSeq(t *testing.T) {
	config := app.Default()
	config.Connect.ResendAfter = 10 * time.Millisecond
	everywhereWith(t, config, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		k := bob.connect(onDesktop("b"))
		alice.send(text(string(bob.uid()), "do you hear me?"))
		isText := func(p packet) bool { return p.op == opReceiveMsg && decodeEvent(t, p.body).message != nil }
		first, again := k.match(isText), k.match(isText)
		if first.seq != again.seq || first.ack != 0 || !bytes.Equal(first.body, again.body) {
			t.Errorf("first it is %+v, then %+v", first, again)
		}
	})
}

func TestAConnectionWithoutADeviceGetsWhatHappensFromThenOn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		alice.send(text(string(bob.uid()), "before"))
		k := bob.connect(nil)
		after := alice.send(text(string(bob.uid()), "after"))
		if got := k.receive(); got.logID != after.LogID {
			t.Errorf("bob reads %v first", got)
		}
	})
}

func TestARefusedMessageIsAnsweredWithoutABody(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		k := alice.connect(nil)
		for name, body := range map[string][]byte{
			"nothing":                nil,
			"no Proto":               {0xff},
			"to a group that is not": encode(&wirev1.Proto{Body: encode(groupText(1, "x"))}),
		} {
			seq := k.send(opSendMsg, body)
			if got := k.next(opSendMsgReply); got.ack != seq || len(got.body) != 0 {
				t.Errorf("%s is answered with %+v", name, got)
			}
		}
		if got := k.post(text(string(alice.uid()), "still here")); got.LogID == 0 {
			t.Error("a good message is refused")
		}
	})
}

func TestAReceiptOverASocketByteForByte(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		k := alice.connect(nil)
		m := text(string(alice.uid()), "to myself")
		seq := k.send(opSendMsg, encode(&wirev1.Proto{Body: encode(m)}))
		got := k.next(opSendMsgReply)
		var again sent
		alice.push(m).want(t, fault.OK).into(t, &again)
		ack := append(unhex(t, "10"), enc.AppendUvarint(nil, uint64(again.LogID))...)
		ack = append(append(ack, 0x40), enc.AppendUvarint(nil, uint64(again.Datetime))...)
		want := append(unhex(t, "08 01 12"), byte(len(ack)))
		if want = append(want, ack...); !bytes.Equal(got.body, want) || got.ack != seq {
			t.Errorf("the receipt is %x with ack %d, want %x with %d", got.body, got.ack, want, seq)
		}
	})
}
