package connect

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"parley/pkg/packet"
)

func TestTheLengthOfAMessageHasThreeForms(t *testing.T) {
	t.Parallel()
	for size, header := range map[int]string{0: "82 14", 105: "82 7d", 106: "82 7e 007e", 65515: "82 7e ffff", 65516: "82 7f 0000000000010000"} {
		p := packet.Packet{Op: packet.ReceiveMsg, Seq: 1, Body: make([]byte, size)}
		head, err := hex.DecodeString(strings.ReplaceAll(header, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := appendFrame(nil, p); !bytes.Equal(got, p.Append(head)) {
			t.Errorf("a packet of %d bytes is written in %d that begin with %x, want %x", p.Size(), len(got), got[:len(head)], head)
		}
	}
}
