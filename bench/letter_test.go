package main

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/wire"
	"parley/record"
)

func TestALetterArrivesWithItsStamp(t *testing.T) {
	t.Parallel()
	people, err := newAddresses(2)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLetter(wirev1.ChannelType_CHANNEL_TYPE_USER, string(people[1]))
	if err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]bool)
	for _, want := range []stamp{{0, 0}, {time.Hour, 1}, {70 * time.Hour, 1 << 31}} {
		sent := append([]byte(nil), l.next(want)...)
		p, _, err := parsePacket(unmask(sent))
		if err != nil || p.op != opSendMsg || p.seq != uint32(want.number) {
			t.Fatalf("the letter %v is packet %d with seq %d, %v", want, p.op, p.seq, err)
		}
		e, err := record.Parse(people[0], p.body, record.DefaultConfig())
		if err != nil {
			t.Fatalf("the letter %v: %v", want, err)
		}
		if e.A != people[1] || ids[e.ID] {
			t.Errorf("the letter %v goes to %v as %s, want %s and a new msgId", want, e.Audience, e.ID, people[1])
		}
		ids[e.ID] = true
		e.Pos, e.At = 1234567, time.Now().UnixMilli()
		if got, ok, err := stampOf(rendered(t, &e)); got != want || !ok || err != nil {
			t.Errorf("the letter %v arrives as %v, %v, %v", want, got, ok, err)
		}
	}
}

// unmask makes a client's frame one of a server: the key of its mask is zero.
func unmask(frame []byte) []byte {
	frame[1] &^= masked
	head := 2
	if frame[1] == length16 {
		head = 4
	}
	return append(frame[:head], frame[head+4:]...)
}

func rendered(t *testing.T, e *eventlog.Event) []byte {
	t.Helper()
	body, err := wire.Render(e)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestWhatTheServerSaysIsNoLetter(t *testing.T) {
	t.Parallel()
	notice, err := wire.Notice(wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_NAME, id.GID(1), newMsgID()[:14]+"4"+newMsgID()[15:], new(wirev1.Notice))
	if err != nil {
		t.Fatal(err)
	}
	signal, err := wire.Signal(wirev1.SignalType_SIGNAL_TYPE_RECEIVED, &wirev1.SignalReceived{Logs: []int64{7}})
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]eventlog.Event{
		"a notice": {Pos: 8, Author: "somebody", Body: notice},
		"a signal": {Pos: 8, Kind: eventlog.Signal, Body: signal},
	} {
		if s, ok, err := stampOf(rendered(t, &e)); ok || err != nil {
			t.Errorf("%s has the stamp %v, %v", name, s, err)
		}
	}
}

func TestAnEventThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	empty, err := proto.Marshal(&wirev1.Proto{Body: []byte{0x10, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"nothing": nil, "no msgId": empty, "a torn message": {0x12, 9, 0x10}, "no tag": {0x80}} {
		if s, ok, err := stampOf(body); err == nil {
			t.Errorf("%s has the stamp %v, %v", name, s, ok)
		}
	}
}
