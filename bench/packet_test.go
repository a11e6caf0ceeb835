package main

import (
	"bytes"
	"strings"
	"testing"
)

// fromServer is a packet as a server frames it.
func fromServer(p packet) []byte {
	body := p.appendBare(nil)
	if len(body) < length16 {
		return append([]byte{finBinary, byte(len(body))}, body...)
	}
	return append([]byte{finBinary, length16, byte(len(body) >> 8), byte(len(body))}, body...)
}

func TestPacketsAreReadOnceTheyAreComplete(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 105, 106, 300, 60_000} {
		want := packet{op: opReceiveMsg, seq: 7, ack: 9, body: bytes.Repeat([]byte("x"), size)}
		stream := fromServer(want)
		for _, part := range []int{0, 1, 3, len(stream) - 1} {
			if _, length, err := parsePacket(stream[:part]); length != 0 || err != nil {
				t.Errorf("%d of %d bytes are a packet of %d, %v", part, len(stream), length, err)
			}
		}
		got, length, err := parsePacket(append(stream, stream...))
		if err != nil || length != len(stream) || got.op != want.op || got.seq != want.seq || got.ack != want.ack || !bytes.Equal(got.body, want.body) {
			t.Errorf("a packet of %d bytes is read as op %d, seq %d, ack %d with %d bytes, %d in all, %v",
				len(stream), got.op, got.seq, got.ack, len(got.body), length, err)
		}
	}
}

func TestAClosedSocketSaysWithWhichCode(t *testing.T) {
	t.Parallel()
	_, _, err := parsePacket([]byte{finClose, 2, 0x03, 0xf0})
	if err == nil || !strings.Contains(err.Error(), "1008") {
		t.Errorf("the error is %v", err)
	}
}

func TestWhatIsNoPacketIsRefused(t *testing.T) {
	t.Parallel()
	good := fromServer(packet{op: opAuthReply})
	for at, name := range map[int]string{0: "frame", 1: "length of the frame", 3: "high byte of the length", 5: "length of the packet", 7: "length of the header", 9: "version"} {
		bad := bytes.Clone(good)
		bad[at] ^= 0x81
		if _, _, err := parsePacket(bad); err == nil {
			t.Errorf("a packet with another %s is taken", name)
		}
	}
}
