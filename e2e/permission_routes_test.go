package e2e

import (
	"slices"
	"strings"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
)

// The callers of the matrix, in the order of its columns: who asks, and what
// he is to the group.
const (
	permissionNoToken  = "no token"
	permissionOutsider = "outsider"
	permissionLeft     = "left"
	permissionRemoved  = "removed"
	permissionMuted    = "muted"
	permissionMember   = "member"
	permissionAdmin    = "admin"
	permissionOwner    = "owner"
)

var permissionCallers = []string{
	permissionNoToken, permissionOutsider, permissionLeft, permissionRemoved,
	permissionMuted, permissionMember, permissionAdmin, permissionOwner,
}

// permissionState is what a group may be.
type permissionState struct{ name, title, meaning string }

var (
	permissionNormal    = permissionState{"normal", "A normal group", "`status` 0, `muteType` 0."}
	permissionSilenced  = permissionState{"muted", "A group in which only admins and the owner speak", "`status` 0, `muteType` 1."}
	permissionBlocked   = permissionState{"blocked", "A blocked group", "`status` 1: an operator of the server has stopped everything in it, for a time as a rule."}
	permissionDisbanded = permissionState{"disbanded", "A disbanded group", "`status` 2, for ever. The callers are named by what they were before."}
	permissionMissing   = permissionState{"missing", "No such group", "The id is well formed, and no group has it. The callers are somebody in another group."}
)

// permissionStates are the states in the order of the document.
var permissionStates = []permissionState{permissionNormal, permissionSilenced, permissionBlocked, permissionDisbanded, permissionMissing}

// permissionCodes are what the callers are answered, in their order, by the
// name of the state.
type permissionCodes map[string][]fault.Code

// permissionRow is a route, or one way to use it, with everybody's answer.
type permissionRow struct {
	path string
	// way tells the rows of one route apart.
	way string
	// joinType is that of the group.
	joinType int32
	// applied says that somebody waits for an answer to his application.
	applied bool
	// changes says that success changes something, and silent that the group
	// is told nothing of it.
	changes, silent bool
	// fields are what a request has beside the id of the group.
	fields func(*permissionGroup) map[string]any
	// message is set when the request is a message and has no fields at all.
	message func(*permissionGroup) *wirev1.Common
	codes   permissionCodes
}

// name is the route without what all routes of groups begin with, and the way.
func (r *permissionRow) name() string {
	name := strings.TrimPrefix(r.path, "/group/app/")
	if r.way != "" {
		name += ", " + r.way
	}
	return name
}

// permissionEveryone is one answer to whoever has a token.
func permissionEveryone(code fault.Code) []fault.Code {
	return append([]fault.Code{-1010}, slices.Repeat([]fault.Code{code}, len(permissionCallers)-1)...)
}

// permissionLiving is the answers of nearly all routes: in a group that lives as
// given, whether its members may speak or not, and elsewhere nothing.
func permissionLiving(codes ...fault.Code) permissionCodes {
	return permissionCodes{
		permissionNormal.name:    codes,
		permissionSilenced.name:  codes,
		permissionBlocked.name:   permissionEveryone(-10001),
		permissionDisbanded.name: permissionEveryone(-10002),
		permissionMissing.name:   permissionEveryone(-10026),
	}
}

// permissionAlways is the answers of a route that does not ask what the group is.
func permissionAlways() permissionCodes {
	codes := make(permissionCodes)
	for _, s := range permissionStates {
		codes[s.name] = permissionEveryone(0)
	}
	return codes
}

// but returns the answers with those for one state replaced.
func (c permissionCodes) but(state permissionState, codes ...fault.Code) permissionCodes {
	c[state.name] = codes
	return c
}

// permissionField is a request whose one field is the same for every group.
func permissionField(name string, value any) func(*permissionGroup) map[string]any {
	return func(*permissionGroup) map[string]any { return map[string]any{name: value} }
}

// permissionNoFields is a request that only names its group.
func permissionNoFields(*permissionGroup) map[string]any { return nil }

// permissionRows is the matrix. What is written here is what the API promises,
// not what the product computes. The answers are to: no token, outsider, left,
// removed, muted, member, admin, owner.
var permissionRows = []permissionRow{
	{
		path: "/group/app/create-group", changes: true,
		fields: func(g *permissionGroup) map[string]any {
			return map[string]any{"name": "another", "memberIds": []any{g.uid(permissionOwner)}}
		},
		codes: permissionAlways(),
	},
	{
		path: "/group/app/group-list", fields: permissionNoFields,
		codes: permissionAlways(),
	},
	{
		path: "/group/app/group-pub-info", fields: permissionNoFields,
		codes: permissionLiving(-1010, 0, 0, 0, 0, 0, 0, 0).
			but(permissionBlocked, -1010, 0, 0, 0, 0, 0, 0, 0).
			but(permissionDisbanded, -1010, 0, 0, 0, 0, 0, 0, 0),
	},
	{
		path: "/group/app/group-info", fields: permissionNoFields,
		codes: permissionLiving(-1010, -10015, -10015, -10015, 0, 0, 0, 0),
	},
	{
		path: "/group/app/group-member-info",
		fields: func(g *permissionGroup) map[string]any {
			return map[string]any{"memberId": g.uid(permissionTarget)}
		},
		codes: permissionLiving(-1010, -10015, -10015, -10015, 0, 0, 0, 0),
	},
	{
		path: "/group/app/group-member-list", fields: permissionNoFields,
		codes: permissionLiving(-1010, -10015, -10015, -10015, 0, 0, 0, 0),
	},
	{
		path: "/group/app/mute-list", fields: permissionNoFields,
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10012, -10012, 0, 0),
	},
	{
		path: "/group/app/invite-group-members", way: "joinType 0", joinType: 0, changes: true,
		fields: permissionInvitation,
		codes:  permissionLiving(-1010, -10015, -10015, -10015, 0, 0, 0, 0),
	},
	{
		path: "/group/app/invite-group-members", way: "joinType 1", joinType: 1, changes: true,
		fields: permissionInvitation,
		codes:  permissionLiving(-1010, -10015, -10015, -10015, -10005, -10005, 0, 0),
	},
	{
		path: "/group/app/invite-group-members", way: "joinType 2", joinType: 2, changes: true,
		fields: permissionInvitation,
		codes:  permissionLiving(-1010, -10015, -10015, -10015, -10031, -10031, 0, 0),
	},
	{
		path: "/group/app/join-group", way: "joinType 0", joinType: 0, changes: true,
		fields: permissionNoFields,
		codes:  permissionLiving(-1010, 0, 0, 0, -10029, -10029, -10029, -10029),
	},
	{
		path: "/group/app/join-group", way: "joinType 1", joinType: 1, changes: true,
		fields: permissionNoFields,
		codes:  permissionLiving(-1010, -10005, -10005, -10005, -10029, -10029, -10029, -10029),
	},
	{
		path: "/group/app/join-group", way: "joinType 2", joinType: 2, changes: true,
		fields: permissionNoFields,
		codes:  permissionLiving(-1010, -10031, -10031, -10031, -10029, -10029, -10029, -10029),
	},
	{
		path: "/group/app/application-list", joinType: 2, applied: true, fields: permissionNoFields,
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10012, -10012, 0, 0),
	},
	{
		path: "/group/app/answer-application", way: "accept", joinType: 2, applied: true, changes: true,
		fields: func(g *permissionGroup) map[string]any {
			return map[string]any{"applicationId": g.application, "accept": true}
		},
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10012, -10012, 0, 0),
	},
	{
		path: "/group/app/answer-application", way: "reject", joinType: 2, applied: true, changes: true, silent: true,
		fields: func(g *permissionGroup) map[string]any {
			return map[string]any{"applicationId": g.application, "accept": false}
		},
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10012, -10012, 0, 0),
	},
	{
		path: "/group/app/group-exit", changes: true, fields: permissionNoFields,
		codes: permissionLiving(-1010, -10015, -10015, -10015, 0, 0, 0, -10021),
	},
	{
		path: "/group/app/group-remove", changes: true,
		fields: func(g *permissionGroup) map[string]any {
			return map[string]any{"memberIds": []any{g.uid(permissionTarget)}}
		},
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10012, -10012, 0, 0),
	},
	{
		path: "/group/app/group-disband", changes: true, fields: permissionNoFields,
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10023, -10023, -10023, 0),
	},
	{
		path: "/group/app/change-owner", changes: true,
		fields: func(g *permissionGroup) map[string]any {
			return map[string]any{"memberId": g.uid(permissionTarget)}
		},
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10024, -10024, -10024, 0),
	},
	{
		path: "/group/app/member/type", changes: true,
		fields: func(g *permissionGroup) map[string]any {
			return map[string]any{"memberId": g.uid(permissionTarget), "memberType": 1}
		},
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10025, -10025, -10025, 0),
	},
	{
		path: "/group/app/member/name", changes: true, silent: true, fields: permissionField("memberName", "Al"),
		codes: permissionLiving(-1010, -10015, -10015, -10015, 0, 0, 0, 0),
	},
	{
		path: "/group/app/member/muteTime", changes: true,
		fields: func(g *permissionGroup) map[string]any {
			return map[string]any{"memberIds": []any{g.uid(permissionTarget)}, "muteTime": 60_000}
		},
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10012, -10012, 0, 0),
	},
	{
		path: "/group/app/name", changes: true, fields: permissionField("name", "another"),
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10012, -10012, 0, 0),
	},
	{
		path: "/group/app/avatar", changes: true, fields: permissionField("avatar", "a.png"),
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10012, -10012, 0, 0),
	},
	{
		path: "/group/app/friendType", changes: true, fields: permissionField("friendType", 1),
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10012, -10012, 0, 0),
	},
	{
		path: "/group/app/joinType", changes: true, fields: permissionField("joinType", 1),
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10012, -10012, 0, 0),
	},
	{
		path: "/group/app/muteType", changes: true,
		fields: func(g *permissionGroup) map[string]any {
			if g.state == permissionSilenced {
				return map[string]any{"muteType": 0}
			}
			return map[string]any{"muteType": 1}
		},
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10012, -10012, 0, 0),
	},
	{
		path: "/record/push", changes: true,
		message: func(g *permissionGroup) *wirev1.Common { return groupText(g.id, "hello") },
		codes: permissionLiving(-1010, -10015, -10015, -10015, -10032, 0, 0, 0).
			but(permissionSilenced, -1010, -10015, -10015, -10015, -10032, -10032, 0, 0),
	},
	{
		path: "/app/record/revoke", way: "a member's message", changes: true,
		fields: permissionMessage,
		codes: permissionLiving(-1010, -1019, -1019, -1019, -1019, -1019, 0, 0).
			but(permissionMissing, permissionEveryone(-1007)...),
	},
	{
		path: "/app/record/focus", way: "a member's message", changes: true,
		fields: permissionMessage,
		codes: permissionLiving(-1010, -1019, -1019, -1019, 0, 0, 0, 0).
			but(permissionMissing, permissionEveryone(-1007)...),
	},
}

func permissionInvitation(g *permissionGroup) map[string]any {
	return map[string]any{"newMemberIds": []any{"newcomer"}}
}

func permissionMessage(g *permissionGroup) map[string]any {
	return map[string]any{"logId": g.message}
}
