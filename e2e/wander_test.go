package e2e

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/lxzan/gws"

	wirev1 "parley/api/proto/wire/v1"
)

// wanderer is a device that comes and vanishes without a word, each time to
// another gateway, and remembers what it saw and confirmed.
type wanderer struct {
	gws.BuiltinEventHandler
	*client
	login    *login
	gateways []string
	habits   habits
	// before is the phone whose place it took, after the one that took its own.
	before, after *wanderer
	// hears, if it is set, is told of each event when it comes first.
	hears func(event)

	mu       sync.Mutex
	changed  *sync.Cond
	conn     *gws.Conn // the present one, or nil; what comes on others is late
	roaming  bool      // it has a connection or is about to
	away     bool      // it comes no more
	visits   int
	entered  int    // how often it was let in
	holder   string // the phone because of which it was refused
	left     int    // events until it vanishes
	begins   int64  // the first event on the present connection
	order    []int64
	seen     map[int64]bool
	settled  map[int64]bool // what it confirmed
	repeated []int64        // what came once more after it was confirmed
	closes   []uint16       // with which the server ended connections
}

// habits are how a device behaves.
type habits struct {
	stays    int           // it vanishes after at most so many events; 0: never
	away     time.Duration // and comes again after at most so long
	confirms int           // how many of ten events it confirms
	slow     time.Duration // how long it takes to read an event
}

var (
	restless = habits{stays: 30, away: 100 * time.Millisecond, confirms: 9}
	slow     = habits{stays: 50, away: 100 * time.Millisecond, confirms: 10, slow: 10 * time.Millisecond}
	silent   = habits{stays: 60, away: 300 * time.Millisecond}
	steady   = habits{away: 20 * time.Millisecond, confirms: 10}
	prompt   = habits{confirms: 10}
	// A witness looks and confirms nothing.
	witness = habits{}
)

// newWanderer returns a device that is not there yet. It comes to one of the
// gateways after the other; without any it stays at that of its user's site.
func newWanderer(c *client, l *login, h habits, gateways ...string) *wanderer {
	if len(gateways) == 0 {
		gateways = []string{c.site.connect}
	}
	d := &wanderer{client: c, login: l, habits: h, gateways: gateways, visits: rand.IntN(len(gateways))}
	d.seen, d.settled = make(map[int64]bool), make(map[int64]bool)
	d.changed = sync.NewCond(&d.mu)
	return d
}

// roam lets the device come, and come again whenever it lost its connection.
func (d *wanderer) roam() {
	d.mu.Lock()
	d.roaming, d.away = true, false
	d.mu.Unlock()
	d.come()
}

// come opens a socket at the next gateway that answers and asks to be let in.
func (d *wanderer) come() {
	conn := d.dial()
	d.mu.Lock()
	defer d.mu.Unlock()
	if conn == nil || d.away {
		if conn != nil {
			conn.NetConn().Close()
		}
		d.roaming = false
		d.changed.Broadcast()
		return
	}
	d.conn, d.begins = conn, 0
	if d.left = 0; d.habits.stays > 0 {
		d.left = 1 + rand.IntN(d.habits.stays)
	}
	conn.WriteMessage(gws.OpcodeBinary, packet{version: 1, op: opAuth, seq: 1, body: d.auth(d.login)}.encode())
	go conn.ReadLoop()
}

// dial returns nil when the test is over.
func (d *wanderer) dial() *gws.Conn {
	for d.t.Context().Err() == nil {
		d.mu.Lock()
		d.visits++
		gateway, away := d.gateways[d.visits%len(d.gateways)], d.habits.away
		d.mu.Unlock()
		if away > 0 {
			pause(d.t.Context(), rand.N(away))
		}
		conn, _, err := gws.NewClient(d, &gws.ClientOption{Addr: socketURL(gateway)})
		if err == nil {
			return conn
		}
		pause(d.t.Context(), 10*time.Millisecond)
	}
	return nil
}

// OnMessage implements gws.Event.
func (d *wanderer) OnMessage(conn *gws.Conn, m *gws.Message) {
	defer m.Close()
	d.mu.Lock()
	slow := d.habits.slow
	d.mu.Unlock()
	if slow > 0 {
		pause(d.t.Context(), slow)
	}
	p := decodePacket(m.Bytes())
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.changed.Broadcast()
	switch {
	case conn != d.conn: // it is gone already
	case p.op == opAuthReply && len(p.body) > 0:
		var holder wirev1.SignalEndpointLogin
		mustDecode(d.t, p.body, &holder)
		d.holder, d.away = holder.Uuid, true
		d.vanish()
	case p.op == opAuthReply:
		d.entered++
		d.login.reconnect = true
	case p.op == opReceiveMsg:
		d.read(p)
	}
}

// read takes an event. The lock is held.
func (d *wanderer) read(p packet) {
	e := decodeEvent(d.t, p.body)
	if e.logID != 0 {
		if d.hears != nil && !d.seen[e.logID] {
			d.hears(e)
		}
		d.note(e.logID)
	}
	if rand.IntN(10) < d.habits.confirms {
		if d.conn.WriteMessage(gws.OpcodeBinary, packet{version: 1, op: opReceiveMsgReply, ack: p.seq}.encode()) == nil && e.logID != 0 {
			d.settled[e.logID] = true
		}
	}
	if d.left--; d.left == 0 {
		d.vanish()
	}
}

func (d *wanderer) note(logID int64) {
	if d.begins == 0 {
		d.begins = logID
	}
	if d.settled[logID] {
		d.repeated = append(d.repeated, logID)
	}
	if !d.seen[logID] {
		d.seen[logID] = true
		d.order = append(d.order, logID)
	}
}

// vanish closes the connection without a word. The lock is held.
func (d *wanderer) vanish() {
	if d.conn != nil {
		d.conn.NetConn().Close()
		d.conn = nil
	}
}

// OnClose implements gws.Event: the device comes again.
func (d *wanderer) OnClose(conn *gws.Conn, err error) {
	d.mu.Lock()
	if c, ok := err.(*gws.CloseError); ok && conn == d.conn {
		d.closes = append(d.closes, c.Code)
	}
	d.conn = nil
	d.mu.Unlock()
	d.come()
}

// turn changes the habits of the device, on a fresh connection: whatever was not
// confirmed comes again.
func (d *wanderer) turn(h habits) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.habits = h
	d.vanish()
}

// leave makes the device vanish and stay away.
func (d *wanderer) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = true
	d.vanish()
	for d.roaming {
		d.changed.Wait()
	}
}

// patience is how long a test waits for what a device is to see.
const patience = 90 * time.Second

// await waits until a condition holds for the device, and reports false when it
// does not for long. The lock is held while the condition is asked.
func (d *wanderer) await(condition func() bool) bool {
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	return d.awaitIn(ctx, condition)
}

// awaitIn is await until ctx ends.
func (d *wanderer) awaitIn(ctx context.Context, condition func() bool) bool {
	defer context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.changed.Broadcast()
	})()
	d.mu.Lock()
	defer d.mu.Unlock()
	for !condition() {
		if ctx.Err() != nil {
			return false
		}
		d.changed.Wait()
	}
	return true
}

// confirmed is what the device confirmed until now.
func (d *wanderer) confirmed() map[int64]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.settled)
}

// settle waits until the device has confirmed all events that its user reads, and
// says what is wrong with what it saw: it sees exactly these, in their order. A
// phone that took another's place reads on where that one was; one whose place was
// taken is refused and has seen only the beginning. It waits until ctx ends.
func (d *wanderer) settle(ctx context.Context, all []int64) {
	d.t.Helper()
	if d.after != nil {
		if !d.awaitIn(ctx, func() bool { return d.holder != "" && !d.roaming }) || d.holder != d.after.login.uuid {
			d.t.Errorf("%s should be refused because of %s, and is because of %q", d.login.uuid, d.after.login.uuid, d.holder)
		}
		if len(d.order) > len(all) || !slices.Equal(d.order, all[:len(d.order)]) {
			d.t.Errorf("%s saw\n%v until its place was taken; its user reads\n%v", d.login.uuid, d.order, all)
		}
		return
	}
	var inherited map[int64]bool
	if d.before != nil {
		inherited = d.before.confirmed()
	}
	missing := func(p int64) bool { return !d.settled[p] && !inherited[p] }
	if !d.awaitIn(ctx, func() bool { return !slices.ContainsFunc(all, missing) }) {
		d.t.Errorf("%s has confirmed %d events of %d, and no more come; the first that is missing is %d",
			d.login.uuid, len(d.confirmed()), len(all), all[slices.IndexFunc(all, missing)])
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	from := len(all) - len(d.order)
	if from < 0 || !slices.Equal(d.order, all[from:]) {
		d.t.Errorf("%s saw\n%v; its user reads\n%v", d.login.uuid, d.order, all)
		return
	}
	for _, p := range all[:from] {
		if !inherited[p] {
			d.t.Errorf("%s begins after %d, which nobody confirmed", d.login.uuid, p)
		}
	}
}

// beginsWith reports whether a fresh connection of a device that is away begins
// with an event.
func (d *wanderer) beginsWith(ctx context.Context, event int64) bool {
	d.mu.Lock()
	d.habits, d.begins = witness, 0
	d.mu.Unlock()
	d.roam()
	defer d.leave()
	return d.awaitIn(ctx, func() bool { return d.begins != 0 }) && d.begins == event
}
