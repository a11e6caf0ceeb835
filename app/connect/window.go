package connect

import (
	"time"

	"parley/pkg/eventlog"
	"parley/pkg/packet"
)

// delivery is an event that was sent to a client and is not settled yet.
type delivery struct {
	pos       eventlog.Position
	seq       uint32
	proto     []byte
	first     time.Time // when it was sent
	sent      time.Time // the last time
	tries     int
	confirmed bool
}

// window is what was sent on one connection, in the order of positions. Its
// front is never confirmed: what is confirmed together with all before it is
// settled and gone.
type window struct {
	deliveries []delivery
	bytes      int
	seq        uint32
}

// full reports whether nothing more may be sent before something is confirmed.
func (w *window) full(events, bytes int) bool {
	return len(w.deliveries) >= events || w.bytes >= bytes
}

func (w *window) empty() bool { return len(w.deliveries) == 0 }

// unconfirmed is how many events wait for confirmation.
func (w *window) unconfirmed() int {
	n := 0
	for i := range w.deliveries {
		if !w.deliveries[i].confirmed {
			n++
		}
	}
	return n
}

// add notes that an event is sent and returns it as a packet.
func (w *window) add(pos eventlog.Position, proto []byte, now time.Time) packet.Packet {
	w.seq++
	w.deliveries = append(w.deliveries, delivery{pos: pos, seq: w.seq, proto: proto, first: now, sent: now, tries: 1})
	w.bytes += len(proto)
	return packet.Packet{Op: packet.ReceiveMsg, Seq: w.seq, Body: proto}
}

// confirm settles the event that was sent as seq. It reports whether there was one,
// and whether the front moved.
func (w *window) confirm(seq uint32) (owed, moved bool) {
	for i := range w.deliveries {
		if d := &w.deliveries[i]; d.seq == seq && !d.confirmed {
			return true, w.settle(i)
		}
	}
	return false, false
}

// drop settles the event at a position: it was revoked.
func (w *window) drop(pos eventlog.Position) bool {
	for i := range w.deliveries {
		if w.deliveries[i].pos == pos {
			return w.settle(i)
		}
	}
	return false
}

func (w *window) settle(i int) bool {
	d := &w.deliveries[i]
	if d.confirmed {
		return false
	}
	d.confirmed = true
	w.bytes -= len(d.proto)
	d.proto = nil
	n := 0
	for n < len(w.deliveries) && w.deliveries[n].confirmed {
		n++
	}
	if n == 0 {
		return false
	}
	w.deliveries = w.deliveries[n:]
	if len(w.deliveries) == 0 {
		w.deliveries = nil // a quiet connection keeps nothing
	}
	return true
}

// due returns what was not confirmed for long enough to be sent again: after
// first, then after twice that, and so on.
func (w *window) due(now time.Time, first time.Duration) []packet.Packet {
	var packets []packet.Packet
	for i := range w.deliveries {
		d := &w.deliveries[i]
		if d.confirmed || now.Sub(d.sent) < first<<min(d.tries-1, 5) {
			continue
		}
		d.sent = now
		d.tries++
		packets = append(packets, packet.Packet{Op: packet.ReceiveMsg, Seq: d.seq, Body: d.proto})
	}
	return packets
}
