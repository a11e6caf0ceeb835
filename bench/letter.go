package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	wirev1 "parley/api/proto/wire/v1"
)

// began is when the program began, and now the time since then.
var began = time.Now()

func now() time.Duration { return time.Since(began) }

// stamp is what the msgId of a letter says: when it was sent, or should have
// been, and a number. So a receiver needs no more than the message to tell how
// long it took, and whether it is a repeat.
type stamp struct {
	at     time.Duration
	number uint64
}

// stampMark stands where other uuids have their version, which is never 0.
const stampMark = 0x0be0

// put writes the stamp as a uuid over b. Letters with different tags have
// different uuids.
func (s stamp) put(b []byte, tag uint16) {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], uint64(s.at)<<16|stampMark)
	binary.BigEndian.PutUint64(raw[8:], uint64(tag)<<48|s.number)
	hex.Encode(b[0:8], raw[0:4])
	hex.Encode(b[9:13], raw[4:6])
	hex.Encode(b[14:18], raw[6:8])
	hex.Encode(b[19:23], raw[8:10])
	hex.Encode(b[24:36], raw[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
}

// parseStamp reads a msgId. It returns false for one that is not of a letter.
func parseStamp(b []byte) (s stamp, ok bool) {
	if len(b) != msgIDLength {
		return stamp{}, false
	}
	var raw [16]byte
	at := 0
	for _, part := range [...][]byte{b[0:8], b[9:13], b[14:18], b[19:23], b[24:36]} {
		n, err := hex.Decode(raw[at:], part)
		if err != nil {
			return stamp{}, false
		}
		at += n
	}
	head := binary.BigEndian.Uint64(raw[:])
	return stamp{at: time.Duration(head >> 16), number: binary.BigEndian.Uint64(raw[8:]) & (1<<48 - 1)}, head&0xffff == stampMark
}

// letter is a finished SendMsg packet, in which seq and msgId are replaced for
// each message.
type letter struct {
	frame      []byte
	seq, msgID []byte // parts of frame
	tag        uint16
}

func newLetter(channel wirev1.ChannelType, target string) (*letter, error) {
	id := newMsgID()
	message, err := encodeMessage(channel, id, target)
	if err != nil {
		return nil, err
	}
	frame := packet{op: opSendMsg, body: message}.append(nil)
	head := frame[len(frame)-len(message)-packetHeader:]
	at := bytes.Index(frame, []byte(id))
	return &letter{frame: frame, seq: head[12:16], msgID: frame[at : at+msgIDLength], tag: uint16(rand.Uint32())}, nil
}

// next is the packet of a new message, valid until the next call.
func (l *letter) next(s stamp) []byte {
	binary.BigEndian.PutUint32(l.seq, uint32(s.number))
	s.put(l.msgID, l.tag)
	return l.frame
}

// stampOf returns the stamp of a Proto, or false when it is no letter but a
// signal or a notice. It reads no more than it has to.
func stampOf(body []byte) (s stamp, ok bool, err error) {
	const eventType = 0x08 // the tag of a field that only signals have
	if len(body) > 0 && body[0] == eventType {
		return stamp{}, false, nil
	}
	common, err := bytesField(body, 2)
	if err != nil {
		return stamp{}, false, err
	}
	msgID, err := bytesField(common, 3)
	if err != nil {
		return stamp{}, false, err
	}
	s, ok = parseStamp(msgID)
	return s, ok, nil
}

// bytesField returns a field of bytes of an encoded message. It is part of it.
func bytesField(message []byte, want protowire.Number) ([]byte, error) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, fmt.Errorf("read an event: %w", protowire.ParseError(n))
		}
		message = message[n:]
		if number == want && kind == protowire.BytesType {
			value, n := protowire.ConsumeBytes(message)
			if n < 0 {
				return nil, fmt.Errorf("read an event: %w", protowire.ParseError(n))
			}
			return value, nil
		}
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return nil, fmt.Errorf("read an event: %w", protowire.ParseError(n))
		}
		message = message[n:]
	}
	return nil, errors.New("an event lacks what every message has")
}
