package e2e

import (
	"net/http"
	"slices"
	"testing"

	"parley/pkg/fault"
)

// A second, smaller matrix: what those who are in a group may do to whom.

// permissionActors are the callers of the matrix.
var permissionActors = []string{permissionMember, permissionAdmin, permissionOwner}

// permissionOnHimself is the target that is the caller.
const permissionOnHimself = "himself"

// permissionTargets are on whom they act, in the order of the columns, and
// permissionTargetTitles what the document calls them.
var (
	permissionTargets      = []string{permissionTarget, permissionOtherMuted, permissionOtherAdmin, permissionOwner, permissionOnHimself, permissionLeft, permissionOutsider}
	permissionTargetTitles = []string{"member", "muted", "admin", "owner", "himself", "left", "outsider"}
)

// permissionOutcome is what becomes of a request that names a target: a result
// code, or one of the two below.
type permissionOutcome int32

const (
	// permissionIdle is success that changes nothing.
	permissionIdle permissionOutcome = 1
	// permissionNever is what cannot be asked: a group has one owner.
	permissionNever permissionOutcome = 2
)

// code is the result code of an outcome.
func (o permissionOutcome) code() fault.Code {
	if o == permissionIdle {
		return fault.OK
	}
	return fault.Code(o)
}

// permissionTargetRow is a route with a target, or one way to use it.
type permissionTargetRow struct {
	path string
	way  string
	// reads says that success changes nothing.
	reads bool
	// field is what names the target, and list says that it is a list.
	field  string
	list   bool
	fields map[string]any
	// outcomes are those for the targets, in their order, by the actor.
	outcomes map[string][]permissionOutcome
}

func (r *permissionTargetRow) name() string { return (&permissionRow{path: r.path, way: r.way}).name() }

func permissionAll(o permissionOutcome) []permissionOutcome {
	return slices.Repeat([]permissionOutcome{o}, len(permissionTargets))
}

// permissionTargetRows is the matrix. The outcomes are for: member, muted
// member, admin, owner, himself, one who left, outsider.
var permissionTargetRows = []permissionTargetRow{
	{
		path: "/group/app/group-member-info", field: "memberId", reads: true,
		outcomes: map[string][]permissionOutcome{
			permissionMember: {0, 0, 0, 0, 0, -10016, -10016},
			permissionAdmin:  {0, 0, 0, 0, 0, -10016, -10016},
			permissionOwner:  {0, 0, 0, permissionNever, 0, -10016, -10016},
		},
	},
	{
		path: "/group/app/group-remove", field: "memberIds", list: true,
		outcomes: map[string][]permissionOutcome{
			permissionMember: permissionAll(-10012),
			permissionAdmin:  {0, 0, -10020, -10020, -10020, -10011, -10011},
			permissionOwner:  {0, 0, 0, permissionNever, -10020, -10011, -10011},
		},
	},
	{
		path: "/group/app/member/muteTime", way: "to mute", field: "memberIds", list: true,
		fields: map[string]any{"muteTime": int64(9223372036854775807)},
		outcomes: map[string][]permissionOutcome{
			permissionMember: permissionAll(-10012),
			permissionAdmin:  {0, 0, permissionIdle, permissionIdle, permissionIdle, permissionIdle, permissionIdle},
			permissionOwner:  {0, 0, permissionIdle, permissionNever, permissionIdle, permissionIdle, permissionIdle},
		},
	},
	{
		path: "/group/app/member/muteTime", way: "to lift a mute", field: "memberIds", list: true,
		fields: map[string]any{"muteTime": 0},
		outcomes: map[string][]permissionOutcome{
			permissionMember: permissionAll(-10012),
			permissionAdmin:  {permissionIdle, 0, permissionIdle, permissionIdle, permissionIdle, permissionIdle, permissionIdle},
			permissionOwner:  {permissionIdle, 0, permissionIdle, permissionNever, permissionIdle, permissionIdle, permissionIdle},
		},
	},
	{
		path: "/group/app/member/type", way: "to make an admin", field: "memberId",
		fields: map[string]any{"memberType": 1},
		outcomes: map[string][]permissionOutcome{
			permissionMember: permissionAll(-10025),
			permissionAdmin:  permissionAll(-10025),
			permissionOwner:  {0, 0, permissionIdle, permissionNever, -10025, -10016, -10016},
		},
	},
	{
		path: "/group/app/member/type", way: "to make a plain member", field: "memberId",
		fields: map[string]any{"memberType": 0},
		outcomes: map[string][]permissionOutcome{
			permissionMember: permissionAll(-10025),
			permissionAdmin:  permissionAll(-10025),
			permissionOwner:  {permissionIdle, permissionIdle, 0, permissionNever, -10025, -10016, -10016},
		},
	},
	{
		path: "/group/app/change-owner", field: "memberId",
		outcomes: map[string][]permissionOutcome{
			permissionMember: permissionAll(-10024),
			permissionAdmin:  permissionAll(-10024),
			permissionOwner:  {0, 0, 0, permissionNever, -10017, -10016, -10016},
		},
	},
}

// Who is in a group may do to others what permissionTargetRows says, and
// the group hears of what was done and of nothing else.
func TestPermissionOfMembersOverOthers(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		pw := newPermissionWorld(t, w)
		for _, row := range permissionTargetRows {
			t.Run(row.name(), func(t *testing.T) {
				pw.in(t).permissionPairs(&row)
			})
		}
	})
}

// permissionPairs does one thing to everybody in the name of everybody who is in
// a group. What changes the group has one of its own.
func (w *permissionWorld) permissionPairs(row *permissionTargetRow) {
	w.t.Helper()
	newGroup := func(people ...string) *permissionGroup {
		return w.newGroup(&permissionRow{}, permissionNormal, people...)
	}
	shared := newGroup(permissionMember, permissionAdmin, permissionTarget, permissionOtherMuted, permissionOtherAdmin, permissionLeft, permissionOutsider)
	for _, actor := range permissionActors {
		for i, target := range permissionTargets {
			want := row.outcomes[actor][i]
			if want == permissionNever {
				continue
			}
			if target == permissionOnHimself {
				target = actor
			}
			g, changes := shared, want == 0 && !row.reads
			if changes {
				g = newGroup(actor, target)
			}
			fields := map[string]any{row.field: g.uid(target)}
			if row.list {
				fields[row.field] = []any{g.uid(target)}
			}
			for name, value := range row.fields {
				fields[name] = value
			}
			a := g.ask(actor, row.path, fields)
			if a.status != http.StatusOK || a.Result != want.code() {
				w.t.Errorf("%s acts on %s and is answered %d %q with status %d, want %d", actor, permissionTargetTitles[i], a.Result, a.Message, a.status, want.code())
			}
			if heard := g.news(); changes != (len(heard) > 0) {
				w.t.Errorf("%s acts on %s and is answered %d; the owner hears %v", actor, permissionTargetTitles[i], a.Result, heard)
			}
		}
	}
}

func TestPermissionMatrixOfTargetsHasEveryCell(t *testing.T) {
	t.Parallel()
	if len(permissionTargets) != len(permissionTargetTitles) {
		t.Fatalf("%d targets have %d titles", len(permissionTargets), len(permissionTargetTitles))
	}
	for _, row := range permissionTargetRows {
		if len(row.outcomes) != len(permissionActors) {
			t.Errorf("%s has outcomes for %d callers, want %d", row.name(), len(row.outcomes), len(permissionActors))
		}
		for _, actor := range permissionActors {
			outcomes := row.outcomes[actor]
			if len(outcomes) != len(permissionTargets) {
				t.Errorf("%s by %s has outcomes for %d targets, want %d", row.name(), actor, len(outcomes), len(permissionTargets))
			}
			for i, o := range outcomes {
				impossible := actor == permissionOwner && permissionTargets[i] == permissionOwner
				if impossible != (o == permissionNever) || !impossible && !o.code().Known() {
					t.Errorf("%s by %s on %s has the outcome %d", row.name(), actor, permissionTargetTitles[i], o)
				}
			}
		}
	}
}
