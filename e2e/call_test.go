package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// handset is somebody's phone: its socket, and the requests that it makes.
type handset struct {
	*client
	*socket
	t testing.TB
}

func (w *world) handset(uuid string) *handset {
	w.t.Helper()
	c := w.user()
	return &handset{c.on(uuid), c.connect(onPhone(uuid)), w.t}
}

// on is the app of the same person on a device.
func (c *client) on(uuid string) *client {
	return &client{t: c.t, site: c.site, key: c.key, headers: http.Header{"Fzm-Uuid": {uuid}}}
}

// ticket is what handle-call answers.
type ticket struct {
	RoomID        int32  `json:"roomId"`
	UserSig       string `json:"userSig"`
	PrivateMapKey string `json:"privateMapKey"`
	SDKAppID      int32  `json:"sdkAppId"`
}

// call starts a call and returns its trace.
func (c *client) call(group id.GID, invitees ...*client) int64 {
	c.t.Helper()
	var started struct{ TraceID int64 }
	c.tryCall(group, invitees...).want(c.t, fault.OK).into(c.t, &started)
	return started.TraceID
}

func (c *client) tryCall(group id.GID, invitees ...*client) *answer {
	c.t.Helper()
	var uids []string
	for _, i := range invitees {
		uids = append(uids, string(i.uid()))
	}
	return c.post("/app/start-call", map[string]any{"groupId": group.String(), "invitees": uids, "RTCType": 2})
}

func (c *client) handle(trace int64, answer bool) *answer {
	c.t.Helper()
	return c.post("/app/handle-call", map[string]any{"traceId": trace, "answer": answer})
}

func (c *client) checkCall(trace int64) *answer {
	c.t.Helper()
	return c.post("/app/check-call", map[string]any{"traceId": trace})
}

func (c *client) replyBusy(trace int64) *answer {
	c.t.Helper()
	return c.post("/app/reply-busy", map[string]any{"traceId": trace})
}

// hears waits for the next signal of a call and wants it to be of one.
func (p *handset) hears(trace int64, want string) {
	p.t.Helper()
	if got := callSignal(p.t, p.receive(), trace); got != want {
		p.t.Errorf("%s hears %s, want %s", p.uid(), got, want)
	}
}

// callSignal is a signal of a call in words.
func callSignal(t testing.TB, e event, trace int64) string {
	t.Helper()
	if e.signal == nil {
		return e.String()
	}
	var of int64
	said := e.String()
	switch e.signal.Type {
	case wirev1.SignalType_SIGNAL_TYPE_START_CALL:
		var s wirev1.SignalStartCall
		mustDecode(t, e.signal.Body, &s)
		of = s.TraceId
	case wirev1.SignalType_SIGNAL_TYPE_ACCEPT_CALL:
		var s wirev1.SignalAcceptCall
		mustDecode(t, e.signal.Body, &s)
		of = s.TraceId
		verifyTicket(t, id.UID(s.Uid), ticket{s.RoomId, s.UserSig, s.PrivateMapKey, s.SdkAppId})
		said += " " + s.Uid
	case wirev1.SignalType_SIGNAL_TYPE_STOP_CALL:
		var s wirev1.SignalStopCall
		mustDecode(t, e.signal.Body, &s)
		of = s.TraceId
		said += strings.TrimPrefix(s.Reason.String(), "STOP_REASON")
	default:
		return said
	}
	if of != trace {
		said += fmt.Sprintf(" of call %d", of)
	}
	return said
}

func verifyTicket(t testing.TB, u id.UID, k ticket) {
	t.Helper()
	if err := tencentyun.VerifyUserSig(callApp, callSecret, string(u), k.UserSig, time.Now()); err != nil {
		t.Errorf("the ticket of %s is not good: %v", u, err)
	}
	if k.RoomID <= 0 || k.SDKAppID != callApp || k.PrivateMapKey == "" {
		t.Errorf("the ticket of %s is for room %d of application %d", u, k.RoomID, k.SDKAppID)
	}
}

// answers accepts a call and returns the ticket, which is checked.
func (p *handset) answers(trace int64) (k ticket) {
	p.t.Helper()
	p.handle(trace, true).want(p.t, fault.OK).into(p.t, &k)
	verifyTicket(p.t, p.uid(), k)
	return k
}

// knowsOnly wants somebody to have been told these things of calls, in order, since
// the beginning.
func (p *handset) knowsOnly(want ...string) {
	p.t.Helper()
	var got []string
	for _, e := range p.syncAll(0, 100) {
		if e.signal != nil && e.signal.Type >= wirev1.SignalType_SIGNAL_TYPE_START_CALL && e.signal.Type <= wirev1.SignalType_SIGNAL_TYPE_STOP_CALL {
			said, _, _ := strings.Cut(callSignal(p.t, e, 0), " of call")
			got = append(got, said)
		}
	}
	if !slices.Equal(got, want) {
		p.t.Errorf("%s was told %q, want %q", p.uid(), got, want)
	}
}

func TestAPrivateCallIsAcceptedAndHungUp(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		ann, ben := w.handset("ann's"), w.handset("ben's")
		trace := ann.call(0, ben.client)
		ben.hears(trace, "START_CALL")
		ben.checkCall(trace).want(t, fault.OK)
		k := ben.answers(trace)
		ann.hears(trace, "ACCEPT_CALL "+string(ann.uid()))
		// The same device again has the same ticket, another one none.
		if again := ben.answers(trace); again != k {
			t.Error("the same device gets another ticket")
		}
		ben.on("ben's tablet").handle(trace, true).want(t, fault.CallBusy)
		ben.on("ben's tablet").handle(trace, false).want(t, fault.OK)
		ben.checkCall(trace).want(t, fault.CallExpired)
		w.user().tryCall(0, ben.client).want(t, fault.CallBusy)
		ann.handle(trace, false).want(t, fault.OK)
		ben.hears(trace, "STOP_CALL_HANGUP")
		ben.handle(trace, true).want(t, fault.CallExpired)
		ben.handle(trace, false).want(t, fault.OK)
		ann.knowsOnly("ACCEPT_CALL " + string(ann.uid()))
		ben.knowsOnly("START_CALL", "STOP_CALL_HANGUP")
	})
}

func TestAPrivateCallIsNotAccepted(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		ann, ben := w.handset("ann's"), w.handset("ben's")
		rejected := ann.call(0, ben.client)
		ben.hears(rejected, "START_CALL")
		ben.handle(rejected, false).want(t, fault.OK)
		ann.hears(rejected, "STOP_CALL_REJECT")
		ann.checkCall(rejected).want(t, fault.CallExpired)

		busy := ann.call(0, ben.client)
		ben.hears(busy, "START_CALL")
		ben.replyBusy(busy).want(t, fault.OK)
		ann.hears(busy, "STOP_CALL_BUSY")

		cancelled := ann.call(0, ben.client)
		ben.hears(cancelled, "START_CALL")
		w.user().tryCall(0, ben.client).want(t, fault.CallBusy)
		ann.handle(cancelled, false).want(t, fault.OK)
		ben.hears(cancelled, "STOP_CALL_CANCEL")
		ben.handle(cancelled, true).want(t, fault.CallExpired)

		// When two call each other, the later one wins.
		first := ann.call(0, ben.client)
		ben.hears(first, "START_CALL")
		second := ben.call(0, ann.client)
		ann.hears(first, "STOP_CALL_REJECT")
		ann.hears(second, "START_CALL")
		if k := ann.answers(second); k.RoomID == 0 {
			t.Error("there is no room")
		}
		ben.hears(second, "ACCEPT_CALL "+string(ben.uid()))
	})
}

func TestAPrivateCallThatNobodyAnswersTimesOut(t *testing.T) {
	config := app.Default()
	config.Call.Ring = time.Second
	everywhereWith(t, config, func(t *testing.T, w *world) {
		ann, ben := w.handset("ann's"), w.handset("ben's")
		trace := ann.call(0, ben.client)
		ben.hears(trace, "START_CALL")
		ben.hears(trace, "STOP_CALL_TIMEOUT")
		ann.hears(trace, "STOP_CALL_TIMEOUT")
		ben.handle(trace, true).want(t, fault.CallExpired)
		ben.checkCall(trace).want(t, fault.CallExpired)
		ann.knowsOnly("STOP_CALL_TIMEOUT")
		ben.knowsOnly("START_CALL", "STOP_CALL_TIMEOUT")
	})
}

func TestAGroupCallOfFour(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		ann, ben, carl, dora := w.handset("ann's"), w.handset("ben's"), w.handset("carl's"), w.handset("dora's")
		g := ann.create("friends", ben.client, carl.client, dora.client).ID
		everybody := []*handset{ann, ben, carl, dora}
		for _, p := range everybody { // that they are in the group
			for p.receive().String() != "notice:SIGN_IN_GROUP" {
			}
		}
		trace := ann.call(g, ben.client, carl.client, dora.client)
		for _, p := range everybody[1:] {
			p.hears(trace, "START_CALL")
		}
		rooms := []int32{ben.answers(trace).RoomID}
		ann.hears(trace, "ACCEPT_CALL "+string(ann.uid()))
		carl.handle(trace, false).want(t, fault.OK) // of which nobody hears
		rooms = append(rooms, dora.answers(trace).RoomID)
		if rooms[0] != rooms[1] {
			t.Errorf("the rooms are %v", rooms)
		}
		ann.handle(trace, false).want(t, fault.OK) // two still talk
		ben.handle(trace, false).want(t, fault.OK)
		dora.hears(trace, "STOP_CALL_HANGUP")
		ann.knowsOnly("ACCEPT_CALL " + string(ann.uid()))
		ben.knowsOnly("START_CALL")
		carl.knowsOnly("START_CALL")
		dora.knowsOnly("START_CALL", "STOP_CALL_HANGUP")
	})
}

func TestAGroupCallThatNobodyTakesStopsOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		ann, ben, carl := w.handset("ann's"), w.handset("ben's"), w.handset("carl's")
		g := ann.create("friends", ben.client, carl.client).ID
		trace := ann.call(g, ben.client, carl.client)
		ben.handle(trace, false).want(t, fault.OK)
		carl.replyBusy(trace).want(t, fault.OK)
		ann.knowsOnly("STOP_CALL_BUSY")
		ben.knowsOnly("START_CALL")
	})
}

func TestTheEndOfACallLeavesARecordWhereThatIsConfigured(t *testing.T) {
	config := app.Default()
	config.Call.Record = true
	everywhereWith(t, config, func(t *testing.T, w *world) {
		ann, ben := w.handset("ann's"), w.handset("ben's")
		trace := ann.call(0, ben.client)
		ben.answers(trace)
		ben.handle(trace, false).want(t, fault.OK)
		records := ben.history(ann.uid(), 0, 10)
		if len(records) != 1 {
			t.Fatalf("the history is %v", records)
		}
		events := ben.syncAll(0, 100)
		m := events[len(events)-1].message
		if m == nil || m.MsgType != wirev1.MsgType_MSG_TYPE_RTC_CALL || m.MsgId != fmt.Sprint("call-", trace) ||
			m.From != string(ann.uid()) || m.Target != string(ben.uid()) {
			t.Fatalf("the record is %v", m)
		}
		var result wirev1.RTCCall
		mustDecode(t, m.Msg, &result)
		if result.RtcType != 2 || result.Outcome != 0 || result.Duration < 0 || result.Duration > time.Minute.Milliseconds() {
			t.Errorf("the record says %v", &result)
		}
	})
}
