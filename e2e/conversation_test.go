package e2e

import (
	"fmt"
	"strconv"
	"testing"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
)

func TestTwoPeopleTalk(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()

		hello := text(string(bob.uid()), "hello")
		var first sent
		alice.push(hello).want(t, fault.OK).into(t, &first)
		second := bob.send(text(string(alice.uid()), "hi"))
		if first.LogID <= 0 || second.LogID <= first.LogID || second.Datetime < first.Datetime {
			t.Fatalf("the answers %+v and %+v are not in order", first, second)
		}

		for _, who := range []*client{alice, bob} {
			got := who.sync(0, 100)
			if len(got) != 2 || got[0].logID != first.LogID || got[1].logID != second.LogID {
				t.Fatalf("%s syncs %v, want both messages in order", who.uid(), got)
			}
			m := got[0].message
			if m.MsgId != hello.MsgId || m.From != string(alice.uid()) || m.Target != hello.Target ||
				string(m.Msg) != string(hello.Msg) || m.Datetime != uint64(first.Datetime) {
				t.Fatalf("the message came back as %v", m)
			}
			if rest := who.sync(second.LogID, 100); len(rest) != 0 {
				t.Fatalf("after the newest message there is %v", rest)
			}
		}

		history := alice.history(bob.uid(), 0, 10)
		if len(history) != 2 || history[0].LogID != strconv.FormatInt(second.LogID, 10) {
			t.Fatalf("the history is %v, want both messages, newest first", history)
		}
		if got := string(history[1].Content); got != `{"content":"hello","mention":[]}` {
			t.Fatalf("the content of a text is %s", got)
		}
		if older := bob.history(alice.uid(), second.LogID, 10); len(older) != 1 || older[0].MsgID != hello.MsgId {
			t.Fatalf("before the second message there is %v", older)
		}
	})
}

func TestARevokedMessageIsGone(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		message := text(string(bob.uid()), "a slip")
		slip := alice.send(message)
		kept := alice.send(text(string(bob.uid()), "better"))

		bob.revoke(slip.LogID).want(t, fault.Forbidden)
		alice.revoke(slip.LogID).want(t, fault.OK)
		alice.revoke(slip.LogID).want(t, fault.OK)

		got := bob.sync(0, 100)
		if len(got) != 2 || got[0].logID != kept.LogID || got[1].signal == nil {
			t.Fatalf("bob syncs %v, want the other message and one signal", got)
		}
		var signal wirev1.SignalRevoke
		mustDecode(t, got[1].signal.Body, &signal)
		if got[1].signal.Type != wirev1.SignalType_SIGNAL_TYPE_REVOKE || !got[1].signal.Reliable ||
			signal.LogId != slip.LogID || signal.Operator != string(alice.uid()) || !signal.Self {
			t.Fatalf("the signal is %v with %v", got[1].signal, &signal)
		}
		if history := alice.history(bob.uid(), 0, 10); len(history) != 1 {
			t.Fatalf("the history still has %d messages, want 1", len(history))
		}
		if again := alice.send(message); again != slip {
			t.Fatalf("sending the revoked message again answers %+v, want its first answer %+v", again, slip)
		}
		bob.focus(slip.LogID).want(t, fault.NotFound)
	})
}

func TestFocusIsCountedOncePerPerson(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, ann, ben := w.user(), w.user(), w.user()
		g := w.group(owner, ann, ben)
		message := owner.send(groupText(g, "important"))

		owner.focus(message.LogID).want(t, fault.Forbidden)
		w.user().focus(message.LogID).want(t, fault.Forbidden)
		ann.focus(message.LogID).want(t, fault.OK)
		ann.focus(message.LogID).want(t, fault.OK)
		ben.focus(message.LogID).want(t, fault.OK)

		var counts []string
		for _, e := range owner.sync(message.LogID, 100) {
			var signal wirev1.SignalFocusMessage
			mustDecode(t, e.signal.Body, &signal)
			counts = append(counts, fmt.Sprintf("%s:%d", signal.Uid, signal.CurrentNum))
		}
		want := fmt.Sprintf("[%s:1 %s:2]", ann.uid(), ben.uid())
		if got := fmt.Sprint(counts); got != want {
			t.Fatalf("the group hears %s, want %s", got, want)
		}
	})
}

func TestTheSameMessageIsStoredOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		message := text(string(bob.uid()), "once")
		first := alice.send(message)
		var again sent
		alice.push(message).want(t, fault.OK).into(t, &again)
		if again != first {
			t.Fatalf("the repeat answers %+v, want %+v", again, first)
		}
		if got := bob.sync(0, 10); len(got) != 1 {
			t.Fatalf("bob has %d messages, want 1", len(got))
		}
	})
}

func TestASelfMessageIsStoredOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		note := alice.send(text(string(alice.uid()), "note to self"))
		if got := alice.sync(0, 10); len(got) != 1 || got[0].logID != note.LogID {
			t.Fatalf("alice syncs %v, want her note once", got)
		}
		if got := alice.history(alice.uid(), 0, 10); len(got) != 1 {
			t.Fatalf("the history with herself has %d messages, want 1", len(got))
		}
	})
}

func TestOnlyMembersSpeakInAGroup(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, member, outsider := w.user(), w.user(), w.user()
		g := w.group(owner, member)
		heard := member.send(groupText(g, "hello all"))

		outsider.push(groupText(g, "let me in")).want(t, fault.NotMember)
		outsider.push(groupText(g+1<<40, "anybody?")).want(t, fault.NoSuchGroup)
		if got := owner.sync(heard.LogID-1, 10); len(got) != 1 || got[0].logID != heard.LogID {
			t.Fatalf("the owner syncs %v, want the member's message alone", got)
		}
		if got := outsider.sync(0, 10); len(got) != 0 {
			t.Fatalf("an outsider syncs %v of a group", got)
		}
	})
}
