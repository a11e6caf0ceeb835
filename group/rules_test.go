package group

import (
	"errors"
	"fmt"
	"testing"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// outsider has never been in a group.
func outsider(u id.UID) Member { return People{}.Of(u) }

func member(u id.UID) Member { return Member{User: u, Role: eventlog.Member} }
func admin(u id.UID) Member  { return Member{User: u, Role: eventlog.Admin} }
func owner(u id.UID) Member  { return Member{User: u, Role: eventlog.Owner} }
func gone(u id.UID) Member   { return Member{User: u, Role: Left} }

// everyone is u in every role, in the order of the tables below.
func everyone(u id.UID) []Member {
	return []Member{outsider(u), gone(u), member(u), admin(u), owner(u)}
}

// called says what m is.
func called(m Member) string {
	switch m.Role {
	case eventlog.Member:
		return "a member"
	case eventlog.Admin:
		return "an admin"
	case eventlog.Owner:
		return "the owner"
	}
	return "one who is not in the group"
}

// wantRule fails t unless a rule gave want, where fault.OK is no error.
func wantRule(t *testing.T, err error, want fault.Code, what string, args ...any) {
	t.Helper()
	if want == fault.OK && err != nil || want != fault.OK && !errors.Is(err, want) {
		t.Errorf("%s gives %v, want %q", fmt.Sprintf(what, args...), err, want)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	const ok, admins = fault.OK, fault.AdminRequired
	// For a member, an admin and the owner.
	table := map[Action][3]fault.Code{
		Read:              {ok, ok, ok},
		ReadMuted:         {admins, ok, ok},
		Invite:            {ok, ok, ok},
		Leave:             {ok, ok, ok},
		Remove:            {admins, ok, ok},
		Disband:           {fault.OnlyOwnerDisbands, fault.OnlyOwnerDisbands, ok},
		ChangeOwner:       {fault.OnlyOwnerTransfers, fault.OnlyOwnerTransfers, ok},
		SetRole:           {fault.OnlyOwnerSetsAdmin, fault.OnlyOwnerSetsAdmin, ok},
		SetMemberName:     {ok, ok, ok},
		Mute:              {admins, ok, ok},
		Set:               {admins, ok, ok},
		ReadApplications:  {admins, ok, ok},
		AnswerApplication: {admins, ok, ok},
	}
	for a := Read; a <= AnswerApplication; a++ {
		codes, ok := table[a]
		if _, demanded := demands[a]; !ok || !demanded {
			t.Errorf("action %d is not in the table, or nothing is demanded for it", a)
			continue
		}
		normal := &Group{Status: eventlog.Normal}
		for i, caller := range []Member{member("al"), admin("al"), owner("al")} {
			wantRule(t, May(normal, caller, a), codes[i], "action %d by %s", a, called(caller))
		}
		for _, caller := range []Member{outsider("al"), gone("al"), {}} {
			wantRule(t, May(normal, caller, a), fault.NotMember, "action %d by %s", a, called(caller))
		}
		// Whether the group lives is asked before who the caller is.
		for _, caller := range append(everyone("al"), Member{}) {
			wantRule(t, May(&Group{Status: eventlog.Blocked}, caller, a), fault.GroupBlocked, "action %d in a blocked group by %s", a, called(caller))
			wantRule(t, May(&Group{Status: eventlog.Disbanded}, caller, a), fault.GroupDisbanded, "action %d in a disbanded group by %s", a, called(caller))
		}
	}
	if len(table) != len(demands) {
		t.Errorf("the table has %d actions, want %d", len(table), len(demands))
	}
}

func TestAMuteTakesNoRightButToSpeak(t *testing.T) {
	t.Parallel()
	muted := member("al")
	muted.MutedUntil = eventlog.Forever
	for a := range demands {
		silent, plain := May(&Group{MuteType: AdminsSpeak}, muted, a), May(&Group{}, member("al"), a)
		if !errors.Is(silent, plain) {
			t.Errorf("action %d by a muted member gives %v, by another %v", a, silent, plain)
		}
	}
}

func TestWhatBecomesOfAnInvitation(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		joinType JoinType
		caller   Member
		way      way
		code     fault.Code
	}{
		{JoinFreely, member("al"), directly, fault.OK},
		{JoinFreely, admin("al"), directly, fault.OK},
		{JoinFreely, owner("al"), directly, fault.OK},
		{JoinByAdmins, member("al"), 0, fault.InviteForbidden},
		{JoinByAdmins, admin("al"), directly, fault.OK},
		{JoinByAdmins, owner("al"), directly, fault.OK},
		{JoinByConsent, member("al"), byApplication, fault.OK},
		{JoinByConsent, admin("al"), directly, fault.OK},
		{JoinByConsent, owner("al"), directly, fault.OK},
	} {
		w, err := mayInvite(row.joinType, row.caller)
		wantRule(t, err, row.code, "an invitation by %s with joinType %d", called(row.caller), row.joinType)
		if w != row.way {
			t.Errorf("who is invited by %s with joinType %d comes by way %d, want %d", called(row.caller), row.joinType, w, row.way)
		}
	}
}

func TestWhatBecomesOfAWishToJoin(t *testing.T) {
	t.Parallel()
	for joinType, want := range map[JoinType]struct {
		way  way
		code fault.Code
	}{
		JoinFreely:    {directly, fault.OK},
		JoinByAdmins:  {0, fault.InviteForbidden},
		JoinByConsent: {byApplication, fault.OK},
	} {
		for _, caller := range []Member{outsider("al"), gone("al")} {
			w, err := mayJoin(joinType, caller)
			wantRule(t, err, want.code, "joining with joinType %d", joinType)
			if w != want.way {
				t.Errorf("who joins with joinType %d comes by way %d, want %d", joinType, w, want.way)
			}
		}
		for _, caller := range []Member{member("al"), admin("al"), owner("al")} {
			_, err := mayJoin(joinType, caller)
			wantRule(t, err, fault.AlreadyMember, "joining by %s with joinType %d", called(caller), joinType)
		}
	}
}

func TestOnlyTheOwnerMayNotLeave(t *testing.T) {
	t.Parallel()
	wantRule(t, mayLeave(member("al")), fault.OK, "leaving by a member")
	wantRule(t, mayLeave(admin("al")), fault.OK, "leaving by an admin")
	wantRule(t, mayLeave(owner("al")), fault.OwnerCannotExit, "leaving by the owner")
}

func TestWhoMayRemoveWhom(t *testing.T) {
	t.Parallel()
	const ok, higher = fault.OK, fault.HigherRoleRequired
	for _, row := range []struct {
		caller, target Member
		want           fault.Code
	}{
		{admin("al"), member("bo"), ok},
		{admin("al"), admin("bo"), higher},
		{admin("al"), admin("al"), higher},
		{admin("al"), owner("bo"), higher},
		{owner("al"), member("bo"), ok},
		{owner("al"), admin("bo"), ok},
		{owner("al"), owner("al"), higher},
	} {
		wantRule(t, mayRemove(row.caller, []Member{row.target}), row.want, "removing %s %s by %s", called(row.target), row.target.User, called(row.caller))
		// One who may not be removed keeps all the others.
		for _, targets := range [][]Member{{row.target, member("cy")}, {member("cy"), row.target}} {
			wantRule(t, mayRemove(row.caller, targets), row.want, "removing %s and a member by %s", called(row.target), called(row.caller))
		}
	}
	for _, caller := range []Member{admin("al"), owner("al")} {
		wantRule(t, mayRemove(caller, nil), fault.NobodyToRemove, "removing nobody by %s", called(caller))
	}
}

func TestWhoMayBecomeOwner(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		target Member
		want   fault.Code
	}{
		{outsider("bo"), fault.TargetNotMember},
		{gone("bo"), fault.TargetNotMember},
		{member("bo"), fault.OK},
		{admin("bo"), fault.OK},
		{owner("al"), fault.TransferToSelf},
	} {
		wantRule(t, mayBecomeOwner(owner("al"), row.target), row.want, "giving the group to %s", called(row.target))
	}
}

func TestWhoMayGetARole(t *testing.T) {
	t.Parallel()
	const most = 10
	for _, row := range []struct {
		target Member
		role   eventlog.Role
		admins int32
		want   fault.Code
	}{
		{outsider("bo"), eventlog.Admin, 0, fault.TargetNotMember},
		{outsider("bo"), eventlog.Member, 0, fault.TargetNotMember},
		{gone("bo"), eventlog.Admin, 0, fault.TargetNotMember},
		{gone("bo"), eventlog.Member, 0, fault.TargetNotMember},
		{gone("bo"), eventlog.Admin, most, fault.TargetNotMember},
		{owner("al"), eventlog.Admin, 0, fault.OnlyOwnerSetsAdmin},
		{owner("al"), eventlog.Member, 0, fault.OnlyOwnerSetsAdmin},
		{owner("al"), eventlog.Admin, most, fault.OnlyOwnerSetsAdmin},

		{member("bo"), eventlog.Member, 0, fault.OK},
		{member("bo"), eventlog.Member, most, fault.OK},
		{member("bo"), eventlog.Admin, 0, fault.OK},
		{member("bo"), eventlog.Admin, most - 1, fault.OK},
		{member("bo"), eventlog.Admin, most, fault.TooManyAdmins},
		{member("bo"), eventlog.Admin, most + 1, fault.TooManyAdmins},
		{admin("bo"), eventlog.Member, 1, fault.OK},
		{admin("bo"), eventlog.Member, most, fault.OK},
		// Who is an admin is one of those ten.
		{admin("bo"), eventlog.Admin, most, fault.OK},
	} {
		wantRule(t, maySetRole(owner("al"), row.target, row.role, row.admins, most), row.want,
			"role %d for %s where there are %d admins", row.role, called(row.target), row.admins)
	}
}

func TestRolesThatCanBeGiven(t *testing.T) {
	t.Parallel()
	for n, want := range map[int32]fault.Code{
		-1 << 31: fault.BadRequest, -1: fault.BadRequest,
		0: fault.OK, 1: fault.OK,
		2: fault.BadRequest, 10: fault.BadRequest, 256: fault.BadRequest, 257: fault.BadRequest, 1<<31 - 1: fault.BadRequest,
	} {
		role, err := ParseRole(n)
		wantRule(t, err, want, "memberType %d", n)
		if err == nil && int32(role) != n {
			t.Errorf("memberType %d is read as role %d", n, role)
		}
	}
}

func TestOnlyPlainMembersCanBeMuted(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		m    Member
		want bool
	}{{outsider("bo"), false}, {gone("bo"), false}, {member("bo"), true}, {admin("bo"), false}, {owner("bo"), false}} {
		if got := mutable(row.m); got != row.want {
			t.Errorf("that %s can be muted is %t, want %t", called(row.m), got, row.want)
		}
	}
}

func TestAGroupHasRoomUpToItsMaximum(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		members, maximum int32
		more             int
		want             fault.Code
	}{
		{1, 2, 1, fault.OK},
		{2, 2, 1, fault.GroupFull},
		{1, 2, 2, fault.GroupFull},
		{2000, 2000, 0, fault.OK},
		{1999, 2000, 1, fault.OK},
		{1, 1<<31 - 1, 1<<31 - 1, fault.GroupFull},
		// A group may hold more than a maximum that was lowered.
		{3, 2, 1, fault.GroupFull},
	} {
		g := &Group{MemberNum: row.members, Maximum: row.maximum}
		wantRule(t, g.room(row.more), row.want, "room for %d beside %d of %d", row.more, row.members, row.maximum)
	}
}
