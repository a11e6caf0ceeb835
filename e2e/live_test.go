package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app"
	"parley/pkg/fault"
)

func onPhone(uuid string) *login   { return &login{device: wirev1.Device_DEVICE_ANDROID, uuid: uuid} }
func onDesktop(uuid string) *login { return &login{device: wirev1.Device_DEVICE_WINDOWS, uuid: uuid} }

func TestTwoTalkOverTheirSockets(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		early := alice.send(text(string(bob.uid()), "before bob came"))
		a, b := alice.connect(onDesktop("a")), bob.connect(onPhone("b"))
		if got := b.receive(); got.logID != early.LogID || got.String() != "before bob came" {
			t.Errorf("bob first reads %v at %d", got, got.logID)
		}
		hello := a.post(text(string(bob.uid()), "hello"))
		if got := b.receive(); got.logID != hello.LogID || got.String() != "hello" || got.message.Datetime != uint64(hello.Datetime) {
			t.Errorf("bob reads %v at %d, want hello at %d", got, got.logID, hello.LogID)
		}
		over := alice.send(text(string(bob.uid()), "over HTTP"))
		if got := b.receive(); got.logID != over.LogID {
			t.Errorf("bob reads %v at %d", got, got.logID)
		}
		// Alice's own messages, and that bob's phone has them.
		seen := make(map[string]bool)
		for range 3 {
			seen[a.receive().String()] = true
		}
		for len(seen) < 4 {
			seen[a.receive().String()] = true
		}
		if got := fmt.Sprint(seen); got != "map[RECEIVED:true before bob came:true hello:true over HTTP:true]" {
			t.Errorf("alice reads %s", got)
		}
	})
}

func TestADeviceReadsOnWhereItWas(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		first := bob.connect(onDesktop("b"))
		alice.send(text(string(bob.uid()), "one"))
		if got := first.receive(); got.String() != "one" {
			t.Fatalf("bob reads %v", got)
		}
		first.conn.NetConn().Close()
		alice.send(text(string(bob.uid()), "two"))
		second := bob.connect(onDesktop("b"))
		// What was confirmed just before the end may come again.
		got := second.receive()
		if got.String() == "one" {
			got = second.receive()
		}
		if got.String() != "two" {
			t.Errorf("bob reads on with %v", got)
		}
	})
}

func TestANewPhoneTakesThePlaceOfTheOld(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		bob := w.user()
		old := bob.connect(onPhone("old"))
		bob.connect(onPhone("new"))
		signal := decodeEvent(t, old.match(func(p packet) bool {
			return p.op == opReceiveMsg && decodeLogin(t, p.body).GetUuid() == "new"
		}).body)
		if signal.signal.Sid != 0 || signal.signal.Reliable {
			t.Errorf("the signal is %v", signal.signal)
		}
		// From here on it gets nothing, not even replies.
		w.user().send(text(string(bob.uid()), "for the new phone"))
		old.send(opHeartbeat, nil)
		old.send(opSendMsg, encode(&wirev1.Proto{Body: encode(text(string(bob.uid()), "from the old phone"))}))
		code := old.end()
		after := slices.DeleteFunc(old.packets, func(p packet) bool { return decodeLogin(t, p.body).GetUuid() == "old" }) // itself
		if code != 1008 || len(after) > 0 {
			t.Errorf("the old phone ends with %d after %v", code, after)
		}

		again := openSocket(t, w.site)
		body := again.authenticate(bob, &login{device: wirev1.Device_DEVICE_ANDROID, uuid: "old", reconnect: true})
		var holder wirev1.SignalEndpointLogin
		mustDecode(t, body, &holder)
		if holder.Uuid != "new" || holder.DeviceName != "name of new" {
			t.Errorf("the old phone is told of %v", &holder)
		}
		if body := again.authenticate(bob, onPhone("old")); len(body) != 0 {
			t.Errorf("the old phone cannot take its place again: %x", body)
		}
	})
}

func decodeLogin(t testing.TB, body []byte) *wirev1.SignalEndpointLogin {
	e := decodeEvent(t, body)
	m := new(wirev1.SignalEndpointLogin)
	if e.signal != nil && e.signal.Type == wirev1.SignalType_SIGNAL_TYPE_ENDPOINT_LOGIN {
		mustDecode(t, e.signal.Body, m)
	}
	return m
}

func TestAMemberHearsHisGroupLive(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ben := w.user(), w.user()
		b := ben.connect(onDesktop("b"))
		var created struct{ Id int64 }
		owner.post("/group/app/create-group", map[string]any{"name": "chess", "memberIds": []string{string(ben.uid())}}).want(t, fault.OK).into(t, &created)
		owner.post("/group/app/group-remove", map[string]any{"id": created.Id, "memberIds": []string{string(ben.uid())}}).want(t, fault.OK)
		owner.post("/group/app/name", map[string]any{"id": created.Id, "name": "without ben"}).want(t, fault.OK)
		owner.post("/group/app/invite-group-members", map[string]any{"id": created.Id, "newMemberIds": []string{string(ben.uid())}}).want(t, fault.OK)
		var got []string
		for range 6 {
			got = append(got, b.receive().String())
		}
		if want := "[SIGN_IN_GROUP notice:SIGN_IN_GROUP notice:KICK_OUT_GROUP SIGN_OUT_GROUP SIGN_IN_GROUP notice:SIGN_IN_GROUP]"; fmt.Sprint(got) != want {
			t.Errorf("ben hears %v, want %s", got, want)
		}
	})
}

func TestPipelinedMessagesKeepTheirOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		a, b := alice.connect(onDesktop("a")), bob.connect(onPhone("b"))
		const count = 300
		for n := range count {
			a.send(opSendMsg, encode(&wirev1.Proto{Body: encode(text(string(bob.uid()), fmt.Sprint(n)))}))
		}
		for n := range count {
			if got := b.receive(); got.String() != fmt.Sprint(n) {
				t.Fatalf("message %d is read as %v", n, got)
			}
		}
	})
}

// A window of one event: the next comes when the last was confirmed, from the
// log as well as from the tail.
func TestASlowClientGetsEverythingAtItsOwnPace(t *testing.T) {
	config := app.Default()
	config.Connect.Window = 2
	everywhereWith(t, config, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		for n := range 10 {
			alice.send(text(string(bob.uid()), fmt.Sprint(n)))
		}
		b := bob.connect(onDesktop("b"))
		for n := range 30 {
			if n < 20 {
				alice.send(text(string(bob.uid()), fmt.Sprint(10+n)))
			}
			if got := b.receive(); got.String() != fmt.Sprint(n) {
				t.Fatalf("event %d is read as %v", n, got)
			}
		}
	})
}

func TestARevokedMessageIsNotDeliveredAnyMore(t *testing.T) {
	config := app.Default()
	config.Connect.Window = 1
	everywhereWith(t, config, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		b := bob.connect(onDesktop("b"))
		alice.send(text(string(bob.uid()), "first"))
		slip := alice.send(text(string(bob.uid()), "a slip"))
		alice.revoke(slip.LogID).want(t, fault.OK)
		if got := []string{b.receive().String(), b.receive().String()}; fmt.Sprint(got) != "[first REVOKE]" {
			t.Errorf("bob reads %v", got)
		}
	})
}

// Nothing is outstanding then whose confirmation would let the rest follow.
func TestARevokedMessageMakesRoomForTheRest(t *testing.T) {
	config := app.Default()
	config.Connect.Window = 1
	everywhereWith(t, config, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		b := bob.connect(nil)
		slip := alice.send(text(string(bob.uid()), "a slip"))
		b.next(opReceiveMsg) // and it is never confirmed
		alice.send(text(string(bob.uid()), "the rest"))
		alice.revoke(slip.LogID).want(t, fault.OK)
		if got := []string{b.receive().String(), b.receive().String()}; fmt.Sprint(got) != "[the rest REVOKE]" {
			t.Errorf("bob reads %v", got)
		}
	})
}

func TestTheBacklogComesAMomentAfterTheReply(t *testing.T) {
	config := app.Default()
	config.Connect.BacklogDelay = 300 * time.Millisecond
	everywhereWith(t, config, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		alice.send(text(string(bob.uid()), "before"))
		began := time.Now()
		b := bob.connect(onPhone("b"))
		if got := b.receive(); got.String() != "before" { // it confirms signal 14 before that
			t.Errorf("bob reads %v", got)
		}
		if took := time.Since(began); took < config.Connect.BacklogDelay {
			t.Errorf("the backlog came after %s", took)
		}
	})
}
