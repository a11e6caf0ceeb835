package connect

import (
	"encoding/binary"

	"parley/pkg/packet"
)

// finBinary begins the header of an unfragmented binary message (RFC 6455,
// section 5.2).
const finBinary = 0x82

// appendFrame writes a packet as a WebSocket message from a server to the end of
// b. Messages that stand behind each other go out with one write.
func appendFrame(b []byte, p packet.Packet) []byte {
	switch size := p.Size(); {
	case size < 126:
		b = append(b, finBinary, byte(size))
	case size < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, finBinary, 126), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, finBinary, 127), uint64(size))
	}
	return p.Append(b)
}
