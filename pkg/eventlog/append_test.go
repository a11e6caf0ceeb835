package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"parley/pkg/fault"
	"parley/pkg/id"
)

func TestPositionsBeginAtOneAndAreDense(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	for want := Position(1); want <= 5; want++ {
		if got := w.append(l, private("alice", "bob", fmt.Sprint("m", want))).Pos; got != want {
			t.Errorf("message %d has position %d", want, got)
		}
	}
	if head := w.head(l); head != 5 {
		t.Errorf("head is %d after 5 events", head)
	}
}

func TestEveryColumnComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	want := []Event{
		private("alice", "bob", "m1"),
		private("alice", "alice", "to myself"),
		{Scope: "", ID: "call:1", Author: "bob", Audience: ToUser("carol"), Kind: Signal, Body: []byte{0, 255, 10, 39, 92}},
		{Scope: "", ID: "notice", Author: "bob", Audience: ToGroup(7), Kind: Notice, Body: []byte("n")},
		{Scope: "", ID: "nothing", Author: "bob", Audience: ToUser("carol"), Kind: Signal},
	}
	for i := range want {
		r := w.append(l, want[i])
		want[i].Pos, want[i].At = r.Pos, r.At
		got, err := l.Find(context.Background(), r.Pos)
		if err != nil {
			t.Fatalf("find event %d: %v", r.Pos, err)
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want[i]) {
			t.Errorf("got  %+v\nwant %+v", got, want[i])
		}
	}
}

func TestAThousandRepeatsAtOnceAreOneEventWithOneReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	logs := w.logs(3)
	receipts := make([]Receipt, 1000)
	var all sync.WaitGroup
	for i := range receipts {
		all.Go(func() {
			var err error
			if receipts[i], err = logs[i%len(logs)].Append(context.Background(), private("alice", "bob", "m1")); err != nil {
				t.Errorf("repeat %d: %v", i, err)
			}
		})
	}
	all.Wait()
	for i, r := range receipts {
		if r != receipts[0] || r.Pos == 0 {
			t.Fatalf("repeat %d got %v, the first %v", i, r, receipts[0])
		}
	}
	same(t, "positions", positionsOf(w.stored()), []Position{1})
	if next := w.append(logs[0], private("alice", "bob", "m2")).Pos; next != 2 {
		t.Errorf("the event after the repeats has position %d, want 2", next)
	}
}

func TestARepeatIsKnownByItsBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	ids := []string{"m1", "m1 ", "M1", " m1", "m1\x00", "m1\x00x", "ｍ1", "é", "e\u0301", "m1\t"}
	for i, id := range ids {
		if got := w.append(l, private("alice", "bob", id)).Pos; got != Position(i+1) {
			t.Errorf("msgId %q was taken for an earlier one", id)
		}
	}
	for i, id := range ids {
		if got := w.append(l, private("alice", "bob", id)).Pos; got != Position(i+1) {
			t.Errorf("a repeat of msgId %q has position %d, want %d", id, got, i+1)
		}
	}
	same(t, "ids in the log", idsOf(w.stored()), ids)
	if got := w.append(l, private("Alice", "bob", "m1")).Pos; got != Position(len(ids)+1) {
		t.Error("the msgId of another sender was taken for a repeat")
	}
}

func TestAUserIsKnownByHisBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.append(l, private("alice", "bob", "to bob"))
	w.append(l, private("alice", "Bob", "to Bob"))
	w.group(l, 1, "alice", "bob")
	for user, want := range map[id.UID]string{"bob": "to bob", "Bob": "to Bob", "Alice": ""} {
		var got string
		for _, e := range w.read(l, user, 0, 10) {
			got += e.ID
		}
		if got != want {
			t.Errorf("%s reads %q, want %q", user, got, want)
		}
	}
	if _, err := l.Append(context.Background(), toGroup("Bob", 1, "m")); !errors.Is(err, fault.NotMember) {
		t.Errorf("Bob spoke in bob's place: %v", err)
	}
}

// answers collects what became of drafts.
type answers struct {
	sync.WaitGroup
	receipts []Receipt
	errs     []error
}

// appendAll appends events in one call and waits for all answers.
func appendAll(l *Log, events ...Event) *answers {
	a := &answers{receipts: make([]Receipt, len(events)), errs: make([]error, len(events))}
	drafts := make([]Draft, len(events))
	for i, e := range events {
		a.Add(1)
		drafts[i] = Draft{Event: e, Done: func(r Receipt, err error) {
			a.receipts[i], a.errs[i] = r, err
			a.Done()
		}}
	}
	l.AppendAll(drafts)
	a.Wait()
	return a
}

// populated has one group for each reason for which a message is refused.
func populated(w *world, l *Log) (cases []refusal) {
	w.group(l, 1, "owner", "admin", "alice", "muted", "unmuted", "left")
	now := int64(1_000_000)
	w.change(l, func(tx *Tx) error {
		return errors.Join(tx.SetRole(1, Admin, "admin"), tx.Mute(1, now+1, "muted"), tx.Mute(1, now, "unmuted"))
	})
	w.leave(l, 1, "left")
	w.group(l, 2, "alice")
	w.change(l, func(tx *Tx) error { return tx.SetStatus(2, Blocked) })
	w.group(l, 3, "alice")
	w.signalled(l, 3, "disband", func(tx *Tx, at Position) error { return tx.Disband(3, at) })
	w.group(l, 4, "owner", "admin", "alice")
	w.change(l, func(tx *Tx) error { return errors.Join(tx.SetRole(4, Admin, "admin"), tx.SetMuteAll(4, true)) })
	w.group(l, 5, "alice")
	w.change(l, func(tx *Tx) error { return tx.SetStatus(5, Blocked) })
	w.change(l, func(tx *Tx) error { return tx.SetStatus(5, Normal) })
	return []refusal{
		{"a member", "alice", 1, nil},
		{"nobody's group", "alice", 99, fault.NoSuchGroup},
		{"a blocked group", "alice", 2, fault.GroupBlocked},
		{"a disbanded group", "alice", 3, fault.GroupDisbanded},
		{"a stranger to a blocked group", "zoe", 2, fault.GroupBlocked},
		{"a stranger", "zoe", 1, fault.NotMember},
		{"somebody who left", "left", 1, fault.NotMember},
		{"somebody muted for a moment more", "muted", 1, fault.Muted},
		{"somebody whose mute has just ended", "unmuted", 1, nil},
		{"a plain member while all are muted", "alice", 4, fault.Muted},
		{"an admin while all are muted", "admin", 4, nil},
		{"the owner while all are muted", "owner", 4, nil},
		{"a member of a group that was blocked once", "alice", 5, nil},
	}
}

type refusal struct {
	name string
	from id.UID
	to   id.GID
	want error
}

func TestWhoMaySpeakInAGroupIsDecidedForEachMessageOfABatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log(atTime(1_000_000))
	cases := populated(w, l)
	before := w.head(l)
	var events []Event
	for i, c := range cases {
		events = append(events, toGroup(c.from, c.to, fmt.Sprint("m", i)))
	}
	got := appendAll(l, events...)
	next := before
	for i, c := range cases {
		if !errors.Is(got.errs[i], c.want) || (c.want == nil) != (got.errs[i] == nil) {
			t.Errorf("%s: got %v, want %v", c.name, got.errs[i], c.want)
			continue
		}
		if c.want == nil {
			if next++; got.receipts[i].Pos != next {
				t.Errorf("%s: position %d, want %d: refusals leave no hole", c.name, got.receipts[i].Pos, next)
			}
		}
	}
	if head := w.head(l); head != next {
		t.Errorf("head is %d, want %d", head, next)
	}
	if stored := w.stored(); stored[len(stored)-1].Pos != next {
		t.Errorf("the last event is %d, want %d", stored[len(stored)-1].Pos, next)
	}
}

func TestABatchOfRefusalsAloneLeavesTheHeadWhereItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.append(l, private("alice", "bob", "m1"))
	got := appendAll(l, toGroup("alice", 1, "m2"), toGroup("alice", 2, "m3"))
	for _, err := range got.errs {
		if !errors.Is(err, fault.NoSuchGroup) {
			t.Errorf("got %v, want %v", err, fault.NoSuchGroup)
		}
	}
	if r := w.append(l, private("alice", "bob", "m4")); r.Pos != 2 {
		t.Errorf("the next event has position %d, want 2", r.Pos)
	}
}

func TestRepeatsOfAllAgesInOneBatchGetTheirReceiptsAndLeaveNoHole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	old := w.append(l, private("alice", "bob", "old"))
	got := appendAll(l,
		private("alice", "bob", "new1"),
		private("alice", "bob", "old"),
		private("alice", "bob", "new1"),
		private("alice", "bob", "new2"),
		private("bob", "alice", "old"),
	)
	for i, want := range []Position{2, old.Pos, 2, 3, 4} {
		if got.errs[i] != nil || got.receipts[i].Pos != want {
			t.Errorf("draft %d: position %d (%v), want %d", i, got.receipts[i].Pos, got.errs[i], want)
		}
	}
	if got.receipts[1] != old {
		t.Errorf("the old message's receipt is %v, was %v", got.receipts[1], old)
	}
	same(t, "positions", positionsOf(w.stored()), []Position{1, 2, 3, 4})
}

func TestARepeatThatGoesElsewhereIsNotJudgedByWhereTheFirstWasRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	got := appendAll(l,
		toGroup("alice", 1, "m1"),
		private("alice", "bob", "m1"),
		toGroup("alice", 1, "m1"),
		private("alice", "carol", "m1"),
	)
	for i, refused := range []bool{true, false, true, false} {
		if refused != errors.Is(got.errs[i], fault.NoSuchGroup) {
			t.Errorf("draft %d: %v", i, got.errs[i])
		}
	}
	// The same msgId is the same message, wherever its repeat goes.
	if got.receipts[1] != got.receipts[3] || got.receipts[1].Pos != 1 {
		t.Errorf("receipts %v and %v, want the same", got.receipts[1], got.receipts[3])
	}
	same(t, "positions", positionsOf(w.stored()), []Position{1})
}

func TestTheMessagesOfOneCallKeepTheirOrderAcrossBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	events := make([]Event, 3*maxBatch+7)
	for i := range events {
		events[i] = private("alice", "bob", fmt.Sprintf("m%04d", i))
		if i%100 == 0 {
			events[i].Body = make([]byte, 60<<10) // so that bytes end batches too
		}
	}
	appendAll(l, events...)
	same(t, "ids in the log", idsOf(w.stored()), idsOf(events))
}

func TestARemovalThatWasAnsweredIsSeenByEveryLaterMessageOnEveryLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	logs := w.logs(3)
	w.group(logs[0], 1, "owner")
	for round := range 8 {
		w.join(logs[round%3], 1, "bob")
		removed := make(chan struct{})
		type sent struct {
			id   string
			late bool // began after the removal was answered
			Receipt
			err error
		}
		results := make(chan sent, 1<<10)
		var senders sync.WaitGroup
		for n, l := range logs {
			for k := range 3 {
				senders.Go(func() {
					for i := 0; ; i++ {
						s := sent{id: fmt.Sprintf("%d-%d-%d-%d", round, n, k, i)}
						select {
						case <-removed:
							s.late = true
						default:
						}
						s.Receipt, s.err = l.Append(context.Background(), toGroup("bob", 1, s.id))
						results <- s
						if s.late {
							return
						}
					}
				})
			}
		}
		first := <-results // everybody is speaking
		if first.err != nil {
			t.Fatalf("a member was refused: %v", first.err)
		}
		left := w.leave(logs[(round+1)%3], 1, "bob")
		close(removed)
		go func() { senders.Wait(); close(results) }()
		for s := range results {
			switch {
			case s.err == nil && (s.late || s.Pos > left):
				t.Errorf("message %s is at %d although its sender left at %d (sent after the answer: %v)", s.id, s.Pos, left, s.late)
			case s.err != nil && !errors.Is(s.err, fault.NotMember):
				t.Errorf("message %s: %v", s.id, s.err)
			}
		}
	}
	stored := w.stored()
	for i, e := range stored {
		if e.Pos != Position(i+1) {
			t.Fatalf("event %d has position %d: refusals left a hole", i+1, e.Pos)
		}
	}
}

func TestWhatWasAnsweredBeforeTheRemovalIsInTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	logs := w.logs(2)
	w.group(logs[0], 1, "owner")
	w.join(logs[0], 1, "bob")
	r := w.append(logs[1], toGroup("bob", 1, "m1"))
	w.leave(logs[0], 1, "bob")
	if e, err := logs[0].Find(context.Background(), r.Pos); err != nil || e.ID != "m1" {
		t.Errorf("the message is gone: %v %v", e, err)
	}
}
