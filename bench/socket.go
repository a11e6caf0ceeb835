package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
)

// socket is an app's connection to the socket gateway. Like conn it costs as
// little as it can: packets are finished bytes, an event is confirmed without a
// look at it, and what one read brought is confirmed with one write.
//
// One goroutine reads; others may write past out.
type socket struct {
	net.Conn
	in   []byte // what is read and not taken yet
	room []byte // the buffer of in
	out  []byte // goes out with the next flush
	// readAt is when the packet that is being taken came.
	readAt time.Duration
	// silent sockets confirm nothing.
	silent bool
}

const upgrade = "GET /sub HTTP/1.1\r\nHost: parley.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// dialSocket opens a socket without authenticating.
func dialSocket(address string) (*socket, error) {
	c, err := net.DialTimeout("tcp", address, answerTimeout)
	if err != nil {
		return nil, err
	}
	s := &socket{Conn: c, room: make([]byte, 1<<10)}
	if err := s.shakeHands(); err != nil {
		return nil, errors.Join(fmt.Errorf("open a socket: %w", err), c.Close())
	}
	return s, nil
}

func (s *socket) shakeHands() error {
	if err := s.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return err
	}
	if _, err := s.Write([]byte(upgrade)); err != nil {
		return err
	}
	for {
		if err := s.fill(); err != nil {
			return err
		}
		if head, rest, found := bytes.Cut(s.in, headEnd); found {
			if !strings.HasPrefix(string(head), "HTTP/1.1 101 ") {
				return fmt.Errorf("the server answered %q", firstLine(head))
			}
			s.in = rest
			return s.SetDeadline(time.Time{})
		}
	}
}

// openSocket opens a socket for the only device that a user has.
func openSocket(address string, u *user, device wirev1.Device) (*socket, error) {
	ext, err := proto.Marshal(&wirev1.Login{Device: device, Uuid: string(u.uid), DeviceName: "bench"})
	if err != nil {
		return nil, err
	}
	body, err := proto.Marshal(&wirev1.AuthMsg{AppId: "dtalk", Token: u.token(), Ext: ext})
	if err != nil {
		return nil, err
	}
	s, err := dialSocket(address)
	if err != nil {
		return nil, err
	}
	if err := s.enter(body); err != nil {
		return nil, errors.Join(fmt.Errorf("authenticate a socket: %w", err), s.Close())
	}
	return s, nil
}

func (s *socket) enter(auth []byte) error {
	if err := s.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return err
	}
	s.out = packet{op: opAuth, seq: 1, body: auth}.append(s.out)
	if err := s.flush(); err != nil {
		return err
	}
	entered := false
	for !entered {
		err := s.read(func(p packet) error {
			if p.op == opAuthReply {
				entered = true
				if len(p.body) > 0 {
					return errors.New("another phone holds the account")
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.SetDeadline(time.Time{})
}

// opening is how many sockets are opened at the same time.
const opening = 64

// openSockets opens a socket for each user.
func openSockets(address string, users []*user, device wirev1.Device) ([]*socket, error) {
	return openMany(len(users), func(i int) (*socket, error) { return openSocket(address, users[i], device) })
}

// openMany opens n sockets, or none.
func openMany(n int, open func(i int) (*socket, error)) ([]*socket, error) {
	sockets := make([]*socket, n)
	var group errgroup.Group
	group.SetLimit(opening)
	for i := range sockets {
		group.Go(func() (err error) {
			sockets[i], err = open(i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		closeSockets(sockets)
		return nil, err
	}
	return sockets, nil
}

func closeSockets(sockets []*socket) {
	for _, s := range sockets {
		if s != nil {
			s.Close()
		}
	}
}

// fill reads what is there to the end of in.
func (s *socket) fill() error {
	if len(s.in) == len(s.room) {
		s.room = make([]byte, 2*len(s.room))
	}
	// What is left of the last read moves to the front.
	kept := copy(s.room, s.in)
	n, err := s.Read(s.room[kept:])
	s.in = s.room[:kept+n]
	return err
}

// read waits for packets, has take look at each, confirms those that are events
// and writes what is to go out. The body of a packet is valid until take returns.
func (s *socket) read(take func(packet) error) error {
	if err := s.fill(); err != nil {
		return fmt.Errorf("read from a socket: %w", err)
	}
	s.readAt = now()
	for {
		p, length, err := parsePacket(s.in)
		if err != nil {
			return err
		}
		if length == 0 {
			return s.flush()
		}
		s.in = s.in[length:]
		if p.op == opReceiveMsg && !s.silent {
			s.out = packet{op: opReceiveMsgReply, ack: p.seq}.append(s.out)
		}
		if err := take(p); err != nil {
			return err
		}
	}
}

// flush writes what is to go out.
func (s *socket) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.Write(s.out)
	s.out = s.out[:0]
	if err != nil {
		return fmt.Errorf("write to a socket: %w", err)
	}
	return nil
}
