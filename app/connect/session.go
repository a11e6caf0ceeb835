package connect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/zeromicro/go-zero/core/logx"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/presence"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/packet"
	"parley/pkg/traces"
	"parley/record/sender"
)

// The reasons for which a session ends, as the log and the client are told them.
var (
	errGoodbye  = errors.New("the client says goodbye")
	errSlow     = errors.New("the client does not read")
	errSilent   = errors.New("the client confirms nothing")
	errTooMuch  = errors.New("the client sends too many frames")
	errCrowd    = errors.New("the user has too many sockets")
	errReplaced = errors.New("another phone took its place")
	errAgain    = errors.New("the same device has too many sockets")
)

// session is one socket, which has it for its gws.SessionStorage: a map for each
// socket would cost more than all else that it holds. Packets of a client come one after the other, on the
// socket's own goroutine; everything else may come from anywhere.
type session struct {
	storage
	gateway *Gateway
	socket  *gws.Conn
	out     outbox
	limit   bucket
	heard   time.Time // when the read deadline was set last
	restsAt int       // the look at which the cursor moves with the tail

	// Set by Auth, before the session is registered.
	uid    id.UID
	device *device // nil for a connection without a device
	user   *user

	authTimer *time.Timer // nil once the session was let in
	refused   bool        // a phone that may try again for a while

	gauge prometheus.Gauge       // in which the socket is counted
	ended atomic.Pointer[string] // why, once the gateway has ended it

	// mu comes after the dispatch lock.
	mu       sync.Mutex
	phase    phase
	window   window
	presence *presence.Entry
	// at is the position up to which everything was sent, as long as the
	// session is not live. A live one is where the hub's tail is.
	at      eventlog.Position
	live    bool
	pumping bool
	// ready is set when the pause before the first event is over.
	ready bool
	// settled is the highest cursor that was told to the record service.
	settled eventlog.Position
	// confirmed is when the client confirmed something last.
	confirmed time.Time
}

// phase is how far a session has come.
type phase int

const (
	fresh phase = iota
	entered
	ended
)

// device is what a session runs on. Its name is not kept.
type device struct {
	kind wirev1.Device
	uuid string
	at   int64
}

func (d *device) mobile() bool {
	return d.kind == wirev1.Device_DEVICE_ANDROID || d.kind == wirev1.Device_DEVICE_IOS
}

// receive handles a packet. The body is not kept. A confirmation that is owed does
// not count for the limit: how many there are is the server's doing.
func (s *session) receive(p packet.Packet) {
	if p.Op == packet.ReceiveMsgReply && s.user != nil && s.confirm(p.Ack) {
		return
	}
	if !s.limit.take(time.Now()) {
		s.end(errTooMuch, 1008)
		return
	}
	if p.Op == packet.Disconnect {
		s.end(errGoodbye, 1000)
		return
	}
	if s.over() {
		return // another phone took its place, and it is closed in a moment
	}
	switch {
	case p.Op == packet.Auth:
		s.auth(p)
	case p.Op == packet.Heartbeat:
		// One client takes any first packet for success.
		if s.user != nil || s.refused {
			s.out.put(packet.Packet{Op: packet.HeartbeatReply, Seq: p.Seq, Ack: p.Seq})
		}
	case s.user == nil:
		s.end(packet.ErrMalformed, 1008)
	case p.Op == packet.SendMsg:
		s.send(p)
	}
}

// over reports whether the session has ended, though its socket has not yet.
func (s *session) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == ended
}

// send hands a message to the record service. The sessions of one sender keep
// their order each.
func (s *session) send(p packet.Packet) {
	seq := p.Seq
	ctx, span := traces.Root(context.Background(), trace.SpanKindServer, "socket message")
	s.gateway.services.Sender.SendAsync(ctx, s.uid, append([]byte(nil), p.Body...), func(r sender.Receipt, err error) {
		span.End(err)
		if !s.over() {
			s.out.put(packet.Packet{Op: packet.SendMsgReply, Seq: seq, Ack: seq, Body: acknowledgement(r, err)})
		}
	})
}

// acknowledgement is the body of a reply to a message: empty when it was
// refused, for the wire has no field for an error there.
func acknowledgement(r sender.Receipt, err error) []byte {
	if err != nil {
		return nil
	}
	ack, err := proto.Marshal(&wirev1.CommonAck{LogId: r.LogID, Datetime: uint64(r.Datetime)})
	if err != nil {
		return nil
	}
	body, err := proto.Marshal(&wirev1.Proto{EventType: wirev1.EventType_EVENT_TYPE_COMMON_ACK, Body: ack})
	if err != nil {
		return nil
	}
	return body
}

// confirm settles an event, and lets the next one follow where the window was
// full. It reports whether the event waited for that.
func (s *session) confirm(seq uint32) bool {
	s.mu.Lock()
	owed, moved := s.window.confirm(seq)
	if owed {
		s.confirmed = time.Now()
	}
	s.mu.Unlock()
	if moved {
		s.gateway.cursors.mark(s)
		s.pump()
	}
	return owed
}

// offer sends an event of the tail, if the session is live and its window has
// room. Otherwise the session gets it later at its own pace. The dispatch lock
// is held.
func (s *session) offer(e *entry, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live || e.Pos <= s.at {
		return // not yet, or from the log already, which was ahead of the tail
	}
	if s.full() {
		s.live, s.at = false, e.Pos-1
		return
	}
	s.deliver(e, now)
}

func (s *session) full() bool {
	return s.window.full(s.gateway.config.Window, s.gateway.config.WindowBytes)
}

// deliver sends an event. The lock of the session is held, and the dispatch lock
// where others have the entry too.
func (s *session) deliver(e *entry, now time.Time) {
	body, err := e.proto()
	if err != nil {
		logx.Errorf("event %d cannot be sent: %v", e.Pos, err)
		return
	}
	s.out.put(s.window.add(e.Pos, body, now))
}

// drop settles a message that was revoked.
func (s *session) drop(pos eventlog.Position) {
	s.mu.Lock()
	moved := s.window.drop(pos)
	s.mu.Unlock()
	if moved {
		s.gateway.cursors.mark(s)
		s.pump() // nothing may be left whose confirmation would do it
	}
}

// tell sends a signal that is not stored, and for whose confirmation nobody
// waits.
func (s *session) tell(body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == entered {
		s.signal(body)
	}
}

func (s *session) signal(body []byte) {
	s.window.seq++
	s.out.put(packet.Packet{Op: packet.ReceiveMsg, Seq: s.window.seq, Body: body})
}

// cursor is the position up to which the client confirmed everything.
func (s *session) cursor() eventlog.Position {
	tail := eventlog.Position(s.gateway.hub.tail.Load())
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.window.empty():
		return s.window.deliveries[0].pos - 1
	case s.live:
		// Everything up to the tail was offered before the tail was set.
		return max(s.at, tail)
	}
	return s.at
}

// owes reports whether a device has something to confirm, or is about to.
func (s *session) owes() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == entered && s.device != nil && (s.pumping || !s.window.empty())
}

// leave ends the session: its user has one connection less, and its cursor is kept
// for whoever asks later. The last signals, if any, are all that it still gets.
func (s *session) leave(last ...[]byte) {
	cursor := s.cursor()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != entered {
		return
	}
	for _, signal := range last {
		s.signal(signal)
	}
	s.phase, s.live, s.at, s.window = ended, false, cursor, window{}
	s.gateway.presence.Leave(s.presence)
}

// resend sends again what was not confirmed, and ends a session whose client
// confirms nothing. It returns how many events wait for confirmation.
func (s *session) resend(now time.Time) (waiting int) {
	s.mu.Lock()
	if s.phase != entered || s.window.empty() {
		s.mu.Unlock()
		return 0
	}
	waiting = s.window.unconfirmed()
	oldest := s.window.deliveries[0]
	silent := now.Sub(s.confirmed) > s.gateway.config.SilentAfter && now.Sub(oldest.first) > s.gateway.config.SilentAfter
	var again []packet.Packet
	if !silent && !s.out.busy() {
		again = s.window.due(now, s.gateway.config.ResendAfter)
	}
	s.mu.Unlock()
	if silent {
		s.end(errSilent, 1008)
		return waiting
	}
	resentTotal.Add(float64(len(again)))
	s.out.put(again...)
	return waiting
}

// end closes the socket with a reason for the log and a code for the client.
// OnClose does the rest.
func (s *session) end(reason error, code uint16) {
	logx.Debugf("a session ends: %v", reason)
	why := label(reason, code)
	s.ended.CompareAndSwap(nil, &why) // what comes first is the reason
	s.out.then(func() {
		s.out.close()
		s.socket.SetWriteDeadline(time.Now().Add(writeWithin)) // the last write's is over
		s.socket.WriteClose(code, closeText(reason, code))     // closes the connection too
	})
}

// maxCloseText is the longest reason that a close frame has room for in bytes (RFC
// 6455, section 5.5).
const maxCloseText = 123

// closeText is a reason in a close frame: the code of an answer that the API
// defines, or else a sentence. What failed inside is nobody's business.
func closeText(reason error, code uint16) []byte {
	text := reason.Error()
	if e := fault.Of(reason); e.Code != fault.Busy {
		text = strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, e.Detail))
	} else if code == 1011 {
		text = "the server has a problem"
	}
	return []byte(text[:min(len(text), maxCloseText)])
}
