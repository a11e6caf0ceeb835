package e2e

import (
	"fmt"
	"strings"
	"testing"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
)

func TestAMemberReadsWhatHappensWhileHeIsIn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ben := w.user(), w.user()
		g := w.group(owner)
		owner.send(groupText(g, "before"))
		ben.join(g).want(t, fault.OK)
		owner.send(groupText(g, "welcome"))
		ben.send(groupText(g, "thanks"))
		ben.exit(g).want(t, fault.OK)
		owner.send(groupText(g, "gone"))
		ben.push(groupText(g, "let me say")).want(t, fault.NotMember)
		owner.invite(g, ben).want(t, fault.OK)
		ben.send(groupText(g, "back"))
		owner.disband(g).want(t, fault.OK)
		ben.push(groupText(g, "too late")).want(t, fault.GroupDisbanded)
		const (
			in   = "SIGN_IN_GROUP notice:SIGN_IN_GROUP "
			out  = " notice:SIGN_OUT_GROUP SIGN_OUT_GROUP "
			over = " notice:DELETE_GROUP DELETE_GROUP"
		)

		for _, size := range []int{1, 2, 3, 100} {
			if got, want := fmt.Sprint(ben.syncAll(0, size)), "["+in+"welcome thanks"+out+in+"back"+over+"]"; got != want {
				t.Errorf("in pages of %d ben reads %s, want %s", size, got, want)
			}
			if got, want := fmt.Sprint(owner.syncAll(0, size)), "[SIGN_IN_GROUP before "+in+"welcome thanks"+out+"gone "+in+"back"+over+"]"; got != want {
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
		owner.remove(g, ben).want(t, fault.OK)
		secret := owner.send(groupText(g, "about ben"))
		if got := fmt.Sprint(ben.sync(last.LogID, 10)); got != "[notice:KICK_OUT_GROUP SIGN_OUT_GROUP]" {
			t.Errorf("ben reads %s, want that he was removed", got)
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
		ben.join(g).want(t, fault.OK)
		told := ben.sync(0, 10)
		if got, want := fmt.Sprint(told), "[SIGN_IN_GROUP notice:SIGN_IN_GROUP]"; got != want {
			t.Fatalf("ben reads %s, want %s", got, want)
		}
		signal, notice := told[0].logID, told[1].logID
		for _, c := range []*client{owner, ben} {
			c.revoke(signal).want(t, fault.NotFound)
			c.focus(signal).want(t, fault.NotFound)
			c.revoke(notice).want(t, fault.Forbidden)
			c.focus(notice).want(t, fault.Forbidden)
		}
		if got := ben.sync(0, 10); len(got) != len(told) {
			t.Errorf("after that ben reads %s, want the same as before", got)
		}
	})
}

func TestAMuteHoldsUntilItEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ann, ben := w.user(), w.user(), w.user()
		g := w.group(owner, ann, ben)
		message := groupText(g, "may I?")

		owner.mute(g, eventlog.Forever, ann).want(t, fault.OK)
		ann.push(message).want(t, fault.Muted)
		ann.push(message).want(t, fault.Muted)
		ben.send(groupText(g, "I may"))
		owner.mute(g, 0, ann).want(t, fault.OK)
		sent := ann.send(message)
		owner.muteAll(g, true).want(t, fault.OK)
		ann.push(groupText(g, "nobody may")).want(t, fault.Muted)
		owner.send(groupText(g, "but the owner"))
		owner.setRole(g, eventlog.Admin, ann).want(t, fault.OK)
		ann.send(groupText(g, "and an admin"))
		owner.setRole(g, eventlog.Member, ann).want(t, fault.OK)
		ann.push(groupText(g, "not any more")).want(t, fault.Muted)
		owner.muteAll(g, false).want(t, fault.OK)
		ben.send(groupText(g, "all again"))

		if again := ann.send(message); again != sent {
			t.Errorf("after all that a repeat is answered with %+v, want %+v", again, sent)
		}
		if got, want := fmt.Sprint(ben.sync(0, 100)), "["+founding+"UPDATE_GROUP_MEMBER_MUTE_TIME notice:UPDATE_GROUP_MEMBER_MUTED I may "+
			"UPDATE_GROUP_MEMBER_MUTE_TIME may I? UPDATE_GROUP_MUTE_TYPE notice:UPDATE_GROUP_MUTED but the owner "+
			"UPDATE_GROUP_MEMBER_TYPE and an admin UPDATE_GROUP_MEMBER_TYPE UPDATE_GROUP_MUTE_TYPE notice:UPDATE_GROUP_MUTED all again]"; got != want {
			t.Errorf("the group reads %s, want %s", got, want)
		}
	})
}

func TestABlockedGroupIsStill(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ben, outsider := w.user(), w.user(), w.user()
		g := w.group(owner, ben)
		before := ben.send(groupText(g, "before"))
		w.block(g)
		for _, c := range []*client{owner, ben, outsider} {
			c.push(groupText(g, "blocked")).want(t, fault.GroupBlocked)
			c.revoke(before.LogID).want(t, fault.GroupBlocked)
			c.focus(before.LogID).want(t, fault.GroupBlocked)
		}
		if got := fmt.Sprint(owner.sync(0, 10)); got != "["+founding+"before]" {
			t.Errorf("of a blocked group its owner reads %s", got)
		}
		w.unblock(g)
		after := ben.send(groupText(g, "after"))
		owner.focus(before.LogID).want(t, fault.OK)
		ben.revoke(before.LogID).want(t, fault.OK)

		owner.disband(g).want(t, fault.OK)
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
		want := strings.Fields(founding + founding)
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
