package main

import (
	"bytes"
	"net"
	"testing"
)

func TestWhatOneReadBroughtIsConfirmedWithOneWrite(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	s := &socket{Conn: ours, room: make([]byte, 64)}
	events := []packet{
		{op: opReceiveMsg, seq: 1, body: []byte("one")},
		{op: opSendMsgReply, ack: 5, body: []byte("two")},
		{op: opReceiveMsg, seq: 2, body: bytes.Repeat([]byte("x"), 500)},
		{op: opReceiveMsg, seq: 3, body: []byte("three")},
	}
	var stream []byte
	for _, p := range events {
		stream = append(stream, fromServer(p)...)
	}
	confirm := func(seqs ...uint32) (b []byte) {
		for _, seq := range seqs {
			b = packet{op: opReceiveMsgReply, ack: seq}.append(b)
		}
		return b
	}
	done := make(chan error, 1)
	go func() {
		_, err := theirs.Write(stream[:60])
		for _, want := range [][]byte{confirm(1), confirm(2, 3)} {
			got := make([]byte, 2*len(want)) // a pipe has no more than one write for a read
			n, e := theirs.Read(got)
			if e != nil || !bytes.Equal(got[:n], want) {
				t.Errorf("the confirmation is %x, %v; want %x", got[:n], e, want)
			}
			if len(want) == len(confirm(1)) {
				_, err = theirs.Write(stream[60:])
			}
		}
		done <- err
	}()
	var taken []packet
	for len(taken) < len(events) {
		err := s.read(func(p packet) error {
			p.body = bytes.Clone(p.body)
			taken = append(taken, p)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for i, want := range events {
		if got := taken[i]; got.op != want.op || got.seq != want.seq || got.ack != want.ack || !bytes.Equal(got.body, want.body) {
			t.Errorf("packet %d is %+v, want %+v", i, got, want)
		}
	}
}
