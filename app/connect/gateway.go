// Package connect is the socket gateway: it lets devices in, takes their messages,
// and brings them every event that concerns them, at least once and in order,
// until they confirm it. What it knows of events it has from the event log
// (pkg/eventlog), of devices from the record service.
package connect

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis/v8"
	"github.com/google/uuid"
	"github.com/lxzan/gws"
	"github.com/zeromicro/go-zero/core/logx"

	recordv1 "parley/api/proto/record/v1"
	"parley/app/presence"
	"parley/pkg/eventlog"
	"parley/pkg/gateway"
	"parley/pkg/id"
	"parley/pkg/packet"
	"parley/record/sender"
)

// Config is how the gateway treats its clients.
type Config struct {
	// MaxFrame is the longest packet in bytes, without its header.
	MaxFrame int
	// AuthTimeout is how long a client may take to authenticate.
	AuthTimeout time.Duration
	// RefusedTimeout is how long one that was refused may try again.
	RefusedTimeout time.Duration
	// IdleTimeout closes a socket on which nothing came for so long.
	IdleTimeout time.Duration
	// BacklogDelay is the pause between the reply to Auth and the first event.
	BacklogDelay time.Duration
	// ReplacedDelay is how long a phone is left connected after another took
	// its place.
	ReplacedDelay time.Duration
	// Window and WindowBytes bound the events that wait for confirmation on one
	// connection.
	Window      int
	WindowBytes int
	// ResendAfter is when an event that was not confirmed is sent again; the
	// pause doubles each time.
	ResendAfter time.Duration
	// SilentAfter closes a socket whose client confirms nothing for so long.
	SilentAfter time.Duration
	// MaxFrames is how many packets a second one client may send.
	MaxFrames int
	// MaxSockets is how many sockets one user may have on this gateway.
	MaxSockets int
	// MaxConns is how many sockets there may be on this gateway, and MaxPerAddress
	// how many that come from one address (see gateway.Address). 0: any number.
	MaxConns      int
	MaxPerAddress int
	// Proxies are whose word counts on where a client comes from.
	Proxies []netip.Prefix
}

// Services are what the gateway works with.
type Services struct {
	Verifier interface {
		Verify(token string) (id.UID, error)
	}
	Sender  *sender.Sender
	Devices recordv1.DeviceServiceClient
	Log     *eventlog.Log
	Redis   redis.UniversalClient
	// Addresses limits how often somebody may come from one address, and Budget the
	// connections of the process. Nil: any number.
	Addresses gateway.Limiter
	Budget    Budget
}

// Gateway is an http.Handler for /sub.
type Gateway struct {
	config   Config
	services Services
	hub      *hub
	cursors  cursors
	presence *presence.Keeper
	upgrader *gws.Upgrader
	name     string // of this gateway among others
	places   *places

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	// unconfirmed is how many events wait for confirmation, as of the last look.
	unconfirmed atomic.Int64
	unmeasure   func()

	// troubled says that the log cannot be read, which is logged once.
	troubled atomic.Bool

	mu       sync.Mutex
	draining bool
	open     map[*session]struct{}
	empty    chan struct{} // closed when draining and nothing is open
	emptied  func()
}

var _ http.Handler = (*Gateway)(nil)

// readBuffer is what a connection has for reading in bytes, idle or not. It holds
// some 15 confirmations; a longer packet is read past it.
const readBuffer = 512

// New starts a gateway. It begins to follow the log at its head. Stop ends it.
func New(ctx context.Context, config Config, services Services) (*Gateway, error) {
	head, err := services.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		config: config, services: services, hub: newHub(head), name: uuid.NewString(),
		open: make(map[*session]struct{}), empty: make(chan struct{}), places: newPlaces(config, services.Budget),
	}
	g.emptied = sync.OnceFunc(func() { close(g.empty) })
	g.cursors = newCursors(g)
	g.presence = presence.NewKeeper(services.Redis, g.name)
	g.ctx, g.stop = context.WithCancel(context.Background())
	g.upgrader = gws.NewUpgrader(handler{g}, &gws.ServerOption{
		ReadMaxPayloadSize: packet.HeaderSize + config.MaxFrame,
		ReadBufferSize:     readBuffer,
		Logger:             quiet{},
		NewSession:         func() gws.SessionStorage { return &session{gateway: g, restsAt: rand.IntN(restEvery)} },
	})
	g.unmeasure = unconfirmedGauge.Add(func() float64 { return float64(g.unconfirmed.Load()) })
	g.running.Go(func() {
		if err := services.Log.Follow(g.ctx, head, g.hub.dispatch); !errors.Is(err, context.Canceled) {
			logx.Errorf("follow the log: %v", err)
		}
	})
	g.running.Go(g.hearEndpoints)
	g.running.Go(g.keep)
	g.running.Go(g.cursors.keep)
	g.running.Go(func() { g.presence.Keep(g.ctx) })
	return g, nil
}

const (
	// lookEvery is how often the gateway looks for what was not confirmed.
	lookEvery = time.Second
	// restEvery is the number of looks after which a quiet session's cursor
	// moves with the tail: each at its own look, so that they do not all move
	// at once.
	restEvery = 60
)

// keep does what has to be done from time to time.
func (g *Gateway) keep() {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var sessions []*session
	for look := 0; ; look++ {
		select {
		case <-g.ctx.Done():
			return
		case now := <-ticker.C:
			sessions = g.hub.all(sessions[:0])
			waiting := 0
			for _, s := range sessions {
				waiting += s.resend(now)
				if s.restsAt == look%restEvery {
					g.cursors.mark(s)
				}
			}
			clear(sessions)
			g.unconfirmed.Store(int64(waiting))
		}
	}
}

// ServeHTTP implements http.Handler: it makes a socket of the request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	draining := g.draining
	g.mu.Unlock()
	if draining {
		openedTotal.WithLabelValues(reasons[errStopping]).Inc()
		http.Error(w, "this gateway is stopping", http.StatusServiceUnavailable)
		return
	}
	from, ok := g.admit(w, r)
	if !ok {
		return
	}
	socket, err := g.upgrader.Upgrade(w, r)
	if err != nil {
		openedTotal.WithLabelValues("no_upgrade").Inc()
		g.places.release(from)
		return // the client has the reason
	}
	go func() {
		defer g.places.release(from)
		socket.ReadLoop()
	}()
}

// Stop hands nothing out any more, tells of the cursors, tells all clients to go
// and returns when all are gone, or when ctx ends. Cursors come first: a client
// that is told to go comes to another gateway at once, and reads on there.
func (g *Gateway) Stop(ctx context.Context) error {
	g.mu.Lock()
	g.draining = true
	var open []*session
	for s := range g.open {
		open = append(open, s)
	}
	if len(open) == 0 {
		g.emptied()
	}
	g.mu.Unlock()
	g.sendAway(ctx, slices.Clone(open))
	var err error
	select {
	case <-g.empty:
	case <-ctx.Done():
		// Who does not even read that he is to go is cut off.
		err = fmt.Errorf("tell all clients to go: %w", ctx.Err())
		for _, s := range open {
			s.socket.NetConn().Close()
		}
	}
	g.stop()
	g.running.Wait()
	g.unmeasure()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
	defer cancel()
	g.cursors.flush(last, true)
	if err := g.presence.Close(last); err != nil {
		logx.Errorf("tell that this gateway is gone: %v", err) // its lease ends soon
	}
	return err
}

const (
	// settleWithin bounds how long a gateway that stops waits for clients to
	// confirm what they have got.
	settleWithin = 2 * time.Second
	settleLook   = 10 * time.Millisecond
	// lastFlush bounds how long it tells of cursors and connections each time.
	lastFlush = 2 * time.Second
)

// sendAway stops handing out events and sends each client away as soon as it has
// confirmed what it got and its cursor was told, or when that takes too long.
func (g *Gateway) sendAway(ctx context.Context, open []*session) {
	g.hub.halt()
	within, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	look := time.NewTicker(settleLook)
	defer look.Stop()
	for len(open) > 0 {
		var ready []*session
		open = slices.DeleteFunc(open, func(s *session) bool {
			done := within.Err() != nil || !s.owes()
			if done {
				ready = append(ready, s)
			}
			return done
		})
		if len(ready) > 0 {
			flush, cancel := context.WithTimeout(ctx, lastFlush)
			g.cursors.flush(flush, true)
			cancel()
		}
		for _, s := range ready {
			s.end(errStopping, 1001)
		}
		select {
		case <-look.C:
		case <-within.Done():
		}
	}
}

var errStopping = errors.New("the gateway is stopping")

// handler is the Gateway as gws sees it.
type handler struct{ *Gateway }

func sessionOf(socket *gws.Conn) *session { return socket.Session().(*session) }

// OnOpen implements gws.Event.
func (g handler) OnOpen(socket *gws.Conn) {
	now := time.Now()
	s := sessionOf(socket)
	s.socket, s.heard, s.limit = socket, now, newBucket(g.config.MaxFrames, now)
	s.out.conn = socket.NetConn()
	s.counted(newSockets)
	s.authTimer = time.AfterFunc(g.config.AuthTimeout, func() { s.end(errLate, 1008) })
	socket.SetReadDeadline(now.Add(g.config.IdleTimeout + g.config.IdleTimeout/idleSlack))
	g.mu.Lock()
	g.open[s] = struct{}{}
	draining := g.draining
	g.mu.Unlock()
	if draining {
		s.end(errStopping, 1001)
	}
}

var errLate = errors.New("the client did not authenticate in time")

// OnClose implements gws.Event.
func (g handler) OnClose(socket *gws.Conn, err error) {
	s := sessionOf(socket)
	s.countClosed(err)
	s.out.close()
	if s.authTimer != nil {
		s.authTimer.Stop()
	}
	if s.user != nil {
		s.leave()
		g.cursors.mark(s)
		g.hub.remove(s)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, s)
	if g.draining && len(g.open) == 0 {
		g.emptied()
	}
}

// OnPing implements gws.Event.
func (g handler) OnPing(socket *gws.Conn, payload []byte) {
	s := sessionOf(socket)
	g.heard(s)
	if !s.limit.take(time.Now()) {
		s.end(errTooMuch, 1008)
		return
	}
	socket.SetWriteDeadline(time.Now().Add(writeWithin)) // the last write's is over
	socket.WritePong(payload)
}

// OnPong implements gws.Event.
func (g handler) OnPong(socket *gws.Conn, _ []byte) { g.heard(sessionOf(socket)) }

// OnMessage implements gws.Event.
func (g handler) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer message.Close()
	framesIn.Inc()
	s := sessionOf(socket)
	g.heard(s)
	if message.Opcode != gws.OpcodeBinary {
		s.end(packet.ErrMalformed, 1003)
		return
	}
	p, err := packet.Parse(message.Bytes())
	if err != nil {
		s.end(err, 1002)
		return
	}
	s.receive(p)
}

// heard lets a socket live on. Its deadline is not set for every packet, so it is a
// little later than IdleTimeout, never earlier.
func (g handler) heard(s *session) {
	slack := g.config.IdleTimeout / idleSlack
	if now := time.Now(); now.Sub(s.heard) > slack {
		s.heard = now
		s.socket.SetReadDeadline(now.Add(g.config.IdleTimeout + slack))
	}
}

// idleSlack is the part of IdleTimeout by which a socket may be closed too late.
const idleSlack = 20

// quiet keeps gws from writing to the log: what ends a socket is its client's
// affair.
type quiet struct{}

// Error implements gws.Logger.
func (quiet) Error(...any) {}
