package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"regexp"
	"testing"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/auth"
	"parley/pkg/id"
	"parley/record"
)

func TestEveryPushIsANewMessage(t *testing.T) {
	t.Parallel()
	users, err := newUsers(1)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := newAddresses(2)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newPushRequest(users[0], wirev1.ChannelType_CHANNEL_TYPE_USER, string(targets[0]))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for i, target := range []id.UID{targets[0], targets[1], targets[0]} {
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(r.nextTo(target))))
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if uid, err := auth.NewVerifier(auth.Config{}).Verify(request.Header.Get("FZM-SIGNATURE")); err != nil || uid != users[0].uid {
			t.Errorf("message %d: the token is of %q, %v; want %q", i, uid, err, users[0].uid)
		}
		var frame wirev1.Frame
		if err := proto.Unmarshal(filePart(t, request), &frame); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		event, err := record.Parse(users[0].uid, frame.Body, record.DefaultConfig())
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if event.A != target || event.B != users[0].uid {
			t.Errorf("message %d goes to %v, want %q", i, event.Audience, target)
		}
		if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(event.ID) || seen[event.ID] {
			t.Errorf("message %d has the msgId %q, want a new uuid", i, event.ID)
		}
		seen[event.ID] = true
	}
}

func filePart(t *testing.T, r *http.Request) []byte {
	t.Helper()
	parts, err := r.MultipartReader()
	if err != nil {
		t.Fatal(err)
	}
	part, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	if part.FormName() != "message" {
		t.Errorf("the part is named %q", part.FormName())
	}
	data, err := io.ReadAll(part)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
