package packet

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
	p, err := Parse(unhex(t, "00000017 0014 0001 00000007 00000102 00000003 616263"))
	if err != nil || p.Op != SendMsg || p.Seq != 0x102 || p.Ack != 3 || string(p.Body) != "abc" {
		t.Errorf("read as %+v, %v", p, err)
	}
	want := unhex(t, "00000017 0014 0001 00000008 00000102 00000003 616263")
	if got := (Packet{Op: SendMsgReply, Seq: 0x102, Ack: 3, Body: []byte("abc")}).Append(nil); !bytes.Equal(got, want) {
		t.Errorf("written as %x, want %x", got, want)
	}
}

func TestToolsSendVersionZero(t *testing.T) {
	t.Parallel()
	if _, err := Parse(unhex(t, "00000014 0014 0000 00000003 00000001 00000000")); err != nil {
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
		if p, err := Parse(unhex(t, b)); err == nil {
			t.Errorf("%s is read as %+v", name, p)
		}
	}
}

// FuzzPacket holds what is read against what is written again.
func FuzzPacket(f *testing.F) {
	f.Add(unhex(f, "00000017 0014 0001 00000007 00000102 00000003 616263"))
	f.Add(unhex(f, "00000014 0014 0000 00000003 00000001 00000000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		again := p.Append(nil)
		again[7] = b[7] // the version, which is always 1 on the way out
		if !bytes.Equal(again, b) {
			t.Errorf("%x became %x", b, again)
		}
	})
}
