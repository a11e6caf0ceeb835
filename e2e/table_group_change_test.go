package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"parley/pkg/fault"
)

// The tables of what makes and ends a group, and of who comes and goes.

var groupChangeTables = []table{
	{
		route: "/group/app/create-group",
		good:  jsonText(`{"name":"friends","avatar":"","introduce":"","memberIds":["$bob"]}`),
		rows: []row{
			{name: "everything", body: jsonText(`{"name":"朋友","avatar":"https://example.org/a.png","introduce":"we","memberIds":["$bob","carol"]}`),
				data: newGroupJSON([]string{aliceJSON, bobJSON, memberJSON("carol", 0)},
					"name", `"朋友"`, "publicName", `"朋友"`, "avatar", `"https://example.org/a.png"`, "introduce", `"we"`)},
			{name: "only the name", body: jsonText(`{"name":"friends"}`), data: newGroupJSON([]string{aliceJSON})},
			{name: "null counts as absent", body: jsonText(`{"name":"friends","avatar":null,"introduce":null,"memberIds":null}`), data: newGroupJSON([]string{aliceJSON})},
			{name: "a field that nobody knows", body: jsonText(`{"name":"friends","maximum":9}`), data: newGroupJSON([]string{aliceJSON})},
			{name: "in the order that was asked for", body: jsonText(`{"name":"friends","memberIds":["zoe","$bob","adam"]}`),
				data: newGroupJSON([]string{aliceJSON, memberJSON("zoe", 0), bobJSON, memberJSON("adam", 0)})},
			{name: "without repeats and without the caller", body: jsonText(`{"name":"friends","memberIds":["$bob","$alice","$bob","$alice"]}`),
				data: newGroupJSON([]string{aliceJSON, bobJSON})},
			{name: "by somebody else", from: byBob, body: jsonText(`{"name":"friends"}`),
				data: newGroupJSON([]string{memberJSON("$bob", 2)}, "owner", memberJSON("$bob", 2), "person", memberJSON("$bob", 2))},
			{name: "a form", body: form{"name": "friends", "memberIds": "$bob"}, data: newGroupJSON([]string{aliceJSON, bobJSON})},
			{name: "parts", body: parts{{name: "name", content: "friends"}, {name: "memberIds", content: "$bob"}}, data: newGroupJSON([]string{aliceJSON, bobJSON})},
			{name: "255 characters of Chinese", body: jsonText(`{"name":"` + hanzi(255) + `"}`),
				data: newGroupJSON([]string{aliceJSON}, "name", `"`+hanzi(255)+`"`, "publicName", `"`+hanzi(255)+`"`)},
			{name: "the longest avatar", body: jsonText(`{"name":"friends","avatar":"` + hanzi(1000) + `"}`),
				data: newGroupJSON([]string{aliceJSON}, "avatar", `"`+hanzi(1000)+`"`)},
			{name: "the longest introduction", body: jsonText(`{"name":"friends","introduce":"` + hanzi(5000) + `"}`),
				data: newGroupJSON([]string{aliceJSON}, "introduce", `"`+hanzi(5000)+`"`)},
			{name: "as many as there may be", body: jsonText(`{"name":"friends","memberIds":` + strangers(1999) + `}`), data: newGroupJSON(crowd(1999))},
			{name: "one too many", body: jsonText(`{"name":"friends","memberIds":` + strangers(2000) + `}`), result: fault.GroupFull},
			{name: "one too many, in English", headers: english, body: jsonText(`{"name":"friends","memberIds":` + strangers(2000) + `}`), result: fault.GroupFull},
			{name: "5,000 entries", body: jsonText(`{"name":"friends","memberIds":` + strangers(5000) + `}`), result: fault.GroupFull},
			wrongly("memberIds", "5,001 entries", `{"name":"friends","memberIds":`+strangers(5001)+`}`),
			wrongly("memberIds[0]", "a uid of 65 bytes", `{"name":"friends","memberIds":["`+long(65)+`"]}`),
			wrongly("name", "256 characters", `{"name":"`+long(256)+`"}`),
			wrongly("name", "256 characters of Chinese", `{"name":"`+hanzi(256)+`"}`),
			wrongly("avatar", "an avatar of 1,001 characters", `{"name":"friends","avatar":"`+hanzi(1001)+`"}`),
			wrongly("introduce", "an introduction of 5,001 characters", `{"name":"friends","introduce":"`+hanzi(5001)+`"}`),
			wrong("name", `{}`),
			wrong("name", `{"name":7}`),
			wrong("name", `{"name":null}`),
			wrong("name", `{"name":"a\u0000b"}`),
			wrong("avatar", `{"name":"friends","avatar":7}`),
			wrong("introduce", `{"name":"friends","introduce":["a"]}`),
			wrong("memberIds", `{"name":"friends","memberIds":"$bob"}`),
			wrong("memberIds[0]", `{"name":"friends","memberIds":[1]}`),
			wrong("memberIds[1]", `{"name":"friends","memberIds":["$bob","a b"]}`),
			{name: "a form without the name", body: form{"avatar": "a"}, result: fault.BadRequest, field: "name"},
			{name: "no body", body: nothing{}, result: fault.BadRequest, field: "name"},
		},
	},
	{
		route: "/group/app/invite-group-members",
		good:  jsonText(`{"id":$group,"newMemberIds":["$bob"]}`),
		set:   withJoinTypes,
		rows: slices.Concat(
			groupIDs(`,"newMemberIds":["$bob"]`, row{result: fault.AllInvitedAreIn}),
			userLists("newMemberIds", ""),
			wrongPlaces(`,"newMemberIds":["$eve"]`, fault.OK),
			[]row{
				{name: "nobody", body: jsonText(`{"id":$group,"newMemberIds":[]}`), result: fault.AllInvitedAreIn},
				{name: "the caller himself", from: byBob, body: jsonText(`{"id":$group,"newMemberIds":["$bob"]}`), result: fault.AllInvitedAreIn},
				{name: "all are in, in English", headers: english, body: jsonText(`{"id":$group,"newMemberIds":["$bob"]}`), result: fault.AllInvitedAreIn},
				{name: "a member, where anyone may", from: byBob, body: jsonText(`{"id":$group,"newMemberIds":["new-1","$carol","new-2","new-1"]}`), data: invited("$group", 6)},
				{name: "a member, where admins must", from: byBob, body: jsonText(`{"id":$closed,"newMemberIds":["new"]}`), result: fault.InviteForbidden},
				{name: "a member, where admins must, in English", from: byBob, headers: english, body: jsonText(`{"id":$closed,"newMemberIds":["new"]}`), result: fault.InviteForbidden},
				{name: "the owner, where admins must", body: jsonText(`{"id":$closed,"newMemberIds":["new"]}`), data: invited("$closed", 3)},
				{name: "a member, where admins consent", from: byBob, body: jsonText(`{"id":$asking,"newMemberIds":["new"]}`), result: fault.ApplicationPending},
				{name: "again", from: byBob, headers: english, body: jsonText(`{"id":$asking,"newMemberIds":["new"]}`), result: fault.ApplicationPending},
				{name: "the owner, where admins consent", body: jsonText(`{"id":$asking,"newMemberIds":["new"]}`), data: invited("$asking", 3)},
				{name: "one, where there is no room", body: jsonText(`{"id":$full,"newMemberIds":["$eve"]}`), result: fault.GroupFull},
				{name: "one who is in, where there is no room", body: jsonText(`{"id":$full,"newMemberIds":["stranger-7"]}`), result: fault.AllInvitedAreIn},
				{name: "more than may ever be in", body: jsonText(`{"id":$group,"newMemberIds":` + strangers(1995) + `}`), result: fault.GroupFull},
				{name: "then nobody came", body: jsonText(`{"id":$group,"newMemberIds":["stranger-7"]}`), data: invited("$group", 7)},
			},
		),
	},
	{
		route: "/group/app/join-group",
		good:  jsonText(`{"id":$group,"idStr":"$group","inviterId":""}`),
		set:   withJoinTypes,
		rows: slices.Concat(
			groupIDs("", row{result: fault.AlreadyMember}),
			[]row{
				{name: "with an inviter", body: jsonText(`{"id":$group,"inviterId":"$bob"}`), result: fault.AlreadyMember},
				wrong("inviterId", `{"id":$group,"inviterId":1}`),
				wrongly("inviterId", "an inviter of 65 bytes", `{"id":9007199254740991,"inviterId":"`+long(65)+`"}`),
				{name: "already in, in English", headers: english, result: fault.AlreadyMember},
				{name: "a blocked group", from: by("eve"), body: jsonText(`{"id":$blocked}`), result: fault.GroupBlocked},
				{name: "a member of a blocked group", body: jsonText(`{"id":$blocked}`), result: fault.GroupBlocked},
				{name: "a disbanded group", from: by("eve"), body: jsonText(`{"id":$disbanded}`), result: fault.GroupDisbanded},
				{name: "one that admins fill", from: by("eve"), body: jsonText(`{"id":$closed}`), result: fault.InviteForbidden},
				{name: "one that is full", from: by("eve"), body: jsonText(`{"id":$full}`), result: fault.GroupFull},
				{name: "one that asks its admins", from: by("eve"), body: jsonText(`{"id":$asking,"inviterId":"$bob"}`), result: fault.ApplicationPending},
				{name: "again", from: by("eve"), headers: english, body: jsonText(`{"id":$asking}`), result: fault.ApplicationPending},
				{name: "one that is open, by an inviter whom nobody knows", from: by("eve"), body: jsonText(`{"id":1,"idStr":"$group","inviterId":"not a uid"}`), data: joined("$group")},
				{name: "again, once she is in", from: by("eve"), body: jsonText(`{"id":$group}`), result: fault.AlreadyMember},
			},
		),
	},
	{
		route: "/group/app/group-exit",
		good:  jsonText(`{"id":$group}`),
		set:   club,
		rows: slices.Concat(
			groupIDs("", row{result: fault.OwnerCannotExit}),
			wrongPlaces("", fault.OK),
			[]row{
				{name: "the owner, in English", headers: english, result: fault.OwnerCannotExit},
				{name: "a member", from: byBob},
				{name: "a member again", from: byBob, result: fault.NotMember},
				{name: "an admin", from: by("adam")},
			},
		),
	},
	{
		route: "/group/app/group-remove",
		good:  jsonText(`{"id":$group,"memberIds":["$bob"]}`),
		set:   club,
		rows: slices.Concat(
			groupIDs(`,"memberIds":["$eve","nobody"]`, row{result: fault.NobodyToRemove}),
			userLists("memberIds", ""),
			wrongPlaces(`,"memberIds":["$bob"]`, fault.AdminRequired),
			[]row{
				{name: "nobody", body: jsonText(`{"id":$group,"memberIds":[]}`), result: fault.NobodyToRemove},
				{name: "nobody, in English", headers: english, body: jsonText(`{"id":$group,"memberIds":[]}`), result: fault.NobodyToRemove},
				{name: "the owner herself", body: jsonText(`{"id":$group,"memberIds":["$alice"]}`), result: fault.HigherRoleRequired},
				{name: "an admin the owner", from: by("adam"), body: jsonText(`{"id":$group,"memberIds":["$alice"]}`), result: fault.HigherRoleRequired},
				{name: "an admin an admin among members", from: by("adam"), headers: english, body: jsonText(`{"id":$group,"memberIds":["$bob","$adam"]}`), result: fault.HigherRoleRequired},
				{name: "an admin a member", from: by("adam"), body: jsonText(`{"id":$group,"memberIds":["$eve","$bob","nobody","$bob"]}`), data: `{"memberNum":3,"memberIds":["$bob"]}`},
				{name: "again", from: by("adam"), body: jsonText(`{"id":$group,"memberIds":["$bob"]}`), result: fault.NobodyToRemove},
				{name: "the owner everybody else", body: jsonText(`{"id":$group,"memberIds":["$carol","$adam"]}`), data: `{"memberNum":1,"memberIds":["$carol","$adam"]}`},
			},
		),
	},
	{
		route: "/group/app/group-disband",
		good:  jsonText(`{"id":$group}`),
		set:   club,
		rows: slices.Concat(
			groupIDs("", row{from: byBob, result: fault.OnlyOwnerDisbands}),
			wrongPlaces("", fault.OnlyOwnerDisbands),
			[]row{
				ownerOnly("", fault.OnlyOwnerDisbands),
				{name: "the owner"},
				{name: "again", result: fault.GroupDisbanded},
				{name: "again, in English", headers: english, result: fault.GroupDisbanded},
			},
		),
	},
}

// withJoinTypes is club with groups of alice and bob of the other join types, and
// with one that is full.
func withJoinTypes(s *scene) {
	club(s)
	for name, joinType := range map[string]int{"closed": 1, "asking": 2} {
		g := s.alice.create(name, s.bob).ID
		s.name(name, g)
		s.alice.ask("joinType", g, fields{"joinType": joinType}).want(s.t, fault.OK)
	}
	var full circle
	s.alice.post("/group/app/create-group", fields{"name": "full", "memberIds": json.RawMessage(strangers(1999))}).want(s.t, fault.OK).into(s.t, &full)
	s.name("full", full.ID)
}

func invited(group, memberNum any) string {
	return fmt.Sprintf(`{"id":%v,"idStr":"%v","memberNum":%v}`, group, group, memberNum)
}

func joined(group string) string { return fmt.Sprintf(`{"id":%v,"idStr":"%v"}`, group, group) }

// crowd are alice and n strangers in a group.
func crowd(n int) []string {
	list := []string{aliceJSON}
	for _, name := range strings.Split(strings.Trim(strangers(n), "[]"), ",") {
		list = append(list, memberJSON(strings.Trim(name, `"`), 0))
	}
	return list
}
