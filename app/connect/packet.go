package connect

import (
	"encoding/binary"
	"errors"
)

// headerSize is the length of a packet's header in bytes.
const headerSize = 20

// version is what the server says of itself: one client drops anything else.
const version = 1

// op is what a packet is about.
type op uint32

// The operations.
const (
	opAuth            op = 1
	opAuthReply       op = 2
	opHeartbeat       op = 3
	opHeartbeatReply  op = 4
	opDisconnect      op = 5
	opSendMsg         op = 7
	opSendMsgReply    op = 8
	opReceiveMsg      op = 9
	opReceiveMsgReply op = 10
)

// packet is one message of a socket: a header of 20 bytes, big endian, and a
// body.
//
//	0–3 length of the packet   4–5 length of the header   6–7 version
//	8–11 operation   12–15 seq   16–19 ack
type packet struct {
	op       op
	seq, ack uint32
	body     []byte
}

var errPacket = errors.New("the packet is malformed")

// parsePacket reads a packet. The body is part of b.
func parsePacket(b []byte) (packet, error) {
	if len(b) < headerSize ||
		binary.BigEndian.Uint32(b) != uint32(len(b)) ||
		binary.BigEndian.Uint16(b[4:]) != headerSize ||
		binary.BigEndian.Uint16(b[6:]) > version {
		return packet{}, errPacket
	}
	return packet{
		op:   op(binary.BigEndian.Uint32(b[8:])),
		seq:  binary.BigEndian.Uint32(b[12:]),
		ack:  binary.BigEndian.Uint32(b[16:]),
		body: b[headerSize:],
	}, nil
}

// finBinary begins the header of an unfragmented binary message (RFC 6455,
// section 5.2).
const finBinary = 0x82

// append writes the packet as a WebSocket message from a server to the end of b.
// Messages that stand behind each other go out with one write.
func (p packet) append(b []byte) []byte {
	size := headerSize + len(p.body)
	switch {
	case size < 126:
		b = append(b, finBinary, byte(size))
	case size < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, finBinary, 126), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, finBinary, 127), uint64(size))
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = binary.BigEndian.AppendUint16(b, headerSize)
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint32(b, uint32(p.op))
	b = binary.BigEndian.AppendUint32(b, p.seq)
	b = binary.BigEndian.AppendUint32(b, p.ack)
	return append(b, p.body...)
}
