package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

// numbers is a set of numbers from 0 on without large gaps.
type numbers struct{ bits []uint64 }

// add reports whether n is new.
func (s *numbers) add(n uint64) bool {
	word, bit := int(n/64), uint64(1)<<(n%64)
	for word >= len(s.bits) {
		s.bits = append(s.bits, 0)
	}
	if s.bits[word]&bit != 0 {
		return false
	}
	s.bits[word] |= bit
	return true
}

// talker sends messages over a socket. Each has a number of its own.
type talker struct {
	*socket
	letter *letter
	// sent is for the one who sends; answers for the one who reads.
	sent     atomic.Int64
	answered atomic.Int64
	answers  numbers
	// next is called for every answer, if it is set.
	next func()
}

// message is the packet of a message, valid until the next one. It is sent, or
// should have been, at a time.
func (t *talker) message(at time.Duration, number uint64) []byte {
	t.sent.Add(1)
	return t.letter.next(stamp{at: at, number: number})
}

// say puts a message into what goes out with the next flush.
func (t *talker) say() { t.out = append(t.out, t.message(now(), uint64(t.sent.Load()))...) }

// take looks for the answers to messages. One that is refused is a failure.
func (t *talker) take(p packet) error {
	if p.op != opSendMsgReply {
		return nil
	}
	if len(p.body) == 0 {
		return fmt.Errorf("message %d was refused", p.ack)
	}
	if !t.answers.add(uint64(p.ack)) {
		return fmt.Errorf("message %d was answered twice", p.ack)
	}
	if t.next != nil {
		t.next()
	}
	t.answered.Add(1)
	return nil
}

// listener gets messages over a socket, and hands each to note, once.
type listener struct {
	*socket
	got  atomic.Int64
	seen numbers
	note func(stamp) error
}

func (l *listener) take(p packet) error {
	if p.op != opReceiveMsg {
		return nil
	}
	s, ok, err := stampOf(p.body)
	if err != nil {
		return err
	}
	if !ok || !l.seen.add(s.number) {
		return nil
	}
	if err := l.note(s); err != nil {
		return err
	}
	l.got.Add(1)
	return nil
}
