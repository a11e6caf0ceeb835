package main

import (
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/record"
)

func TestNumbersAreNewOnce(t *testing.T) {
	t.Parallel()
	var s numbers
	for _, n := range []uint64{0, 1, 63, 64, 1000, 65} {
		if !s.add(n) {
			t.Errorf("%d is not new", n)
		}
		if s.add(n) {
			t.Errorf("%d is new again", n)
		}
	}
}

func TestATalkerFailsWhenAMessageIsRefused(t *testing.T) {
	t.Parallel()
	said := 0
	k := &talker{next: func() { said++ }}
	for _, p := range []packet{
		{op: opSendMsgReply, ack: 0, body: []byte("fine")},
		{op: opReceiveMsg, seq: 1, body: []byte("an echo")},
		{op: opSendMsgReply, ack: 1, body: []byte("fine")},
	} {
		if err := k.take(p); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if k.answered.Load() != 2 || said != 2 {
		t.Errorf("%d messages were answered and %d more sent, want 2 and 2", k.answered.Load(), said)
	}
	for name, p := range map[string]packet{
		"a refusal":        {op: opSendMsgReply, ack: 2},
		"a second receipt": {op: opSendMsgReply, ack: 1, body: []byte("fine")},
	} {
		if err := k.take(p); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestAListenerCountsAMessageOnce(t *testing.T) {
	t.Parallel()
	people, err := newAddresses(2)
	if err != nil {
		t.Fatal(err)
	}
	letter, err := newLetter(wirev1.ChannelType_CHANNEL_TYPE_USER, string(people[1]))
	if err != nil {
		t.Fatal(err)
	}
	var noted []stamp
	l := &listener{note: func(s stamp) error {
		noted = append(noted, s)
		return nil
	}}
	first, second := stamp{time.Second, 0}, stamp{time.Second, 1}
	for _, s := range []stamp{first, second, first, second} {
		sent, _, err := parsePacket(unmask(append([]byte(nil), letter.next(s)...)))
		if err != nil {
			t.Fatal(err)
		}
		e, err := record.Parse(people[0], sent.body, record.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		e.Pos, e.At = eventlog.Position(s.number+1), time.Now().UnixMilli()
		if err := l.take(packet{op: opReceiveMsg, body: rendered(t, &e)}); err != nil {
			t.Fatal(err)
		}
	}
	if l.got.Load() != 2 || len(noted) != 2 || noted[0] != first || noted[1] != second {
		t.Errorf("%d messages came and %v were noted, want %v and %v", l.got.Load(), noted, first, second)
	}
	if err := l.take(packet{op: opReceiveMsg, body: []byte{0x80}}); err == nil {
		t.Error("an event that cannot be read is taken")
	}
}
