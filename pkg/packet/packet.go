// Package packet is the form of what goes over a socket between a client and
// the socket gateway: one packet is one binary WebSocket message. What the
// bodies mean is for pkg/wire and for who sends and reads them.
package packet

import (
	"encoding/binary"
	"errors"
)

// HeaderSize is the length of a packet's header in bytes.
const HeaderSize = 20

// version is what a packet says of itself: one client drops anything else.
const version = 1

// Op is what a packet is about.
type Op uint32

// The operations.
const (
	Auth            Op = 1
	AuthReply       Op = 2
	Heartbeat       Op = 3
	HeartbeatReply  Op = 4
	Disconnect      Op = 5
	SendMsg         Op = 7
	SendMsgReply    Op = 8
	ReceiveMsg      Op = 9
	ReceiveMsgReply Op = 10
)

// Packet is one message of a socket: a header of 20 bytes, big endian, and a
// body.
//
//	0–3 length of the packet   4–5 length of the header   6–7 version
//	8–11 operation   12–15 seq   16–19 ack
type Packet struct {
	Op       Op
	Seq, Ack uint32
	Body     []byte
}

// ErrMalformed says that bytes are no packet.
var ErrMalformed = errors.New("the packet is malformed")

// Parse reads a packet of version 1, or of version 0, which tools send. The body
// is part of b.
func Parse(b []byte) (Packet, error) {
	if len(b) < HeaderSize ||
		binary.BigEndian.Uint32(b) != uint32(len(b)) ||
		binary.BigEndian.Uint16(b[4:]) != HeaderSize ||
		binary.BigEndian.Uint16(b[6:]) > version {
		return Packet{}, ErrMalformed
	}
	return Packet{
		Op:   Op(binary.BigEndian.Uint32(b[8:])),
		Seq:  binary.BigEndian.Uint32(b[12:]),
		Ack:  binary.BigEndian.Uint32(b[16:]),
		Body: b[HeaderSize:],
	}, nil
}

// Size returns the length of the packet in bytes.
func (p Packet) Size() int { return HeaderSize + len(p.Body) }

// Append writes the packet to the end of b.
func (p Packet) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(p.Size()))
	b = binary.BigEndian.AppendUint16(b, HeaderSize)
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Op))
	b = binary.BigEndian.AppendUint32(b, p.Seq)
	b = binary.BigEndian.AppendUint32(b, p.Ack)
	return append(b, p.Body...)
}
