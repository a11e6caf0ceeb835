package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// callers are people who call each other, and do about it what people do, whatever
// happens to the servers: each sends a request again until it is answered.
type callers struct {
	*wandering
	people []*caller
	ctx    context.Context // ends when the test gives up
	over   atomic.Bool     // nobody begins anything any more
	acting sync.WaitGroup

	answered, lost atomic.Int64

	mu     sync.Mutex
	traces []int64 // of calls that were heard of
	placed map[int64]placed
}

// placed is a call whose start was answered.
type placed struct {
	caller *caller
	group  bool
}

// caller is one of the people, with a phone.
type caller struct {
	*client
	all *callers

	mu    sync.Mutex
	rings map[int64]bool // calls that ring here
	in    map[int64]bool // calls that he started or accepted
	ended map[int64]bool // calls of which he heard that they are over
	acts  []callAct
}

// callAct is something that somebody did, and what was answered.
type callAct struct {
	what   string // start, accept, refuse or busy
	trace  int64
	code   fault.Code
	lost   int64 // answers that did not come before
	ticket ticket
}

// chaosCallers is how many people call each other.
const chaosCallers = 12

func startCallers(t testing.TB, sites []site, gateways ...string) *callers {
	t.Helper()
	ctx, giveUp := context.WithCancel(context.Background())
	k := &callers{wandering: newWandering(t, chaosCallers, sites[0], gateways...), ctx: ctx, placed: make(map[int64]placed)}
	for i, c := range k.wandering.people {
		c.site = sites[i%len(sites)]
		c.headers.Set("FZM-UUID", fmt.Sprint("phone", i))
		p := &caller{client: c, all: k, rings: make(map[int64]bool), in: make(map[int64]bool), ended: make(map[int64]bool)}
		k.people = append(k.people, p)
		phone := newWanderer(c, onPhone(fmt.Sprint("phone", i)), steady, gateways...)
		phone.hears = p.hears
		k.devices = append(k.devices, phone)
		go phone.roam()
	}
	for _, p := range k.people {
		k.acting.Go(func() {
			for !k.over.Load() && ctx.Err() == nil {
				pause(ctx, rand.N(400*time.Millisecond))
				p.act()
			}
		})
	}
	t.Cleanup(func() {
		k.over.Store(true)
		giveUp()
		k.acting.Wait()
	})
	return k
}

// toldOfCall is what an event says about a call.
type toldOfCall struct {
	logID  int64
	trace  int64
	what   wirev1.SignalType
	reason wirev1.StopReason
	ticket ticket
	uid    id.UID // of the ticket
}

// ofCall returns what an event says about a call, and false if it does not.
func ofCall(t testing.TB, e event) (toldOfCall, bool) {
	t.Helper()
	if e.signal == nil {
		return toldOfCall{}, false
	}
	told := toldOfCall{logID: e.logID, what: e.signal.Type}
	switch e.signal.Type {
	case wirev1.SignalType_SIGNAL_TYPE_START_CALL:
		var s wirev1.SignalStartCall
		mustDecode(t, e.signal.Body, &s)
		told.trace = s.TraceId
	case wirev1.SignalType_SIGNAL_TYPE_ACCEPT_CALL:
		var s wirev1.SignalAcceptCall
		mustDecode(t, e.signal.Body, &s)
		told.trace, told.uid = s.TraceId, id.UID(s.Uid)
		told.ticket = ticket{s.RoomId, s.UserSig, s.PrivateMapKey, s.SdkAppId}
	case wirev1.SignalType_SIGNAL_TYPE_STOP_CALL:
		var s wirev1.SignalStopCall
		mustDecode(t, e.signal.Body, &s)
		told.trace, told.reason = s.TraceId, s.Reason
	default:
		return toldOfCall{}, false
	}
	return told, true
}

// hears takes what comes to the phone.
func (p *caller) hears(e event) {
	told, ok := ofCall(p.t, e)
	if !ok {
		return
	}
	p.mu.Lock()
	switch told.what {
	case wirev1.SignalType_SIGNAL_TYPE_START_CALL:
		p.rings[told.trace] = true
	case wirev1.SignalType_SIGNAL_TYPE_STOP_CALL:
		p.ended[told.trace] = true
		delete(p.rings, told.trace)
		delete(p.in, told.trace)
	}
	p.mu.Unlock()
	p.all.note(told.trace)
}

func (k *callers) note(trace int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.traces = append(k.traces, trace)
}

// anyTrace is one of the newest calls, his own or not, or 0.
func (k *callers) anyTrace() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.traces); n > 0 {
		return k.traces[n-1-rand.IntN(min(n, 20))]
	}
	return 0
}

// oneOf returns any key, or 0.
func oneOf(traces map[int64]bool) int64 {
	for trace := range traces {
		return trace
	}
	return 0
}

// act does something at random.
func (p *caller) act() {
	p.mu.Lock()
	rings, in := oneOf(p.rings), oneOf(p.in)
	p.mu.Unlock()
	choice := rand.IntN(20)
	switch {
	case rings != 0 && choice < 7:
		p.accept(rings)
	case rings != 0 && choice < 9:
		p.say("refuse", "/app/handle-call", rings, fields{"answer": false}, fault.OK)
	case rings != 0 && choice < 10:
		p.say("busy", "/app/reply-busy", rings, nil, fault.OK)
	case rings != 0 && choice < 12:
		p.say("check", "/app/check-call", rings, nil, fault.OK, fault.CallExpired)
	case rings != 0 && choice < 18: // he does not hear it
		p.forget(rings)
		pause(p.all.ctx, rand.N(2*chaosRings))
	case in != 0 && choice < 1:
		p.say("refuse", "/app/handle-call", in, fields{"answer": false}, fault.OK)
	case in != 0 && choice < 19: // he talks on, or waits
	case choice < 19:
		p.start()
	default:
		if trace := p.all.anyTrace(); trace != 0 && trace != rings {
			p.accept(trace)
		}
	}
}

func (p *caller) forget(trace int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rings, trace)
	delete(p.in, trace)
}

// start calls somebody, or a few in the group.
func (p *caller) start() {
	others := make([]string, 0, 3)
	for _, n := range rand.Perm(len(p.all.people)) {
		if other := p.all.people[n]; other != p && len(others) < cap(others) {
			others = append(others, string(other.uid()))
		}
	}
	body := fields{"groupId": p.all.everyone.String(), "invitees": others, "RTCType": 1}
	if rand.IntN(3) > 0 {
		body = fields{"groupId": "0", "invitees": others[:1], "RTCType": 2}
	}
	a := p.ask("start", "/app/start-call", 0, body, fault.OK, fault.CallBusy)
	if a == nil || a.Result != fault.OK {
		return
	}
	var started struct{ TraceID int64 }
	a.into(p.t, &started)
	p.mu.Lock()
	p.acts[len(p.acts)-1].trace = started.TraceID
	p.in = map[int64]bool{}
	if !p.ended[started.TraceID] {
		p.in[started.TraceID] = true
	}
	p.mu.Unlock()
	p.all.note(started.TraceID)
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.all.placed[started.TraceID] = placed{caller: p, group: body["groupId"] != "0"}
}

// accept accepts a call that rings, or tries to accept any other one.
func (p *caller) accept(trace int64) {
	a := p.say("accept", "/app/handle-call", trace, fields{"answer": true}, fault.OK, fault.CallExpired, fault.Forbidden)
	if a == nil || a.Result != fault.OK {
		return
	}
	var k ticket
	a.into(p.t, &k)
	verifyTicket(p.t, p.uid(), k)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acts[len(p.acts)-1].ticket = k
	if p.in = map[int64]bool{}; !p.ended[trace] {
		p.in[trace] = true
	}
}

// say asks for something about a call that rings no more here then.
func (p *caller) say(what, path string, trace int64, body fields, allowed ...fault.Code) *answer {
	if body == nil {
		body = fields{}
	}
	body["traceId"] = trace
	a := p.ask(what, path, trace, body, allowed...)
	if what != "check" {
		p.forget(trace)
	}
	return a
}

// ask sends a request until it is answered, and remembers that.
func (p *caller) ask(what, path string, trace int64, body fields, allowed ...fault.Code) *answer {
	a, lost := p.persist(p.all.ctx, path, body)
	p.all.lost.Add(lost)
	if a == nil {
		return nil
	}
	p.all.answered.Add(1)
	ok := false
	for _, code := range allowed {
		ok = ok || a.Result == code
	}
	if !ok {
		p.t.Errorf("%s of call %d (%v) is answered with %s", what, trace, body, a.body)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acts = append(p.acts, callAct{what: what, trace: trace, code: a.Result, lost: lost})
	return a
}
