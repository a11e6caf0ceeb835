package e2e

import (
	"fmt"
	"testing"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
)

func TestAMemberReadsWhatHappensWhileHeIsIn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ben := w.user(), w.user()
		g := w.group(owner)
		owner.send(groupText(g, "before"))
		w.join(g, ben)
		owner.send(groupText(g, "welcome"))
		ben.send(groupText(g, "thanks"))
		w.leave(g, ben)
		owner.send(groupText(g, "gone"))
		ben.push(groupText(g, "let me say")).want(t, fault.NotMember)
		w.join(g, ben)
		ben.send(groupText(g, "back"))
		w.disband(g)
		ben.push(groupText(g, "too late")).want(t, fault.GroupDisbanded)

		for _, size := range []int{1, 2, 3, 100} {
			if got, want := fmt.Sprint(ben.syncAll(0, size)), "[SIGN_IN_GROUP welcome thanks SIGN_OUT_GROUP SIGN_IN_GROUP back DELETE_GROUP]"; got != want {
				t.Errorf("in pages of %d ben reads %s, want %s", size, got, want)
			}
			if got, want := fmt.Sprint(owner.syncAll(0, size)), "[before SIGN_IN_GROUP welcome thanks SIGN_OUT_GROUP gone SIGN_IN_GROUP back DELETE_GROUP]"; got != want {
				t.Errorf("in pages of %d the owner reads %s, want %s", size, got, want)
			}
		}
	})
}

// Who was removed while he was offline still learns it, and nothing after it,
// wherever he starts.
func TestARemovedMemberLearnsItLater(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ben := w.user(), w.user()
		g := w.group(owner, ben)
		last := owner.send(groupText(g, "the last that he saw"))
		w.leave(g, ben)
		secret := owner.send(groupText(g, "about ben"))
		if got := fmt.Sprint(ben.sync(last.LogID, 10)); got != "[SIGN_OUT_GROUP]" {
			t.Errorf("ben reads %s, want his own leaving", got)
		}
		if got := ben.sync(secret.LogID-1, 10); len(got) != 0 {
			t.Errorf("ben reads %v of a group that he left", got)
		}
	})
}

func TestASignalAndANoticeAreNoMessages(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ben := w.user(), w.user()
		g := w.group(owner)
		w.join(g, ben)
		signal := owner.sync(0, 1)[0].logID
		notice := w.notice(g, owner)
		for _, c := range []*client{owner, ben} {
			c.revoke(signal).want(t, fault.NotFound)
			c.focus(signal).want(t, fault.NotFound)
			c.revoke(notice).want(t, fault.Forbidden)
			c.focus(notice).want(t, fault.Forbidden)
		}
		if got := fmt.Sprint(ben.sync(0, 10)); got != "[SIGN_IN_GROUP NOTICE]" {
			t.Errorf("ben reads %s, want the signal and the notice", got)
		}
	})
}

func TestAMuteHoldsUntilItEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ann, ben := w.user(), w.user(), w.user()
		g := w.group(owner, ann, ben)
		message := groupText(g, "may I?")

		w.mute(g, eventlog.Forever, ann)
		ann.push(message).want(t, fault.Muted)
		ann.push(message).want(t, fault.Muted)
		ben.send(groupText(g, "I may"))
		w.mute(g, 0, ann)
		sent := ann.send(message)
		w.muteAll(g, true)
		ann.push(groupText(g, "nobody may")).want(t, fault.Muted)
		owner.send(groupText(g, "but the owner"))
		w.setRole(g, eventlog.Admin, ann)
		ann.send(groupText(g, "and an admin"))
		w.mute(g, eventlog.Forever, ann)
		ann.push(groupText(g, "not if muted herself")).want(t, fault.Muted)
		w.mute(g, 0, ann)
		w.muteAll(g, false)
		ben.send(groupText(g, "all again"))

		if again := ann.send(message); again != sent {
			t.Errorf("after all that a repeat is answered with %+v, want %+v", again, sent)
		}
		if got, want := fmt.Sprint(ben.sync(0, 100)), "[I may may I? but the owner and an admin all again]"; got != want {
			t.Errorf("the group reads %s, want %s", got, want)
		}
	})
}

func TestABlockedGroupIsStill(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ben, outsider := w.user(), w.user(), w.user()
		g := w.group(owner, ben)
		before := ben.send(groupText(g, "before"))
		w.setStatus(g, eventlog.Blocked)
		for _, c := range []*client{owner, ben, outsider} {
			c.push(groupText(g, "blocked")).want(t, fault.GroupBlocked)
			c.revoke(before.LogID).want(t, fault.GroupBlocked)
			c.focus(before.LogID).want(t, fault.GroupBlocked)
		}
		if got := fmt.Sprint(owner.sync(0, 10)); got != "[before]" {
			t.Errorf("of a blocked group its owner reads %s", got)
		}
		w.setStatus(g, eventlog.Normal)
		after := ben.send(groupText(g, "after"))
		owner.focus(before.LogID).want(t, fault.OK)
		ben.revoke(before.LogID).want(t, fault.OK)

		w.disband(g)
		for _, c := range []*client{owner, ben, outsider} {
			c.push(groupText(g, "disbanded")).want(t, fault.GroupDisbanded)
			c.revoke(after.LogID).want(t, fault.GroupDisbanded)
			c.focus(after.LogID).want(t, fault.GroupDisbanded)
		}
	})
}

// Two groups and private messages are one order.
func TestEverythingIsOneOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ben := w.user(), w.user()
		chess, music := w.group(owner, ben), w.group(ben, owner)
		var want []string
		for n := range 30 {
			words := fmt.Sprint(n)
			switch n % 5 {
			case 0:
				owner.send(groupText(chess, words))
			case 1:
				ben.send(groupText(music, words))
			case 2:
				owner.send(text(string(ben.uid()), words))
			case 3:
				ben.send(text(string(owner.uid()), words))
			case 4:
				ben.send(groupText(chess, words))
			}
			want = append(want, words)
		}
		for _, c := range []*client{owner, ben} {
			for _, size := range []int{1, 7, 29, 30, 31} {
				if got := fmt.Sprint(c.syncAll(0, size)); got != fmt.Sprint(want) {
					t.Fatalf("in pages of %d one reads %s, want %s", size, got, want)
				}
			}
		}
	})
}
