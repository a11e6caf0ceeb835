package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/lxzan/gws"
	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/auth"
	"parley/pkg/packet"
)

const (
	// beatEvery is the time between two heartbeats, and deadAfter how long
	// nothing at all may come.
	beatEvery = 15 * time.Second
	deadAfter = 3 * beatEvery
	// dialWithin bounds connecting, authWithin the reply to Auth.
	dialWithin = 10 * time.Second
	authWithin = 20 * time.Second
	// writeWithin bounds one write, leaveWithin the answer to Disconnect.
	writeWithin = 10 * time.Second
	leaveWithin = time.Second
	// A gateway disconnects who sends more than 1000 packets a second that are no
	// confirmations.
	paceCount = 80
	paceEvery = 100 * time.Millisecond
)

// refusedError says that the gateway does not let the device in, and would not
// the next time.
type refusedError struct{ why string }

func (e *refusedError) Error() string { return e.why }

// dialer makes connections to the socket.
type dialer struct {
	url    string
	key    auth.Key
	device device
}

// dial connects and lets the device in, with a token of this moment.
func (d dialer) dial(ctx context.Context, again bool) (*conn, error) {
	c := &conn{
		packets: make(chan packet.Packet, 64), closing: make(chan struct{}), ended: make(chan struct{}),
		began: time.Now(), done: ctx.Done(),
	}
	network := &netDialer{ctx: ctx}
	socket, res, err := gws.NewClient(c, &gws.ClientOption{
		Addr: d.url, HandshakeTimeout: dialWithin, RequestHeader: http.Header{}, Logger: quiet{},
		NewDialer: func() (gws.Dialer, error) { return network, nil },
	})
	network.connected()
	if err != nil {
		if res != nil {
			err = fmt.Errorf("%s: %w", res.Status, err)
		}
		return nil, fmt.Errorf("connect to %s: %w", d.url, err)
	}
	c.socket = socket
	c.listen(ctx)
	if err := c.auth(ctx, d.authMsg(again)); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// authMsg is the body of Auth.
func (d dialer) authMsg(again bool) proto.Message {
	login := &wirev1.Login{Device: deviceType(runtime.GOOS), Uuid: d.device.uuid, DeviceName: d.device.name}
	if again {
		login.ConnType = wirev1.ConnType_CONN_TYPE_RECONNECT
	}
	return &wirev1.AuthMsg{AppId: "parley", Token: d.key.Token(time.Now(), tokenSuffix), Ext: Encode(login)}
}

// socketURL makes the address of the socket of a base, or of an address that
// says so already.
func socketURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%q is not an address such as http://localhost:8888", address)
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "ws"
	case "https", "wss":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("%q must begin with http, https, ws or wss", address)
	}
	if path := strings.TrimRight(u.Path, "/"); !strings.HasSuffix(path, "/sub") {
		u.Path = path + "/sub"
	}
	return u.String(), nil
}

// conn is one connection, from Auth to its end.
type conn struct {
	gws.BuiltinEventHandler
	socket *gws.Conn
	// packets are what came, closing is closed when nobody wants more, and ended
	// when nothing more comes.
	packets chan packet.Packet
	closing chan struct{}
	closed  sync.Once
	ended   chan struct{}
	reason  error // why it ended; set before ended is closed
	began   time.Time
	done    <-chan struct{} // closed when the client ends

	mu    sync.Mutex
	seq   uint32
	since time.Time // when the current span of the pace began
	count int       // what was written in it
}

// listen reads until the end, and beats.
func (c *conn) listen(ctx context.Context) {
	c.socket.SetReadDeadline(time.Now().Add(deadAfter))
	go c.socket.ReadLoop()
	go func() {
		beat := time.NewTicker(beatEvery)
		defer beat.Stop()
		for {
			select {
			case <-c.ended:
				return
			case <-ctx.Done():
				select { // it may be taking its leave
				case <-c.ended:
				case <-time.After(2 * leaveWithin):
					c.close()
				}
				return
			case <-beat.C:
				c.write(packet.Packet{Op: packet.Heartbeat})
			}
		}
	}()
}

// OnMessage implements gws.Event.
func (c *conn) OnMessage(socket *gws.Conn, m *gws.Message) {
	defer m.Close()
	socket.SetReadDeadline(time.Now().Add(deadAfter))
	p, err := packet.Parse(m.Bytes())
	if err != nil {
		c.close()
		return
	}
	p.Body = append([]byte(nil), p.Body...)
	select {
	case <-c.closing: // nothing may follow what was left out
		return
	default:
	}
	select {
	case c.packets <- p:
	case <-c.closing:
	case <-c.ended:
	case <-c.done:
	}
}

// OnClose implements gws.Event.
func (c *conn) OnClose(_ *gws.Conn, err error) {
	c.reason = err
	close(c.ended)
}

// auth sends Auth and waits for the reply.
func (c *conn) auth(ctx context.Context, m proto.Message) error {
	c.write(packet.Packet{Op: packet.Auth, Body: Encode(m)})
	select {
	case p := <-c.packets:
		return admitted(p)
	case <-c.ended:
		if closed := (*gws.CloseError)(nil); errors.As(c.reason, &closed) && closed.Code == 1008 {
			return &refusedError{"the socket gateway does not let this device in"}
		}
		return fmt.Errorf("the socket ended before the reply to Auth: %w", c.reason)
	case <-time.After(authWithin):
		return errors.New("the socket gateway does not answer Auth")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// admitted reads the reply to Auth.
func admitted(p packet.Packet) error {
	if p.Op != packet.AuthReply {
		return fmt.Errorf("the socket gateway answers Auth with operation %d", p.Op)
	}
	if len(p.Body) == 0 {
		return nil
	}
	var holder wirev1.SignalEndpointLogin
	if err := proto.Unmarshal(p.Body, &holder); err != nil {
		return fmt.Errorf("read the reply to Auth: %w", err)
	}
	return &refusedError{fmt.Sprintf("another device holds this account: %q", holder.DeviceName)}
}

// write sends a packet with the next seq and returns that. A write that fails
// ends the connection, which is noticed by its end.
func (c *conn) write(p packet.Packet) (seq uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.Op != packet.ReceiveMsgReply {
		c.keepPace()
	}
	c.seq++
	p.Seq = c.seq
	c.socket.SetWriteDeadline(time.Now().Add(writeWithin))
	if err := c.socket.WriteMessage(gws.OpcodeBinary, p.Append(nil)); err != nil {
		c.close()
	}
	return p.Seq
}

// keepPace waits where packets are written too fast. The lock is held.
func (c *conn) keepPace() {
	now := time.Now()
	if rest := paceEvery - now.Sub(c.since); rest > 0 && c.count >= paceCount {
		time.Sleep(rest)
		now = time.Now()
	}
	if now.Sub(c.since) >= paceEvery {
		c.since, c.count = now, 0
	}
	c.count++
}

// lived is how long the connection has been there.
func (c *conn) lived() time.Duration { return time.Since(c.began) }

// leave says goodbye. The gateway closes the connection when it has read all
// that was sent before.
func (c *conn) leave() {
	c.write(packet.Packet{Op: packet.Disconnect})
	timeout := time.After(leaveWithin)
	for {
		select {
		case <-c.packets:
		case <-c.ended:
			return
		case <-timeout:
			c.close()
			return
		}
	}
}

// close ends the connection, whether or not anybody takes what still comes.
func (c *conn) close() {
	c.closed.Do(func() { close(c.closing) })
	c.socket.NetConn().Close()
}

// netDialer dials until a context ends, which also ends the handshake that
// follows.
type netDialer struct {
	ctx  context.Context
	stop func() bool
}

// Dial implements gws.Dialer.
func (d *netDialer) Dial(network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialWithin}
	conn, err := dialer.DialContext(d.ctx, network, address)
	if err == nil {
		d.stop = context.AfterFunc(d.ctx, func() { conn.Close() })
	}
	return conn, err
}

// connected leaves the connection to its owner.
func (d *netDialer) connected() {
	if d.stop != nil {
		d.stop()
	}
}

// quiet keeps gws from writing to the terminal.
type quiet struct{}

// Error implements gws.Logger.
func (quiet) Error(...any) {}
