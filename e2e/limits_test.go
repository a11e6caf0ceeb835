package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/lxzan/gws"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app"
)

func TestAUserHasSoManySocketsAndNoMore(t *testing.T) {
	config := app.Default()
	config.Connect.MaxSockets = 2
	atOneGateway(t, config, func(t *testing.T, w *world) {
		ann, ben := w.user(), w.user()
		first := ann.connect(onDesktop("one"))
		ann.connect(nil)
		for _, l := range []*login{onDesktop("two"), nil} {
			third := openSocket(t, w.site)
			third.send(opAuth, ann.auth(l))
			if code, why := third.endReason(); code != 1008 || why != "the user has too many sockets" {
				t.Errorf("a third socket ends with %d, %q", code, why)
			}
		}
		ben.connect(onDesktop("one"))
		first.conn.NetConn().Close()
		w.connected(ann, "")
		ann.connect(onDesktop("two"))
	})
}

// What a device left behind that vanished gives way to it.
func TestADeviceThatComesBackFindsRoom(t *testing.T) {
	config := app.Default()
	config.Connect.MaxSockets = 2
	atOneGateway(t, config, func(t *testing.T, w *world) {
		ann := w.user()
		first := ann.connect(onPhone("phone"))
		second := ann.connect(onPhone("phone"))
		third := ann.connect(onPhone("phone"))
		if code, why := first.endReason(); code != 1008 || why != "the same device has too many sockets" {
			t.Errorf("the first socket ends with %d, %q", code, why)
		}
		w.user().send(text(string(ann.uid()), "hello"))
		for _, k := range []*socket{second, third} {
			if got := k.receive(); got.String() != "hello" {
				t.Errorf("ann reads %v", got)
			}
		}
	})
}

func TestAPhoneThatIsRefusedHasAWhile(t *testing.T) {
	config := app.Default()
	config.Connect.AuthTimeout = 20 * time.Second
	config.Connect.RefusedTimeout = time.Second
	everywhereWith(t, config, func(t *testing.T, w *world) {
		ann := w.user()
		ann.connect(onPhone("old"))
		ann.connect(onPhone("new"))
		k := openSocket(t, w.site)
		comesBack := &login{device: wirev1.Device_DEVICE_ANDROID, uuid: "old", reconnect: true}
		if body := k.authenticate(ann, comesBack); len(body) == 0 {
			t.Error("the old phone is let in")
		}
		began := time.Now()
		k.send(opHeartbeat, nil)
		k.next(opHeartbeatReply)
		k.authenticate(ann, comesBack) // which gives it no more time
		if code, why := k.endReason(); code != 1008 || why != "the client did not authenticate in time" || time.Since(began) > 15*time.Second {
			t.Errorf("after %v the refused phone ends with %d, %q", time.Since(began), code, why)
		}
	})
}

func TestAClientThatFloodsIsDisconnected(t *testing.T) {
	config := app.Default()
	config.Connect.MaxFrames = 20
	everywhereWith(t, config, func(t *testing.T, w *world) {
		k := w.user().connect(onDesktop("desk"))
		for range 10 * config.Connect.MaxFrames {
			// The server may be gone already.
			if err := k.conn.WriteMessage(gws.OpcodeBinary, packet{version: 1, op: opHeartbeat}.encode()); err != nil {
				break
			}
		}
		// What the server has not read when it closes takes the close frame along.
		if code := k.end(); code != 1008 && code != 0 {
			t.Errorf("the socket ends with %d, want 1008", code)
		}
	})
}

// How many confirmations there are is the server's doing.
func TestConfirmationsDoNotCountForTheLimit(t *testing.T) {
	config := app.Default()
	config.Connect.MaxFrames = 20
	everywhereWith(t, config, func(t *testing.T, w *world) {
		ann, ben := w.user(), w.user()
		const count = 100
		for n := range count {
			ann.send(text(string(ben.uid()), fmt.Sprint(n)))
		}
		k := ben.connect(onDesktop("desk"))
		for n := range count {
			if got := k.receive(); got.String() != fmt.Sprint(n) {
				t.Fatalf("message %d is read as %v", n, got)
			}
		}
	})
}

func TestAClientThatConfirmsNothingIsDisconnectedInTheEnd(t *testing.T) {
	config := app.Default()
	config.Connect.SilentAfter = time.Second
	config.Connect.ResendAfter = 200 * time.Millisecond
	everywhereWith(t, config, func(t *testing.T, w *world) {
		ann, ben := w.user(), w.user()
		silent, fair := ben.connect(onDesktop("silent")), ben.connect(onDesktop("fair"))
		ann.send(text(string(ben.uid()), "hello"))
		if got := fair.receive(); got.String() != "hello" {
			t.Errorf("ben reads %v", got)
		}
		silent.next(opReceiveMsg)
		silent.next(opReceiveMsg) // once more
		if code := silent.end(); code != 1008 {
			t.Errorf("the silent socket ends with %d, want 1008", code)
		}
		// Nothing is lost by that, and nobody else suffers.
		again := ben.connect(onDesktop("silent"))
		if got := again.receive(); got.String() != "hello" {
			t.Errorf("ben reads %v", got)
		}
		ann.send(text(string(ben.uid()), "again"))
		if got := fair.receive(); got.String() != "again" {
			t.Errorf("ben reads %v", got)
		}
	})
}

func TestASocketOnWhichNothingComesIsClosed(t *testing.T) {
	config := app.Default()
	config.Connect.IdleTimeout = time.Second
	everywhereWith(t, config, func(t *testing.T, w *world) {
		ann := w.user()
		idle, busy := ann.connect(onDesktop("idle")), ann.connect(onDesktop("busy"))
		beating := make(chan struct{})
		go func() {
			defer close(beating)
			for !idle.ended() && t.Context().Err() == nil {
				busy.send(opHeartbeat, nil)
				pause(t.Context(), 50*time.Millisecond)
			}
		}()
		idle.end()
		<-beating
		busy.send(opHeartbeat, nil)
		busy.next(opHeartbeatReply)
		if busy.ended() {
			t.Error("a socket with heartbeats is closed")
		}
	})
}
