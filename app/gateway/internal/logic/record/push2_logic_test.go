package record

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
)

func frame(t testing.TB, op int32, body string) []byte {
	t.Helper()
	encoded, err := proto.Marshal(&wirev1.Frame{Ver: 1, Op: op, Seq: 3, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestAFrameHoldsAMessageToSend(t *testing.T) {
	t.Parallel()
	if got, err := unframe(frame(t, opSendMsg, "proto")); err != nil || string(got) != "proto" {
		t.Errorf("the frame holds %q, %v", got, err)
	}
	for name, encoded := range map[string][]byte{
		"another operation":    frame(t, 3, "proto"),
		"nothing inside":       frame(t, opSendMsg, ""),
		"not a frame":          []byte("hello"),
		"cut off":              frame(t, opSendMsg, "proto")[:6],
		"a group that is open": {0x0b},
	} {
		if got, err := unframe(encoded); !errors.Is(err, fault.BadRequest) {
			t.Errorf("%s: got %q, %v, want -1012", name, got, err)
		}
	}
}

func FuzzUnframe(f *testing.F) {
	f.Add(frame(f, opSendMsg, "proto"))
	f.Add([]byte{})
	f.Add([]byte{0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		got, err := unframe(encoded)
		if err != nil {
			if !errors.Is(err, fault.BadRequest) {
				t.Fatalf("the error is %v, want -1012", err)
			}
			return
		}
		if len(got) == 0 || !bytes.Contains(encoded, got) {
			t.Fatalf("the frame %x holds %x", encoded, got)
		}
	})
}
