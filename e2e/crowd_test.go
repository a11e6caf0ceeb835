package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/record"
)

// atOnce calls f n times at the same moment.
func atOnce(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			f(i)
		})
	}
	done.Wait()
}

func TestAHundredRevokesAtOnceAreOne(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		owner, admin, author, witness := w.user(), w.user(), w.user(), w.user()
		g := w.group(owner, admin, author, witness)
		owner.setRole(g, eventlog.Admin, admin).want(t, fault.OK)
		slip := author.send(groupText(g, "a slip"))
		entitled := []*client{owner, admin, author}
		atOnce(100, func(i int) {
			if a := entitled[i%len(entitled)].revoke(slip.LogID); a.Result != fault.OK {
				t.Errorf("a revoke is answered with %s", a.body)
			}
		})
		if got := fmt.Sprint(witness.sync(slip.LogID, 100)); got != "[REVOKE]" {
			t.Fatalf("the group reads %s, want one signal", got)
		}
	})
}

func TestAThousandTimesTheSameMessageIsOne(t *testing.T) {
	config := app.Default()
	config.App.Deadline = time.Minute // a slow machine is not what is tested
	everywhereWith(t, config, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		message := text(string(bob.uid()), "once")
		answers := make([]sent, 1000)
		atOnce(len(answers), func(i int) {
			if a := alice.push(message); a.Result == fault.OK {
				a.into(t, &answers[i])
			} else {
				t.Errorf("a repeat is answered with %s", a.body)
			}
		})
		for _, a := range answers {
			if a != answers[0] {
				t.Fatalf("the answers %+v and %+v differ", a, answers[0])
			}
		}
		if got := bob.sync(0, 100); len(got) != 1 || got[0].logID != answers[0].LogID {
			t.Fatalf("bob reads %v, want the message once, at %d", got, answers[0].LogID)
		}
	})
}

func TestFocusesAtOnceAreAllCounted(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const people = 20
		owner := w.user()
		members := make([]*client, people)
		for i := range members {
			members[i] = w.user()
		}
		g := w.group(owner, members...)
		message := owner.send(groupText(g, "important"))
		// Each of them five times.
		atOnce(5*people, func(i int) {
			if a := members[i%people].focus(message.LogID); a.Result != fault.OK {
				t.Errorf("a focus is answered with %s", a.body)
			}
		})
		seen := make(map[string]bool)
		for n, signal := range w.signals(owner, wirev1.SignalType_SIGNAL_TYPE_FOCUS_MESSAGE) {
			var focus wirev1.SignalFocusMessage
			mustDecode(t, signal.Body, &focus)
			if focus.CurrentNum != int32(n+1) || seen[focus.Uid] {
				t.Fatalf("signal %d counts %s as number %d", n+1, focus.Uid, focus.CurrentNum)
			}
			seen[focus.Uid] = true
		}
		if len(seen) != people {
			t.Fatalf("%d of %d people were counted", len(seen), people)
		}
	})
}

// A revoke and a focus at the same moment come in one order or the other: a
// message that is gone is not counted any more.
func TestARevokeAndAFocusMeet(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		for range 20 {
			message := alice.send(text(string(bob.uid()), "now or never"))
			var revoked, focused fault.Code
			atOnce(2, func(i int) {
				if i == 0 {
					revoked = alice.revoke(message.LogID).Result
				} else {
					focused = bob.focus(message.LogID).Result
				}
			})
			want := map[fault.Code]string{fault.OK: "[FOCUS_MESSAGE REVOKE]", fault.NotFound: "[REVOKE]"}[focused]
			if got := fmt.Sprint(bob.sync(message.LogID, 10)); revoked != fault.OK || got != want {
				t.Fatalf("the revoke was answered with %d, the focus with %d, and bob reads %s", revoked, focused, got)
			}
		}
	})
}

// Messages over one connection, sent one after the other, are stored in that
// order, and many senders do not mix them up.
func TestEverySendersOrderIsKept(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const senders, each = 8, 20
		reader := w.user()
		people := make([]*client, senders)
		for i := range people {
			people[i] = w.user()
		}
		atOnce(senders, func(i int) {
			for n := range each {
				people[i].send(text(string(reader.uid()), fmt.Sprint(n)))
			}
		})
		next := make(map[string]int)
		var times []uint64
		for _, e := range reader.syncAll(0, 33) {
			if want := fmt.Sprint(next[e.message.From]); e.String() != want {
				t.Fatalf("from one sender came %s, want %s", e, want)
			}
			next[e.message.From]++
			times = append(times, e.message.Datetime)
		}
		if len(times) != senders*each || !slices.IsSorted(times) {
			t.Fatalf("%d messages were read, want %d, and the times never fall: %v", len(times), senders*each, times)
		}
	})
}

func TestTheLargestPageIsAThousand(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		const messages = 1001
		w.fill(alice, bob.uid(), messages)
		page := bob.sync(0, 1000)
		if len(page) != 1000 {
			t.Fatalf("the first page has %d events, want 1000", len(page))
		}
		if rest := bob.sync(page[999].logID, 1000); len(rest) != 1 {
			t.Fatalf("behind it there are %d, want 1", len(rest))
		}
		if all := bob.history(alice.uid(), 0, 100); len(all) != 100 {
			t.Fatalf("a page of the history has %d messages, want 100", len(all))
		}
	})
}

// fill writes n private messages at once, straight into the log.
func (w *world) fill(from *client, target id.UID, n int) {
	w.t.Helper()
	var wg sync.WaitGroup
	drafts := make([]eventlog.Draft, n)
	for i := range drafts {
		e, err := record.Parse(from.uid(), encode(&wirev1.Proto{Body: encode(text(string(target), fmt.Sprint(i)))}), record.DefaultConfig())
		if err != nil {
			w.t.Fatal(err)
		}
		wg.Add(1)
		drafts[i] = eventlog.Draft{Event: e, Done: func(_ eventlog.Receipt, err error) {
			defer wg.Done()
			if err != nil {
				w.t.Error(err)
			}
		}}
	}
	w.log.AppendAll(drafts)
	wg.Wait()
}
