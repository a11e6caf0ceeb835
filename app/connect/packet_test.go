package connect

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAPacketByteForByte(t *testing.T) {
	t.Parallel()
	p, err := parsePacket(unhex(t, "00000017 0014 0001 00000007 00000102 00000003 616263"))
	if err != nil || p.op != opSendMsg || p.seq != 0x102 || p.ack != 3 || string(p.body) != "abc" {
		t.Errorf("read as %+v, %v", p, err)
	}
	want := unhex(t, "82 17  00000017 0014 0001 00000008 00000102 00000003 616263")
	if got := (packet{op: opSendMsgReply, seq: 0x102, ack: 3, body: []byte("abc")}).append(nil); !bytes.Equal(got, want) {
		t.Errorf("written as %x, want %x", got, want)
	}
}

func TestTheLengthOfAMessageHasThreeForms(t *testing.T) {
	t.Parallel()
	for size, header := range map[int]string{105: "82 7d", 106: "82 7e 007e", 65515: "82 7e ffff", 65516: "82 7f 0000000000010000"} {
		got := packet{op: opReceiveMsg, body: make([]byte, size)}.append(nil)
		if want := unhex(t, header); !bytes.HasPrefix(got, want) || len(got) != len(want)+headerSize+size {
			t.Errorf("a body of %d bytes is written in %d with the header %x, want %x", size, len(got), got[:len(want)], want)
		}
	}
}

func TestToolsSendVersionZero(t *testing.T) {
	t.Parallel()
	if _, err := parsePacket(unhex(t, "00000014 0014 0000 00000003 00000001 00000000")); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoPacket(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]string{
		"nothing":               "",
		"half a header":         "00000014 0014 0001 0000",
		"longer than it says":   "00000014 0014 0001 00000003 00000001 00000000 61",
		"shorter than it says":  "00000015 0014 0001 00000003 00000001 00000000",
		"another header length": "00000014 0010 0001 00000003 00000001 00000000",
		"version 2":             "00000014 0014 0002 00000003 00000001 00000000",
	} {
		if p, err := parsePacket(unhex(t, b)); err == nil {
			t.Errorf("%s is read as %+v", name, p)
		}
	}
}

// FuzzPacket holds what is read against what is written again.
func FuzzPacket(f *testing.F) {
	f.Add(unhex(f, "00000017 0014 0001 00000007 00000102 00000003 616263"))
	f.Add(unhex(f, "00000014 0014 0000 00000003 00000001 00000000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePacket(b)
		if err != nil {
			return
		}
		again := p.append(nil)
		again = again[len(again)-len(b):]
		again[7] = b[7] // the version, which is always 1 on the way out
		if !bytes.Equal(again, b) {
			t.Errorf("%x became %x", b, again)
		}
	})
}
