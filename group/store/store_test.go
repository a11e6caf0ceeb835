package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"parley/group"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// alike are people whom only a careful database tells from each other.
var alike = []id.UID{"m1", "M1", "m1.", "m1-", "m"}

func TestAGroupIsReadAsItWasStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := draft(7, 1)
	g.Name, g.PublicName, g.Introduce = "名字 \x00'\"\\", "ЙЖ ", "long "+string(slices.Repeat([]rune{'語'}, 4990))
	alice := group.Member{User: "alice", Role: eventlog.Owner, Name: "愛麗絲", Seat: 1, MutedUntil: eventlog.Forever}
	w.change(func(tx *eventlog.Tx) error { _, err := w.Insert(tx, g, []group.Member{alice}); return err })
	want(t, "to a member", w.view(7, "alice"), group.View{Group: *g, Owner: alice, Person: alice, MuteNum: 1})
	want(t, "to a stranger", w.view(7, "bob"), group.View{Group: *g, Owner: alice, MuteNum: 1})
	w.change(func(tx *eventlog.Tx) error {
		locked, err := w.Lock(tx, 7)
		if err == nil {
			want(t, "locked", *locked, *g)
		}
		return err
	})
}

func TestAGroupThatIsNotThereIsSaidToBeMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.View(context.Background(), 7, "alice", now); !errors.Is(err, fault.NoSuchGroup) {
		t.Errorf("View: %v", err)
	}
	err := w.log.Change(context.Background(), func(tx *eventlog.Tx) error { _, err := w.Lock(tx, 7); return err })
	if !errors.Is(err, fault.NoSuchGroup) {
		t.Errorf("Lock: %v", err)
	}
	want(t, "its members", len(w.members(7, 10)), 0)
}

func TestTakenNamesOfGroupsLeaveTheTransactionUsable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group(7, group.Member{User: "alice", Role: eventlog.Owner, Seat: 1})
	w.change(func(tx *eventlog.Tx) error {
		for what, taken := range map[string]*group.Group{
			"the id": {ID: 7, MarkID: "another"}, "the mark id": {ID: 8, MarkID: draft(7, 0).MarkID},
		} {
			done, err := w.Insert(tx, taken, []group.Member{{User: "bob", Seat: 1}})
			if done || err != nil {
				t.Errorf("%s: got %v, %v", what, done, err)
			}
		}
		done, err := w.Insert(tx, draft(9, 1), []group.Member{{User: "carol", Role: eventlog.Owner, Seat: 1}})
		if !done && err == nil {
			t.Error("free names are said to be taken")
		}
		return err
	})
	want(t, "the first", users(w.members(7, 10)), []id.UID{"alice"})
	want(t, "the third", w.view(9, "").Owner.User, "carol")
}

func TestCountsChangeByTheirDifferenceAndNothingElseChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group(7, group.Member{User: "alice", Role: eventlog.Owner, Seat: 1})
	w.group(8, group.Member{User: "alice", Role: eventlog.Owner, Seat: 1})
	stale := *draft(7, 0)
	stale.MemberNum, stale.AdminNum, stale.Seats, stale.Name, stale.Avatar = 100, 100, 100, "stale", "stale"
	after := stale
	after.MemberNum, after.AdminNum, after.Seats, after.Avatar = 105, 98, 110, "new"
	for range 2 {
		w.change(func(tx *eventlog.Tx) error { return w.Update(tx, &stale, &after) })
	}
	g := *draft(7, 1)
	g.MemberNum, g.AdminNum, g.Seats, g.Avatar = 11, -1, 21, "new"
	want(t, "the group", w.view(7, "").Group, g)
	want(t, "another", w.view(8, "").Group, *draft(8, 1))
}

func TestEveryColumnThatChangesIsUpdated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group(7, group.Member{User: "alice", Role: eventlog.Owner, Seat: 1})
	before, after := draft(7, 1), *draft(7, 1)
	after.Name, after.PublicName, after.Avatar = "n", "p", ""
	after.Status, after.JoinType, after.MuteType, after.FriendType = eventlog.Normal, group.JoinFreely, group.AllSpeak, group.FriendsAllowed
	after.MemberNum, after.AdminNum, after.Seats = 2, 0, 5
	w.change(func(tx *eventlog.Tx) error { return w.Update(tx, before, &after) })
	want(t, "the group", w.view(7, "").Group, after)
}

func TestPeopleAreToldApartByEveryByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var members []group.Member
	for i, u := range alike {
		members = append(members, group.Member{User: u, Name: "name of " + string(u), Seat: int64(i) + 1})
	}
	w.group(7, members...)
	for i, u := range alike {
		want(t, "people", w.people(7, u), group.People{u: members[i]})
		want(t, "the caller", w.view(7, u).Person, members[i])
		members[i].MutedUntil = now + int64(i)
		w.put(7, members[i])
		w.apply(group.Application{Group: 7, User: u, Inviter: u})
	}
	want(t, "all", w.members(7, 10), members)
	w.change(func(tx *eventlog.Tx) error {
		found, err := w.Seated(tx, 7, []id.UID{"M1", "m1.", "M1.", ""})
		want(t, "some", found, group.People{"M1": members[1], "m1.": members[2]})
		return err
	})
	w.change(func(tx *eventlog.Tx) error {
		return w.Answer(tx, 7, []id.UID{"M1"}, group.Answer{Outcome: group.Rejected, By: "m1", At: now})
	})
	open, _ := w.open(7, 0, 10)
	want(t, "the open applications", open, []string{"m1 by m1", "m1. by m1.", "m1- by m1-", "m by m"})
	for _, u := range append(alike, "M1.", "") {
		views, err := w.Views(context.Background(), u, now)
		w.must("read groups", err)
		if n := len(views); (n == 1) != slices.Contains(alike, u) {
			t.Errorf("%q is in %d groups", u, n)
		}
	}
}

func TestMembersComeByRoleAndThenByTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group(7,
		group.Member{User: "b", Seat: 2}, group.Member{User: "owner", Role: eventlog.Owner, Seat: 9}, group.Member{User: "late", Role: eventlog.Admin, Seat: 8},
		group.Member{User: "early", Role: eventlog.Admin, Seat: 5}, group.Member{User: "a", Seat: 4}, group.Member{User: "left", Role: group.Left, Seat: 1})
	w.group(8, group.Member{User: "stranger", Role: eventlog.Owner, Seat: 1})
	want(t, "all", users(w.members(7, 100)), []id.UID{"owner", "early", "late", "b", "a"})
	want(t, "the first", users(w.members(7, 2)), []id.UID{"owner", "early"})
	w.put(7, group.Member{User: "b", Seat: 10}, group.Member{User: "new", Seat: 11}, group.Member{User: "owner", Seat: 9}, group.Member{User: "a", Role: eventlog.Owner, Seat: 4})
	want(t, "later", users(w.members(7, 100)), []id.UID{"a", "early", "late", "owner", "b", "new"})
	if !slices.IsSortedFunc(w.members(7, 100), group.Compare) {
		t.Error("the store and group.Compare differ")
	}
}

func TestOnlyMutesThatLastOfPeopleWhoAreThereCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group(7,
		group.Member{User: "owner", Role: eventlog.Owner, Seat: 1}, group.Member{User: "ended", Seat: 2, MutedUntil: now}, group.Member{User: "lasts", Seat: 4, MutedUntil: now + 1},
		group.Member{User: "forever", Seat: 3, MutedUntil: eventlog.Forever}, group.Member{User: "left", Role: group.Left, Seat: 5, MutedUntil: eventlog.Forever})
	muted, err := w.Muted(context.Background(), 7, now)
	w.must("read the muted", err)
	want(t, "muted", users(muted), []id.UID{"forever", "lasts"})
	want(t, "counted", w.view(7, "").MuteNum, 2)
	views, err := w.Views(context.Background(), "ended", now)
	w.must("read groups", err)
	want(t, "in the list", views[0].MuteNum, 2)
}

func TestGroupsAreListedForThoseInThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := group.Member{User: "alice", Role: eventlog.Owner, Seat: 1}
	bob := group.Member{User: "bob", Role: eventlog.Admin, Name: "Bob", Seat: 2}
	w.group(7, alice, bob)
	w.group(9, alice, bob)
	w.group(8, alice, bob)
	w.group(6, alice, group.Member{User: "bob", Role: group.Left, Seat: 2})
	views, err := w.Views(context.Background(), "bob", now)
	w.must("read groups", err)
	var expected []group.View
	for _, g := range []id.GID{9, 8, 7} { // the newest first
		expected = append(expected, group.View{Group: *draft(g, 2), Owner: alice, Person: bob})
	}
	want(t, "the groups of bob", views, expected)
	want(t, "who left", w.view(6, "bob").Person, group.Member{})
}

func TestDismissingEverybodyLeavesTheirNamesAndMutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group(7, group.Member{User: "alice", Role: eventlog.Owner, Seat: 1}, group.Member{User: "bob", Name: "Bob", Seat: 2, MutedUntil: now + 1})
	w.group(8, group.Member{User: "alice", Role: eventlog.Owner, Seat: 1})
	w.change(func(tx *eventlog.Tx) error { return w.DismissAll(tx, 7) })
	want(t, "the members", len(w.members(7, 10)), 0)
	want(t, "bob", w.people(7, "bob")["bob"], group.Member{User: "bob", Role: group.Left, Name: "Bob", Seat: 2, MutedUntil: now + 1})
	v := w.view(7, "alice")
	want(t, "owner, caller and mutes", []any{v.Owner, v.Person, v.MuteNum}, []any{group.Member{}, group.Member{}, 0})
	want(t, "another group", users(w.members(8, 10)), []id.UID{"alice"})
}

func TestSomebodyHasOneOpenApplicationToAGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(g id.GID, u, inviter id.UID) group.Application {
		return group.Application{Group: g, User: u, Inviter: inviter, CreatedAt: now}
	}
	w.apply(ask(7, "alice", "bob"), ask(7, "carol", "carol"))
	w.apply(ask(7, "alice", "alice"), ask(8, "alice", "alice"), ask(7, "dave", "bob"))
	open, last := w.open(7, 0, 2)
	want(t, "the first page", open, []string{"alice by bob", "carol by carol"})
	open, _ = w.open(7, last, 2)
	want(t, "the second page", open, []string{"dave by bob"})

	applications, err := w.Applications(context.Background(), 7, 0, 1)
	w.must("read applications", err)
	first := applications[0]
	want(t, "the first", first, group.Application{ID: first.ID, Group: 7, User: "alice", Inviter: "bob", CreatedAt: now})
	w.change(func(tx *eventlog.Tx) error {
		if _, err := w.Application(tx, 8, first.ID); !errors.Is(err, fault.NoSuchApplication) {
			t.Errorf("in another group: %v", err)
		}
		if _, err := w.Application(tx, 7, first.ID+100); !errors.Is(err, fault.NoSuchApplication) {
			t.Errorf("an unknown one: %v", err)
		}
		return w.Answer(tx, 7, []id.UID{"alice", "carol", "nobody"}, group.Answer{Outcome: group.Accepted, By: "dave", At: now + 1})
	})
	w.apply(ask(7, "alice", "zoe"))
	w.change(func(tx *eventlog.Tx) error {
		return w.Answer(tx, 7, []id.UID{"alice"}, group.Answer{Outcome: group.Rejected, By: "dave", At: now + 2})
	})
	w.change(func(tx *eventlog.Tx) error {
		closed, err := w.Application(tx, 7, first.ID)
		want(t, "its outcome, after another one was rejected", closed.Outcome, group.Accepted)
		return err
	})
	open, _ = w.open(7, 0, 10)
	want(t, "those that are open", open, []string{"dave by bob"})
	open, _ = w.open(8, 0, 10)
	want(t, "of another group", open, []string{"alice by alice"})
}

func TestAChangeThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group(7, group.Member{User: "alice", Role: eventlog.Owner, Seat: 1})
	sorry := errors.New("sorry")
	err := w.log.Change(context.Background(), func(tx *eventlog.Tx) error {
		after := *draft(7, 1)
		after.Name = "another"
		_, taken := w.Insert(tx, draft(8, 0), []group.Member{{User: "bob", Seat: 1}})
		return errors.Join(taken, w.Update(tx, draft(7, 1), &after), w.Put(tx, 7, []group.Member{{User: "bob", Seat: 2}}),
			w.Apply(tx, []group.Application{{Group: 7, User: "bob"}}), w.DismissAll(tx, 7), sorry)
	})
	if !errors.Is(err, sorry) || len(fmt.Sprint(err)) != len("sorry") {
		t.Fatalf("got %v, want %v", err, sorry)
	}
	want(t, "the group", w.view(7, "").Group, *draft(7, 1))
	want(t, "its members", users(w.members(7, 10)), []id.UID{"alice"})
	open, _ := w.open(7, 0, 10)
	want(t, "its applications", len(open), 0)
}
