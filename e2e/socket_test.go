package e2e

import (
	enc "encoding/binary"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"

	wirev1 "parley/api/proto/wire/v1"
)

// The operations of a packet.
const (
	opAuth            = 1
	opAuthReply       = 2
	opHeartbeat       = 3
	opHeartbeatReply  = 4
	opDisconnect      = 5
	opSendMsg         = 7
	opSendMsgReply    = 8
	opReceiveMsg      = 9
	opReceiveMsgReply = 10
)

// packet is what goes over a socket, read by its own little parser.
type packet struct {
	length, headerLength int
	version              int
	op                   int
	seq, ack             uint32
	body                 []byte
}

func (p packet) encode() []byte {
	b := enc.BigEndian.AppendUint32(nil, uint32(20+len(p.body)))
	b = enc.BigEndian.AppendUint16(b, 20)
	b = enc.BigEndian.AppendUint16(b, uint16(p.version))
	b = enc.BigEndian.AppendUint32(b, uint32(p.op))
	b = enc.BigEndian.AppendUint32(b, p.seq)
	b = enc.BigEndian.AppendUint32(b, p.ack)
	return append(b, p.body...)
}

func decodePacket(b []byte) packet {
	return packet{
		length: int(enc.BigEndian.Uint32(b)), headerLength: int(enc.BigEndian.Uint16(b[4:])),
		version: int(enc.BigEndian.Uint16(b[6:])), op: int(enc.BigEndian.Uint32(b[8:])),
		seq: enc.BigEndian.Uint32(b[12:]), ack: enc.BigEndian.Uint32(b[16:]), body: append([]byte(nil), b[20:]...),
	}
}

// socket is a client's connection. It keeps what came until a test asks.
type socket struct {
	gws.BuiltinEventHandler
	t    testing.TB
	conn *gws.Conn

	mu      sync.Mutex
	changed *sync.Cond
	packets []packet
	closed  bool
	code    uint16 // of the close frame
	reason  string
	seq     uint32
}

// openSocket opens a socket at a site, without authenticating.
func openSocket(t testing.TB, s site) *socket {
	t.Helper()
	k := &socket{t: t}
	k.changed = sync.NewCond(&k.mu)
	conn, _, err := gws.NewClient(k, &gws.ClientOption{Addr: socketURL(s.connect), RequestHeader: http.Header{}})
	if err != nil {
		t.Fatalf("open a socket: %v", err)
	}
	k.conn = conn
	go conn.ReadLoop()
	t.Cleanup(func() { conn.NetConn().Close() })
	return k
}

// socketURL is where the gateway at a url has its sockets.
func socketURL(gateway string) string { return strings.Replace(gateway, "http", "ws", 1) + "/sub" }

// OnMessage implements gws.Event.
func (k *socket) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	if m.Opcode != gws.OpcodeBinary || len(m.Bytes()) < 20 {
		k.t.Errorf("the server sent a message of type %d with %d bytes", m.Opcode, len(m.Bytes()))
		return
	}
	p := decodePacket(m.Bytes())
	if p.length != len(m.Bytes()) || p.headerLength != 20 || p.version != 1 {
		k.t.Errorf("the server sent a packet of %d bytes with the header %+v", len(m.Bytes()), p)
	}
	k.packets = append(k.packets, p)
	k.changed.Broadcast()
}

// OnClose implements gws.Event.
func (k *socket) OnClose(_ *gws.Conn, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	if c, ok := err.(*gws.CloseError); ok {
		k.code, k.reason = c.Code, string(c.Reason)
	}
	k.changed.Broadcast()
}

// send sends a packet with the next seq and returns that.
func (k *socket) send(op int, body []byte) uint32 {
	k.t.Helper()
	k.mu.Lock()
	k.seq++
	seq := k.seq
	k.mu.Unlock()
	k.write(packet{version: 1, op: op, seq: seq, body: body})
	return seq
}

func (k *socket) write(p packet) {
	k.t.Helper()
	if err := k.conn.WriteMessage(gws.OpcodeBinary, p.encode()); err != nil {
		k.t.Fatalf("write to a socket: %v", err)
	}
}

// next waits for a packet of an operation and takes it out of what came.
func (k *socket) next(op int) packet {
	k.t.Helper()
	return k.match(func(p packet) bool { return p.op == op })
}

func (k *socket) match(want func(packet) bool) packet {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	timeout := time.AfterFunc(20*time.Second, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.closed = true
		k.changed.Broadcast()
	})
	defer timeout.Stop()
	for {
		for i, p := range k.packets {
			if want(p) {
				k.packets = append(k.packets[:i:i], k.packets[i+1:]...)
				return p
			}
		}
		if k.closed {
			k.t.Fatalf("the socket ended (code %d), or nothing came for long; what came: %v", k.code, k.packets)
		}
		k.changed.Wait()
	}
}

// end waits until the server closes the socket and returns its code.
func (k *socket) end() uint16 {
	k.mu.Lock()
	defer k.mu.Unlock()
	for !k.closed {
		k.changed.Wait()
	}
	return k.code
}

// endReason is end with the reason that the server gives.
func (k *socket) endReason() (uint16, string) {
	code := k.end()
	k.mu.Lock()
	defer k.mu.Unlock()
	return code, k.reason
}

// login is the device of a socket.
type login struct {
	device    wirev1.Device
	uuid      string
	reconnect bool
}

// authenticate sends Auth and returns the body of the reply.
func (k *socket) authenticate(c *client, l *login) []byte {
	k.t.Helper()
	k.send(opAuth, c.auth(l))
	return k.next(opAuthReply).body
}

// auth is the body of an Auth for a device.
func (c *client) auth(l *login) []byte {
	m := &wirev1.AuthMsg{AppId: "dtalk", Token: c.token()}
	if l != nil {
		ext := &wirev1.Login{Device: l.device, Uuid: l.uuid, DeviceName: "name of " + l.uuid}
		if l.reconnect {
			ext.ConnType = wirev1.ConnType_CONN_TYPE_RECONNECT
		}
		m.Ext = encode(ext)
	}
	return encode(m)
}

// ended reports whether the server has closed the socket.
func (k *socket) ended() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closed
}

// connect opens a socket for a device and lets it in.
func (c *client) connect(l *login) *socket {
	c.t.Helper()
	k := openSocket(c.t, c.site)
	if body := k.authenticate(c, l); len(body) != 0 {
		c.t.Fatalf("the device is refused: %x", body)
	}
	return k
}

// receive waits for the next event and confirms it. A signal that a device came
// in is no event of the log, and passed over.
func (k *socket) receive() event {
	k.t.Helper()
	for {
		p := k.next(opReceiveMsg)
		e := decodeEvent(k.t, p.body)
		k.write(packet{version: 1, op: opReceiveMsgReply, ack: p.seq})
		if e.signal == nil || e.signal.Type != wirev1.SignalType_SIGNAL_TYPE_ENDPOINT_LOGIN {
			return e
		}
	}
}

// post sends a message over the socket and waits for its receipt.
func (k *socket) post(m *wirev1.Common) sent {
	k.t.Helper()
	seq := k.send(opSendMsg, encode(&wirev1.Proto{Body: encode(m)}))
	reply := k.match(func(p packet) bool { return p.op == opSendMsgReply && p.ack == seq })
	var envelope wirev1.Proto
	var ack wirev1.CommonAck
	mustDecode(k.t, reply.body, &envelope)
	mustDecode(k.t, envelope.Body, &ack)
	return sent{LogID: ack.LogId, Datetime: int64(ack.Datetime)}
}
