package connect

import (
	"context"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
	"google.golang.org/protobuf/proto"

	recordv1 "parley/api/proto/record/v1"
	wirev1 "parley/api/proto/wire/v1"
	"parley/app/presence"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/packet"
)

// auth handles Auth: the first one lets a session in, one more is answered and
// changes nothing. What fails closes the socket, because one client takes any
// first packet for success.
func (s *session) auth(p packet.Packet) {
	reply := packet.Packet{Op: packet.AuthReply, Seq: p.Seq, Ack: p.Seq}
	if s.user != nil {
		s.out.put(reply)
		return
	}
	var m wirev1.AuthMsg
	if err := proto.Unmarshal(p.Body, &m); err != nil {
		s.end(packet.ErrMalformed, 1008)
		return
	}
	uid, err := s.gateway.services.Verifier.Verify(m.Token)
	if err != nil {
		s.end(err, 1008)
		return
	}
	var login *wirev1.Login
	if len(m.Ext) > 0 {
		login = new(wirev1.Login)
		if err := proto.Unmarshal(m.Ext, login); err != nil {
			s.end(packet.ErrMalformed, 1008)
			return
		}
	}
	s.uid = uid
	if login == nil || login.Uuid == "" {
		s.enterPlain(reply)
		return
	}
	s.enterDevice(reply, login)
}

// enterWithin bounds what the log or the record service may take to let somebody
// in.
const enterWithin = 10 * time.Second

// enterPlain lets a connection without a device in: it gets what happens from now
// on. The tail may be behind.
func (s *session) enterPlain(reply packet.Packet) {
	ctx, cancel := context.WithTimeout(s.gateway.ctx, enterWithin)
	defer cancel()
	head, err := s.gateway.services.Log.Head(ctx)
	if err != nil {
		logx.Errorf("let %s in without a device: %v", s.uid, err)
		s.end(err, 1011)
		return
	}
	s.enter(reply, head)
}

func (s *session) enterDevice(reply packet.Packet, login *wirev1.Login) {
	if !s.gateway.makeRoom(s.uid, login) {
		s.end(errCrowd, 1008) // before it takes the place of another phone
		return
	}
	ctx, cancel := context.WithTimeout(s.gateway.ctx, enterWithin)
	defer cancel()
	answer, err := s.gateway.services.Devices.Enter(ctx, &recordv1.EnterRequest{
		Uid: string(s.uid), Type: int32(login.Device), Uuid: login.Uuid, Name: login.DeviceName, PushToken: login.DeviceToken,
		Reconnect: login.ConnType == wirev1.ConnType_CONN_TYPE_RECONNECT,
	})
	if err != nil {
		code := uint16(1008)
		if fault.Of(err).Code == fault.Busy {
			code = 1011
		}
		if !fault.Expected(err) {
			logx.Errorf("let a device of %s in: %v", s.uid, err)
		}
		s.end(err, code)
		return
	}
	if h := answer.GetHolder(); h != nil {
		s.refuse(reply, h)
		return
	}
	d := device{kind: login.Device, uuid: login.Uuid, at: answer.GetAt()}
	s.device = &d
	s.enter(reply, eventlog.Position(answer.GetCursor()))
	// Even if it was not let in after all: it took the place of another phone.
	s.gateway.announce(s.uid, d, login.DeviceName)
}

// makeRoom reports whether a user may have one more socket. A device that vanishes
// without a word and comes back leaves sockets behind, which are found dead only
// later: the oldest of its own gives way.
func (g *Gateway) makeRoom(uid id.UID, login *wirev1.Login) bool {
	sessions := g.hub.sessionsOf(uid)
	if len(sessions) < g.config.MaxSockets {
		return true
	}
	for _, s := range sessions {
		if s.device != nil && s.device.kind == login.Device && s.device.uuid == login.Uuid {
			s.leave()
			g.cursors.mark(s)
			g.hub.remove(s)
			s.end(errAgain, 1008)
			return true
		}
	}
	return false
}

// refuse tells a phone which other one holds the account. It has a while to
// choose to take its place.
func (s *session) refuse(reply packet.Packet, holder *recordv1.Device) {
	d := device{kind: wirev1.Device(holder.GetType()), uuid: holder.GetUuid(), at: holder.GetAt()}
	body, err := proto.Marshal(endpointLogin(d, holder.GetName()))
	if err != nil {
		s.end(err, 1011)
		return
	}
	if !s.refused {
		s.refused = true
		s.authTimer.Reset(s.gateway.config.RefusedTimeout)
	}
	reply.Body = body
	s.out.put(reply)
}

// enter lets the session in, unless it is being closed: it reads on after a
// position, a moment after the reply, because one client loses what comes in the
// first moments.
func (s *session) enter(reply packet.Packet, after eventlog.Position) bool {
	if !s.authTimer.Stop() {
		return false
	}
	s.authTimer = nil
	connection := presence.Connection{User: s.uid, Since: time.Now()}
	if s.device != nil {
		connection.Device, connection.UUID = s.device.kind, s.device.uuid
	}
	s.mu.Lock()
	s.phase, s.at, s.settled, s.confirmed = entered, after, after, connection.Since
	s.presence = s.gateway.presence.Enter(connection)
	s.mu.Unlock()
	if !s.gateway.hub.add(s, s.gateway.config.MaxSockets, func() { s.out.put(reply) }) {
		s.leave()
		s.end(errCrowd, 1008)
		return false
	}
	s.countEntered()
	time.AfterFunc(s.gateway.config.BacklogDelay, s.begin)
	return true
}

// begin lets events follow.
func (s *session) begin() {
	s.mu.Lock()
	s.ready = true
	s.mu.Unlock()
	s.pump()
	if s.device != nil && s.device.mobile() {
		s.confirmPlace()
	}
}

// confirmPlace asks whether the phone is still the user's own: another one may have
// come in after it, and announced that before it could hear.
func (s *session) confirmPlace() {
	ctx, cancel := context.WithTimeout(s.gateway.ctx, enterWithin)
	defer cancel()
	answer, err := s.gateway.services.Devices.Holder(ctx, &recordv1.HolderRequest{Uid: string(s.uid)})
	if err != nil {
		return // its next cursor finds out
	}
	if h := answer.GetHolder(); h != nil && h.GetUuid() != s.device.uuid {
		s.gateway.tellEndpoint(s.uid, device{kind: wirev1.Device(h.GetType()), uuid: h.GetUuid(), at: h.GetAt()}, h.GetName())
	}
}

// endpointLogin is the signal that tells of a device that came in.
func endpointLogin(d device, name string) *wirev1.SignalEndpointLogin {
	return &wirev1.SignalEndpointLogin{Uuid: d.uuid, Device: d.kind, DeviceName: name, Datetime: uint64(d.at)}
}

// endpointSignal is the signal as it goes over the wire. It is not stored, so it
// has no sid.
func endpointSignal(d device, name string) ([]byte, error) {
	body, err := proto.Marshal(endpointLogin(d, name))
	if err != nil {
		return nil, err
	}
	signal, err := proto.Marshal(&wirev1.Signal{Type: wirev1.SignalType_SIGNAL_TYPE_ENDPOINT_LOGIN, Body: body})
	if err != nil {
		return nil, err
	}
	return proto.Marshal(&wirev1.Proto{EventType: wirev1.EventType_EVENT_TYPE_SIGNAL, Body: signal})
}

// tellEndpoint tells the sessions of a user here that a device came in, and ends
// those of a phone that it replaces: they get nothing any more, and are closed a
// moment later.
func (g *Gateway) tellEndpoint(uid id.UID, d device, name string) {
	sessions := g.hub.sessionsOf(uid)
	if len(sessions) == 0 {
		return
	}
	signal, err := endpointSignal(d, name)
	if err != nil {
		logx.Errorf("tell that a device of %s came in: %v", uid, err)
		return
	}
	for _, s := range sessions {
		if s.device != nil && s.device.mobile() && d.mobile() && s.device.uuid != d.uuid && s.device.at < d.at {
			g.replace(s, signal)
		} else {
			s.tell(signal)
		}
	}
}

// replace ends the session of a phone whose place another one took. The last
// signals, if any, are all that it still gets.
func (g *Gateway) replace(s *session, last ...[]byte) {
	s.leave(last...) // first: what is dispatched from here on is not what it got
	g.hub.remove(s)
	time.AfterFunc(g.config.ReplacedDelay, func() { s.end(errReplaced, 1008) })
}
