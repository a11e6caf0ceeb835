package e2e

import (
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
)

// left stands for somebody who was in the group and is not any more.
const left = eventlog.Role(10)

func TestWhoMayRevokeAndFocusInAGroup(t *testing.T) {
	const member, admin, owner = eventlog.Member, eventlog.Admin, eventlog.Owner
	rows := []struct {
		name           string
		author, caller eventlog.Role
		revoke, focus  fault.Code
	}{
		{"a member and a member's", member, member, fault.Forbidden, fault.OK},
		{"an admin and a member's", member, admin, fault.OK, fault.OK},
		{"an owner and a member's", member, owner, fault.OK, fault.OK},
		{"a member and an admin's", admin, member, fault.Forbidden, fault.OK},
		{"an admin and an admin's", admin, admin, fault.Forbidden, fault.OK},
		{"an owner and an admin's", admin, owner, fault.OK, fault.OK},
		{"a member and the owner's", owner, member, fault.Forbidden, fault.OK},
		{"an admin and the owner's", owner, admin, fault.Forbidden, fault.OK},
		{"a member and one's who left", left, member, fault.Forbidden, fault.OK},
		{"an admin and one's who left", left, admin, fault.OK, fault.OK},
		{"an owner and one's who left", left, owner, fault.OK, fault.OK},
		{"one who left and a member's", member, left, fault.Forbidden, fault.Forbidden},
		{"one who left and the owner's", owner, left, fault.Forbidden, fault.Forbidden},
	}
	everywhere(t, func(t *testing.T, w *world) {
		for _, r := range rows {
			t.Run(r.name, func(t *testing.T) {
				w := w.in(t)
				founder, author, caller := w.user(), w.user(), w.user()
				g := w.group(founder, author, caller)
				message := author.send(groupText(g, "hello")).LogID
				// Roles count as they are now, not as they were.
				for c, role := range map[*client]eventlog.Role{author: r.author, caller: r.caller} {
					switch role {
					case left:
						c.exit(g).want(t, fault.OK)
					case admin:
						founder.setRole(g, admin, c).want(t, fault.OK)
					}
				}
				if r.author == owner {
					founder.giveTo(g, author).want(t, fault.OK)
				}
				if r.caller == owner {
					founder.giveTo(g, caller).want(t, fault.OK)
				}
				caller.focus(message).want(t, r.focus)
				caller.revoke(message).want(t, r.revoke)
				caller.revoke(message).want(t, r.revoke)
				want := 0
				if r.revoke == fault.OK {
					want = 1
				}
				if got := w.signals(founder, wirev1.SignalType_SIGNAL_TYPE_REVOKE); len(got) != want {
					t.Errorf("the group hears of %d revokes, want %d", len(got), want)
				}
				for _, s := range w.signals(founder, wirev1.SignalType_SIGNAL_TYPE_REVOKE) {
					var revoke wirev1.SignalRevoke
					mustDecode(t, s.Body, &revoke)
					if revoke.Self || revoke.Operator != string(caller.uid()) || revoke.LogId != message {
						t.Errorf("the group hears %v", &revoke)
					}
				}
			})
		}
	})
}

// signals returns the signals of a kind that somebody reads.
func (w *world) signals(c *client, kind wirev1.SignalType) []*wirev1.Signal {
	w.t.Helper()
	var all []*wirev1.Signal
	for _, e := range c.syncAll(0, 1000) {
		if e.signal != nil && e.signal.Type == kind {
			all = append(all, e.signal)
		}
	}
	return all
}

func TestAnAuthorRevokesInAGroupWhileHeIsIn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ann := w.user(), w.user()
		g := w.group(owner, ann)
		first, second := ann.send(groupText(g, "first")), ann.send(groupText(g, "second"))
		ann.focus(first.LogID).want(t, fault.Forbidden)
		ann.revoke(first.LogID).want(t, fault.OK)
		ann.exit(g).want(t, fault.OK)
		ann.revoke(first.LogID).want(t, fault.Forbidden)
		ann.revoke(second.LogID).want(t, fault.Forbidden)
		w.user().revoke(second.LogID).want(t, fault.Forbidden)
		w.user().focus(second.LogID).want(t, fault.Forbidden)
		ann.join(g).want(t, fault.OK)
		ann.revoke(second.LogID).want(t, fault.OK)
		owner.focus(second.LogID).want(t, fault.NotFound)

		signals := w.signals(owner, wirev1.SignalType_SIGNAL_TYPE_REVOKE)
		if len(signals) != 2 {
			t.Fatalf("the group hears of %d revokes, want 2", len(signals))
		}
		for _, s := range signals {
			var revoke wirev1.SignalRevoke
			mustDecode(t, s.Body, &revoke)
			if !revoke.Self {
				t.Errorf("the author revoked, and the group hears %v", &revoke)
			}
		}
	})
}

func TestAnAuthorRevokesUntilTheTimeIsOver(t *testing.T) {
	config := app.Default()
	config.Revoke.Expire = time.Millisecond
	everywhereWith(t, config, func(t *testing.T, w *world) {
		owner, ann := w.user(), w.user()
		g := w.group(owner, ann)
		private := ann.send(text(string(owner.uid()), "private"))
		group := ann.send(groupText(g, "to all"))
		until(t, func() bool { return time.Now().UnixMilli() > group.Datetime+1 })
		ann.revoke(private.LogID).want(t, fault.Forbidden)
		ann.revoke(group.LogID).want(t, fault.Forbidden)
		owner.revoke(private.LogID).want(t, fault.Forbidden)
		owner.revoke(group.LogID).want(t, fault.OK)
	})
}

// until waits for a condition.
func until(t testing.TB, condition func() bool) {
	t.Helper()
	if !waits(t, condition) {
		t.Fatal("what was waited for did not happen within 30 seconds")
	}
}

// waits waits for a condition and reports whether it came true within 30 seconds.
func waits(t testing.TB, condition func() bool) bool {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}

// Nobody but the two learns anything about a private message, not even whether
// it was revoked.
func TestAPrivateMessageIsNobodyElses(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob, eve := w.user(), w.user(), w.user()
		message := alice.send(text(string(bob.uid()), "for bob"))
		for range 2 {
			eve.revoke(message.LogID).want(t, fault.Forbidden)
			eve.focus(message.LogID).want(t, fault.Forbidden)
			bob.revoke(message.LogID).want(t, fault.Forbidden)
			alice.focus(message.LogID).want(t, fault.Forbidden)
			alice.revoke(message.LogID).want(t, fault.OK)
		}
		bob.focus(message.LogID).want(t, fault.NotFound)
		if got := eve.sync(0, 10); len(got) != 0 {
			t.Errorf("eve reads %v", got)
		}
	})
}

func TestARevokedBodyIsErased(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		slip := alice.send(text(string(bob.uid()), "a slip"))
		alice.revoke(slip.LogID).want(t, fault.OK)
		var body []byte
		if err := w.db.ReaderSQL().QueryRowContext(t.Context(), "SELECT body FROM log_event WHERE pos = ?", slip.LogID).Scan(&body); err != nil {
			t.Fatal(err)
		}
		if len(body) != 0 {
			t.Errorf("the database still holds %d bytes of the message", len(body))
		}
	})
}
