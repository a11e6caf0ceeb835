// Package client is what the clients for the terminal have in common: a device of
// the API like any other. It needs nothing of the server's own but the codec of
// packets.
//
// Events come in the order of their positions, so one number, the position up to
// which everything was taken, keeps what comes twice from being taken twice: over
// the socket, by sync-record and in the history.
package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"parley/pkg/auth"
	"parley/pkg/packet"
)

// Options say whose device it is, and where the server is.
type Options struct {
	Key auth.Key
	// Program is what runs on the device, as its user is told.
	Program string
	// URL is the base of the REST API.
	URL string
	// Socket is the address of the socket; empty is /sub below URL.
	Socket string
	// Take takes an event, which may have come before, and Say what is to be
	// said about the connection. Both are called by who calls the Link.
	Take func(Event)
	Say  func(string)
}

// Link keeps a device connected. It belongs to one goroutine, which waits for
// what happens (Packets, Ended and Dialed) and hands it back.
type Link struct {
	REST REST
	// Seen is the position up to which events were taken.
	Seen int64

	options Options
	dialer  dialer
	conn    *conn // nil while there is none
	tries   backoff
	dialed  chan Dialed
}

// Dialed is what became of a try to connect.
type Dialed struct {
	conn *conn
	err  error
}

// Connect connects for the first time.
func Connect(ctx context.Context, o Options) (*Link, error) {
	socket, err := socketURL(cmp.Or(o.Socket, o.URL))
	if err != nil {
		return nil, err
	}
	device := thisDevice(o.Key.UID(), o.Program)
	l := &Link{
		REST:    newREST(o.URL, o.Key, device.uuid),
		options: o,
		dialer:  dialer{url: socket, key: o.Key, device: device},
		dialed:  make(chan Dialed),
	}
	if l.conn, err = l.dialer.dial(ctx, false); err != nil {
		return nil, l.explain(ctx, err)
	}
	return l, nil
}

// Connected reports whether there is a connection.
func (l *Link) Connected() bool { return l.conn != nil }

// Packets are what comes over the connection.
func (l *Link) Packets() <-chan packet.Packet {
	if l.conn == nil {
		return nil
	}
	return l.conn.packets
}

// Ended is closed when the connection has ended, which Lost is to be told.
func (l *Link) Ended() <-chan struct{} {
	if l.conn == nil {
		return nil
	}
	return l.conn.ended
}

// Dialed has what became of a try to connect, which is for Reached.
func (l *Link) Dialed() <-chan Dialed { return l.dialed }

// Write sends a packet and returns its seq.
func (l *Link) Write(p packet.Packet) (seq uint32) { return l.conn.write(p) }

// Receive takes a packet, and confirms an event.
func (l *Link) Receive(p packet.Packet) {
	if p.Op != packet.ReceiveMsg {
		return
	}
	if e, err := decodeEvent(p.Body); err == nil {
		l.options.Take(e)
	}
	l.conn.write(packet.Packet{Op: packet.ReceiveMsgReply, Ack: p.Seq})
}

// New reports whether nothing at a position or after it was taken, and notes that
// it is. What is not stored is always new.
func (l *Link) New(pos int64) bool {
	if pos != 0 && pos <= l.Seen {
		return false
	}
	l.Seen = max(l.Seen, pos)
	return true
}

// Lost has what still came over a connection that ended received, and looks for
// another one.
func (l *Link) Lost(ctx context.Context, receive func(packet.Packet)) {
	for more := true; more; {
		select {
		case p := <-l.conn.packets:
			receive(p)
		default:
			more = false
		}
	}
	l.options.Say("connection lost, trying again")
	if l.conn.lived() > maxPause {
		l.tries = 0
	}
	l.conn = nil
	l.redial(ctx)
}

// redial connects after a pause.
func (l *Link) redial(ctx context.Context) {
	pause := l.tries.next()
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		conn, err := l.dialer.dial(ctx, true)
		select {
		case <-ctx.Done():
			if conn != nil {
				conn.leave()
			}
		case l.dialed <- Dialed{conn, err}:
		}
	}()
}

// Reached goes on with a new connection, or tries again. An error is final.
func (l *Link) Reached(ctx context.Context, d Dialed) error {
	if d.err == nil {
		if d.err = l.catchUp(ctx); d.err != nil {
			d.conn.close()
		}
	}
	if refused := (*refusedError)(nil); errors.As(d.err, &refused) {
		return l.explain(ctx, d.err)
	}
	if d.err != nil {
		l.redial(ctx)
		return nil
	}
	l.conn = d.conn
	return nil
}

// catchUp takes what happened while there was no connection. The socket brings
// that too, less what another terminal of the same device has confirmed. So a
// connection counts only when this is done: what comes over it moves the
// position from which the next one would ask.
func (l *Link) catchUp(ctx context.Context) error {
	for again := false; ; again = true {
		events, err := l.REST.Sync(ctx, l.Seen, syncCount)
		if err != nil {
			return err
		}
		if !again {
			l.options.Say("connected again")
		}
		for _, e := range events {
			l.options.Take(e)
		}
		if len(events) < syncCount {
			return nil
		}
	}
}

// explain adds what the REST API says to a refusal of the socket, which has no
// words.
func (l *Link) explain(ctx context.Context, err error) error {
	if refused := (*refusedError)(nil); !errors.As(err, &refused) {
		return err
	}
	if _, said := l.REST.Sync(ctx, maxPosition, 1); said != nil {
		return fmt.Errorf("%w: %w", err, said)
	}
	return err
}

// Leave ends the connection, so that what was confirmed counts.
func (l *Link) Leave() {
	if l.conn != nil {
		l.conn.leave()
	}
}
