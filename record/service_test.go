package record_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/record"
	"parley/record/recordtest"
)

func wantError(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || (got == nil) != (want == nil) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantRead(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

func revoke(w *recordtest.World, u id.UID, p eventlog.Position) error {
	return w.Service.Revoke(context.Background(), u, p)
}

func focus(w *recordtest.World, u id.UID, p eventlog.Position) error {
	return w.Service.Focus(context.Background(), u, p)
}

func TestAMessageReachesBothAndIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	first := w.Send("alice", recordtest.Text("bob", "m1"))
	if again := w.Send("alice", recordtest.Text("bob", "m1")); again != first {
		t.Errorf("the repeat is at %d, the first at %d", again, first)
	}
	w.Send("alice", recordtest.Text("alice", "m2"))
	wantRead(t, "alice", w.Sync("alice", 0), "m1 from alice", "m2 from alice")
	wantRead(t, "bob", w.Sync("bob", 0), "m1 from alice")
	wantRead(t, "zoe", w.Sync("zoe", 0))
}

func TestMessagesThatCannotBeSentDoNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	w.Group(7, "owner", "alice")
	type answer struct {
		receipt eventlog.Receipt
		err     error
	}
	answers := make([]answer, 5)
	var all sync.WaitGroup
	var batch []record.Outgoing
	for i, encoded := range [][]byte{
		recordtest.Text("bob", "m1"),
		nil,
		recordtest.GroupText(8, "m2"),
		recordtest.Text("", "m3"),
		recordtest.GroupText(7, "m4"),
	} {
		all.Add(1)
		batch = append(batch, record.Outgoing{Sender: "alice", Proto: encoded, Done: func(r eventlog.Receipt, err error) {
			answers[i] = answer{r, err}
			all.Done()
		}})
	}
	w.Service.Send(batch)
	all.Wait()
	for i, want := range []error{nil, fault.Failed, fault.NoSuchGroup, fault.BadRequest, nil} {
		wantError(t, fmt.Sprint("message ", i), answers[i].err, want)
	}
	wantRead(t, "alice", w.Sync("alice", 0), "m1 from alice", "m4 from alice")
}

func TestTheLongestMessageFitsTheDatabase(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	m := recordtest.Message("bob", "m1", "")
	m.Msg = make([]byte, record.DefaultConfig().MaxBody)
	m.Source = &wirev1.Source{From: &wirev1.SourceUser{Name: string(make([]byte, 4000))}}
	w.Send("alice", recordtest.Proto(m))
	wantRead(t, "bob", w.Sync("bob", 0), "m1 from alice")
}

func TestTheHistoryOfTwo(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t, eventlog.WithClock(func() time.Time { return time.UnixMilli(1_700_000_000_000) }))
	w.Send("alice", recordtest.Text("bob", "m1"))
	image := recordtest.Message("alice", "m2", "")
	image.MsgType, image.Msg = wirev1.MsgType_MSG_TYPE_IMAGE, []byte{0xff}
	w.Send("bob", recordtest.Proto(image))
	w.Send("alice", recordtest.Text("zoe", "to zoe"))
	got, _, err := w.Service.History(context.Background(), "bob", "alice", 0, 10, 1<<20)
	if err != nil {
		t.Fatalf("history: %v", err)
	}
	want := []record.Entry{
		{LogID: 2, MsgID: "m2", From: "bob", Target: "alice", MsgType: wirev1.MsgType_MSG_TYPE_IMAGE, Content: []byte(`{"raw":"/w=="}`), Datetime: 1_700_000_000_000},
		{LogID: 1, MsgID: "m1", From: "alice", Target: "bob", MsgType: wirev1.MsgType_MSG_TYPE_TEXT, Content: []byte(`{"content":"text of m1","mention":[]}`), Datetime: 1_700_000_000_000},
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestARevokedMessageGivesWayToItsSignal(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	p := w.Send("alice", recordtest.Text("bob", "m1"))
	w.Send("alice", recordtest.Text("bob", "m2"))
	for range 2 {
		wantError(t, "revoke", revoke(w, "alice", p), nil)
	}
	for _, u := range []id.UID{"alice", "bob"} {
		wantRead(t, string(u), w.Sync(u, 0), "m2 from alice", "revoke 1 by its author alice")
	}
	if again := w.Send("alice", recordtest.Text("bob", "m1")); again != p {
		t.Errorf("sent again it is at %d, was at %d", again, p)
	}
	var left int
	if err := w.DB.ReaderSQL().QueryRow("SELECT LENGTH(body) FROM log_event WHERE pos = ?", int64(p)).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d bytes of it are left (%v)", left, err)
	}
	history, _, err := w.Service.History(context.Background(), "bob", "alice", 0, 10, 1<<20)
	wantError(t, "history", err, nil)
	if len(history) != 1 || history[0].MsgID != "m2" {
		t.Errorf("the history has %+v", history)
	}
}

func TestWhoMayNotRevokeChangesNothing(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	w.Group(7, "owner", "alice", "bob")
	private := w.Send("alice", recordtest.Text("bob", "m1"))
	inGroup := w.Send("alice", recordtest.GroupText(7, "m2"))
	ofOwner := w.Send("owner", recordtest.GroupText(7, "m3"))
	left := w.Send("bob", recordtest.GroupText(7, "m4"))
	w.Leave(7, "bob")
	wantError(t, "the receiver", revoke(w, "bob", private), fault.Forbidden)
	wantError(t, "a stranger", revoke(w, "zoe", private), fault.Forbidden)
	wantError(t, "a stranger to the group", revoke(w, "zoe", inGroup), fault.Forbidden)
	wantError(t, "a member, of the owner's", revoke(w, "alice", ofOwner), fault.Forbidden)
	wantError(t, "the author who left", revoke(w, "bob", left), fault.Forbidden)
	wantError(t, "of nothing", revoke(w, "alice", 99), fault.NotFound)
	wantRead(t, "the owner", w.Sync("owner", 0), "m2 from alice", "m3 from owner", "m4 from bob", "bob left")

	wantError(t, "the owner, of a member's", revoke(w, "owner", inGroup), nil)
	wantError(t, "the owner, of somebody's who left", revoke(w, "owner", left), nil)
	wantError(t, "of a signal", revoke(w, "owner", left+1), fault.NotFound)
	wantRead(t, "the owner", w.Sync("owner", 0), "m3 from owner", "bob left", "revoke 2 by owner", "revoke 4 by owner")
	w.Disband(7)
	wantError(t, "in a disbanded group", revoke(w, "owner", ofOwner), fault.GroupDisbanded)
}

func TestTheAuthorHasTenYears(t *testing.T) {
	t.Parallel()
	old := recordtest.New(t, eventlog.WithClock(func() time.Time { return time.Now().AddDate(-10, -1, 0) }))
	late := old.Send("alice", recordtest.Text("bob", "m1"))
	w := old.Beside()
	soon := w.Send("alice", recordtest.Text("bob", "m2"))
	wantError(t, "after ten years", revoke(w, "alice", late), fault.Forbidden)
	wantError(t, "at once", revoke(w, "alice", soon), nil)
}

// atOnce runs n calls at the same time, by turns on two services, and counts
// their answers.
func atOnce(w *recordtest.World, n int, call func(w *recordtest.World, i int) error) map[fault.Code]int {
	services := []*recordtest.World{w, w.Beside()}
	answers := make(map[fault.Code]int)
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			err := call(services[i%2], i)
			code := fault.OK
			if e := fault.Of(err); e != nil {
				code = e.Code
			}
			if code == fault.Busy {
				w.Errorf("call %d: %v", i, err)
			}
			mu.Lock()
			defer mu.Unlock()
			answers[code]++
		})
	}
	all.Wait()
	return answers
}

func TestAHundredRevokesAtOnceAreOneSignal(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	p := w.Send("alice", recordtest.Text("bob", "m1"))
	answers := atOnce(w, 100, func(w *recordtest.World, _ int) error { return revoke(w, "alice", p) })
	if answers[fault.OK] != 100 {
		t.Errorf("the answers were %v", answers)
	}
	wantRead(t, "bob", w.Sync("bob", 0), "revoke 1 by its author alice")
}

func TestAHundredFocusesOfOnePersonAtOnceAreOneSignal(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	p := w.Send("alice", recordtest.Text("bob", "m1"))
	answers := atOnce(w, 100, func(w *recordtest.World, _ int) error { return focus(w, "bob", p) })
	if answers[fault.OK] != 100 {
		t.Errorf("the answers were %v", answers)
	}
	for _, u := range []id.UID{"alice", "bob"} {
		wantRead(t, string(u), w.Sync(u, 0), "m1 from alice", "focus 1 by bob, 1 in all")
	}
}

func TestEverybodyIsCountedOnceAndTheCountsRise(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	members := []id.UID{"alice"}
	for i := range 30 {
		members = append(members, id.UID(fmt.Sprintf("u%02d", i)))
	}
	w.Group(7, members...)
	p := w.Send("alice", recordtest.GroupText(7, "m1"))
	atOnce(w, 90, func(w *recordtest.World, i int) error { return focus(w, members[1+i%30], p) })
	read := w.Sync("alice", p)
	if len(read) != 30 {
		t.Fatalf("alice reads %d signals, want 30", len(read))
	}
	counted := make(map[string]bool)
	for i, line := range read {
		var who string
		if _, err := fmt.Sscanf(line, fmt.Sprintf("focus 1 by %%3s, %d in all", i+1), &who); err != nil || counted[who] {
			t.Errorf("signal %d is %q (%v)", i+1, line, err)
		}
		counted[who] = true
	}
}

func TestWhoMayNotFocusIsNotCounted(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	w.Group(7, "owner", "alice", "bob")
	private := w.Send("alice", recordtest.Text("bob", "m1"))
	inGroup := w.Send("alice", recordtest.GroupText(7, "m2"))
	wantError(t, "the author", focus(w, "alice", private), fault.Forbidden)
	wantError(t, "a stranger", focus(w, "zoe", private), fault.Forbidden)
	wantError(t, "the author in a group", focus(w, "alice", inGroup), fault.Forbidden)
	wantError(t, "a stranger to the group", focus(w, "zoe", inGroup), fault.Forbidden)
	wantError(t, "nothing", focus(w, "bob", 99), fault.NotFound)
	wantError(t, "a member", focus(w, "bob", inGroup), nil)
	wantRead(t, "bob", w.Sync("bob", inGroup), "focus 2 by bob, 1 in all")
	wantError(t, "a signal", focus(w, "bob", inGroup+1), fault.NotFound)

	wantError(t, "revoke", revoke(w, "alice", inGroup), nil)
	wantError(t, "what is gone", focus(w, "owner", inGroup), fault.NotFound)
}

func TestARevokeAndFocusesAtOnceAgreeOnAnOrder(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	members := []id.UID{"alice"}
	for i := range 8 {
		members = append(members, id.UID(fmt.Sprintf("u%d", i)))
	}
	w.Group(7, members...)
	for round := range 6 {
		p := w.Send("alice", recordtest.GroupText(7, fmt.Sprint("m", round)))
		answers := atOnce(w, 16, func(w *recordtest.World, i int) error {
			if i == 3 {
				return revoke(w, "alice", p)
			}
			return focus(w, members[1+i%8], p)
		})
		if answers[fault.OK]+answers[fault.NotFound] != 16 {
			t.Errorf("the answers were %v", answers)
		}
		// Nobody focuses a message that is gone; counts have no gap.
		read := w.Sync("alice", p)
		last := len(read) - 1
		if last < 0 || read[last] != fmt.Sprintf("revoke %d by its author alice", p) {
			t.Errorf("round %d ends otherwise than with the revoke: %q", round, read)
			continue
		}
		for i, line := range read[:last] {
			var at, count int
			var who string
			if _, err := fmt.Sscanf(line, "focus %d by %2s, %d in all", &at, &who, &count); err != nil || count != i+1 {
				t.Errorf("round %d: signal %d is %q (%v)", round, i+1, line, err)
			}
		}
		var rows int
		if err := w.DB.ReaderSQL().QueryRow("SELECT COUNT(*) FROM log_focus WHERE pos = ?", int64(p)).Scan(&rows); err != nil || rows != last {
			t.Errorf("round %d: %d are counted and %d were told (%v)", round, rows, last, err)
		}
	}
}

func TestSomebodyWhoLostHisRightMeanwhileDoesNotRevoke(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	w.Group(7, "owner", "alice")
	for round := range 5 {
		p := w.Send("alice", recordtest.GroupText(7, fmt.Sprint("m", round)))
		var left eventlog.Position
		atOnce(w, 2, func(w *recordtest.World, i int) error {
			if i == 0 {
				return revoke(w, "alice", p)
			}
			left = w.Leave(7, "alice")
			return nil
		})
		for _, line := range w.Sync("owner", max(p, left)) {
			t.Errorf("round %d: alice left at %d, and then: %s", round, left, line)
		}
		w.Join(7, "alice")
	}
}
