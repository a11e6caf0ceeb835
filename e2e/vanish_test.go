package e2e

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// wanderer is a device that comes and vanishes without a word, confirms most of
// what it gets, and remembers what it saw first.
type wanderer struct {
	gws.BuiltinEventHandler
	*client
	login *login

	mu      sync.Mutex
	changed *sync.Cond
	conn    *gws.Conn // the present one, or nil; what comes on others is late
	patient bool      // confirms everything, vanishes no more
	left    int       // events until it vanishes
	seen    map[int64]bool
	order   []int64 // as first seen
}

func newWanderer(c *client, l *login) *wanderer {
	d := &wanderer{client: c, login: l, seen: make(map[int64]bool)}
	d.changed = sync.NewCond(&d.mu)
	return d
}

// come opens a socket and asks to be let in.
func (d *wanderer) come() {
	var conn *gws.Conn
	for {
		var err error
		conn, _, err = gws.NewClient(d, &gws.ClientOption{Addr: strings.Replace(d.site.connect, "http", "ws", 1) + "/sub"})
		if err == nil {
			break
		}
		if pause(d.t.Context(), 20*time.Millisecond); d.t.Context().Err() != nil {
			return
		}
	}
	d.mu.Lock()
	d.conn, d.left = conn, 1+rand.IntN(20)
	d.mu.Unlock()
	go conn.ReadLoop()
	auth := encode(&wirev1.AuthMsg{AppId: "dtalk", Token: d.token(), Ext: encode(&wirev1.Login{Device: d.login.device, Uuid: d.login.uuid})})
	conn.WriteMessage(gws.OpcodeBinary, packet{version: 1, op: opAuth, seq: 1, body: auth}.encode())
}

// OnMessage implements gws.Event.
func (d *wanderer) OnMessage(conn *gws.Conn, m *gws.Message) {
	defer m.Close()
	p := decodePacket(m.Bytes())
	if p.op != opReceiveMsg {
		return
	}
	e := decodeEvent(d.t, p.body)
	d.mu.Lock()
	defer d.mu.Unlock()
	if conn != d.conn {
		return // it is gone already
	}
	if e.logID != 0 && !d.seen[e.logID] {
		d.seen[e.logID] = true
		d.order = append(d.order, e.logID)
	}
	if d.patient || rand.IntN(10) > 0 {
		conn.WriteMessage(gws.OpcodeBinary, packet{version: 1, op: opReceiveMsgReply, ack: p.seq}.encode())
	}
	if d.left--; d.left == 0 && !d.patient {
		d.vanish()
	}
	d.changed.Broadcast()
}

// vanish closes the connection without a word. The lock is held.
func (d *wanderer) vanish() {
	if d.conn != nil {
		d.conn.NetConn().Close()
		d.conn = nil
	}
}

// OnClose implements gws.Event: the device comes again.
func (d *wanderer) OnClose(conn *gws.Conn, _ error) {
	if d.t.Context().Err() == nil {
		d.come()
	}
}

// settle makes the device stay until it has seen everything that its user syncs,
// and says what is wrong with what it saw.
func (d *wanderer) settle() {
	d.mu.Lock()
	d.patient = true
	d.vanish() // whatever was not confirmed comes again
	d.mu.Unlock()
	var want []int64
	for _, e := range d.syncAll(0, 1000) {
		want = append(want, e.logID)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	late := time.AfterFunc(30*time.Second, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		want = nil
		d.changed.Broadcast()
	})
	defer late.Stop()
	for slices.ContainsFunc(want, func(p int64) bool { return !d.seen[p] }) {
		d.changed.Wait()
	}
	if want == nil {
		d.t.Errorf("%s has seen %d events of more, and no more come", d.login.uuid, len(d.seen))
	}
	if !slices.IsSorted(d.order) {
		d.t.Errorf("%s saw the events first in the order %v", d.login.uuid, d.order)
	}
}

// strangers returns what a device saw and its user does not sync.
func (d *wanderer) strangers() []int64 {
	reads := make(map[int64]bool)
	for _, e := range d.syncAll(0, 1000) {
		reads[e.logID] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(d.seen)), func(p int64) bool { return reads[p] })
}

// wandering is people whose devices wander while they write.
type wandering struct {
	t       testing.TB
	people  []*client
	group   id.GID
	devices []*wanderer
}

func newWandering(t testing.TB, site site) *wandering {
	x := &wandering{t: t}
	for range 5 {
		x.people = append(x.people, newUser(t, site))
	}
	x.group = x.people[0].create("wanderers", x.people[1:4]...).ID
	for i, c := range x.people {
		x.devices = append(x.devices,
			newWanderer(c, onPhone(fmt.Sprint("phone", i))), newWanderer(c, onDesktop(fmt.Sprint("desk", i))))
	}
	for _, d := range x.devices {
		d.come()
	}
	return x
}

// insist sends a message until it is answered with a receipt.
func (x *wandering) insist(c *client, m *wirev1.Common) {
	w := &writer{client: c}
	body := encode(&wirev1.Proto{Body: encode(m)})
	for c.t.Context().Err() == nil {
		_, err := w.try(c.t.Context(), body)
		if err == nil {
			return
		}
		if errors.Is(err, errRefused) {
			x.t.Errorf("a message was refused: %v", err)
			return
		}
		pause(c.t.Context(), 10*time.Millisecond)
	}
}

// write has everybody write to each other and to the group.
func (x *wandering) write(messages int) {
	var writing sync.WaitGroup
	for i, c := range x.people[:4] {
		writing.Go(func() {
			for n := range messages {
				m := groupText(x.group, fmt.Sprint(i, n))
				if n%4 > 1 {
					m = text(string(x.people[rand.IntN(len(x.people))].uid()), fmt.Sprint(i, n))
				}
				x.insist(c, m)
			}
		})
	}
	writing.Wait()
}

// comeAndGo lets the last of the people into the group and out again.
func (x *wandering) comeAndGo(times int) {
	owner, guest := x.people[0], x.people[4]
	for range times {
		owner.invite(x.group, guest).want(x.t, fault.OK)
		guest.send(groupText(x.group, "hello"))
		owner.remove(x.group, guest).want(x.t, fault.OK)
	}
}

// verify lets everybody get everything, on devices too that come only now, to a
// long backlog, and holds it against what they sync.
func (x *wandering) verify() {
	for i, c := range x.people {
		d := newWanderer(c, onDesktop(fmt.Sprint("late", i)))
		d.come()
		x.devices = append(x.devices, d)
	}
	for _, d := range x.devices {
		d.settle()
	}
	for _, d := range x.devices {
		if got := d.strangers(); len(got) > 0 {
			x.t.Errorf("%s saw %v, which is none of its user's business", d.login.uuid, got)
		}
	}
}

func TestWanderingDevicesSeeEverythingInOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		x := newWandering(t, w.site)
		var writing sync.WaitGroup
		writing.Go(func() { x.write(40) })
		writing.Go(func() { x.comeAndGo(8) })
		writing.Wait()
		x.verify()
	})
}

// The process with the sockets dies again and again, on SQLite the services with
// it.
func TestDevicesLoseNothingWhenTheirGatewayDies(t *testing.T) {
	t.Parallel()
	s := startServices(t)
	gateway := s.connect
	if gateway == nil {
		gateway = s.records[0]
	}
	x := newWandering(t, s.site)
	written := make(chan struct{})
	go func() {
		defer close(written)
		x.write(150)
	}()
	for range 4 {
		pause(t.Context(), moment())
		gateway.kill()
		gateway.run()
	}
	<-written
	x.verify()
}

// What a record service committed and did not tell of is found all the same.
func TestDevicesLoseNothingWhenARecordServiceDies(t *testing.T) {
	t.Parallel()
	s := startServices(t)
	x := newWandering(t, s.site)
	written := make(chan struct{})
	go func() {
		defer close(written)
		x.write(150)
	}()
	for _, p := range append(s.records, s.records...) {
		pause(t.Context(), moment())
		p.kill()
		p.run()
	}
	<-written
	x.verify()
}
