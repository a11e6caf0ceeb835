package main

import (
	"encoding/binary"
	"fmt"
)

// The operations of a packet.
const (
	opAuth            = 1
	opAuthReply       = 2
	opSendMsg         = 7
	opSendMsgReply    = 8
	opReceiveMsg      = 9
	opReceiveMsgReply = 10
)

// packetHeader is the length of a packet's header.
const packetHeader = 20

// packet is what goes over a socket, each in a WebSocket message of its own.
type packet struct {
	op, seq, ack uint32
	body         []byte
}

// The beginnings of WebSocket frames (RFC 6455, section 5.2).
const (
	finBinary = 0x82
	finClose  = 0x88
	masked    = 0x80
	length16  = 126
)

// append writes the packet to the end of b as a WebSocket message from a client.
// The key of the mask is zero, which leaves the bytes as they are: that spares
// the client the work, and nothing to the server.
func (p packet) append(b []byte) []byte {
	size := packetHeader + len(p.body)
	if size < length16 {
		b = append(b, finBinary, masked|byte(size))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, finBinary, masked|length16), uint16(size))
	}
	b = append(b, 0, 0, 0, 0)
	return p.appendBare(b)
}

// appendBare writes the packet to the end of b without a frame.
func (p packet) appendBare(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(packetHeader+len(p.body)))
	b = binary.BigEndian.AppendUint16(b, packetHeader)
	b = binary.BigEndian.AppendUint16(b, 1)
	b = binary.BigEndian.AppendUint32(b, p.op)
	b = binary.BigEndian.AppendUint32(b, p.seq)
	b = binary.BigEndian.AppendUint32(b, p.ack)
	return append(b, p.body...)
}

// parsePacket reads the WebSocket message from a server at the beginning of b and
// returns its length, which is 0 while it is not complete. The body is part of b.
func parsePacket(b []byte) (p packet, length int, err error) {
	if len(b) < 4 {
		return packet{}, 0, nil
	}
	size, head := int(b[1]), 2
	if size == length16 {
		size, head = int(binary.BigEndian.Uint16(b[2:])), 4
	}
	switch {
	case b[0] == finClose && size >= 2:
		return packet{}, 0, fmt.Errorf("the server closed the socket with code %d", binary.BigEndian.Uint16(b[head:]))
	case b[0] != finBinary || b[1] > length16 || size < packetHeader:
		return packet{}, 0, fmt.Errorf("the server sent a frame that begins with %x", b[:4])
	case len(b) < head+size:
		return packet{}, 0, nil
	}
	length = head + size
	b = b[head:length]
	if binary.BigEndian.Uint32(b) != uint32(size) || binary.BigEndian.Uint16(b[4:]) != packetHeader || binary.BigEndian.Uint16(b[6:]) != 1 {
		return packet{}, 0, fmt.Errorf("the server sent a packet that begins with %x", b[:8])
	}
	return packet{
		op: binary.BigEndian.Uint32(b[8:]), seq: binary.BigEndian.Uint32(b[12:]), ack: binary.BigEndian.Uint32(b[16:]),
		body: b[packetHeader:],
	}, length, nil
}
