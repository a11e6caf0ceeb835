package e2e

import (
	"fmt"
	"slices"
	"strings"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
)

// The tables of members: their roles, names and mutes.

var memberTables = []table{
	{
		route: "/group/app/change-owner",
		good:  jsonText(`{"id":$group,"memberId":"$bob"}`),
		set:   club,
		rows: slices.Concat(
			groupIDs(`,"memberId":"$eve"`, row{result: fault.TargetNotMember}),
			oneUser("memberId", ""),
			wrongPlaces(`,"memberId":"$bob"`, fault.OnlyOwnerTransfers),
			[]row{
				ownerOnly(`,"memberId":"$bob"`, fault.OnlyOwnerTransfers),
				{name: "to herself", body: jsonText(`{"id":$group,"memberId":"$alice"}`), result: fault.TransferToSelf},
				{name: "to herself, in English", headers: english, body: jsonText(`{"id":$group,"memberId":"$alice"}`), result: fault.TransferToSelf},
				{name: "to nobody", headers: english, body: jsonText(`{"id":$group,"memberId":"nobody"}`), result: fault.TargetNotMember},
				{name: "to bob", body: jsonText(`{"id":$group,"memberId":"$bob"}`)},
				{name: "she is not the owner any more", body: jsonText(`{"id":$group,"memberId":"$bob"}`), result: fault.OnlyOwnerTransfers},
				{name: "bob is", from: byBob, body: jsonText(`{"id":$group,"memberId":"$bob"}`), result: fault.TransferToSelf},
			},
		),
	},
	{
		route: "/group/app/member/type",
		good:  jsonText(`{"id":$group,"memberId":"$bob","memberType":1}`),
		set: func(s *scene) {
			club(s)
			full := s.alice.create("ruled", s.bob)
			s.name("ruled", full.ID)
			for range 10 {
				admin := s.user()
				s.alice.invite(full.ID, admin).want(s.t, fault.OK)
				s.alice.setRole(full.ID, eventlog.Admin, admin).want(s.t, fault.OK)
				s.name("admin", admin.uid())
			}
		},
		rows: slices.Concat(
			groupIDs(`,"memberId":"$adam","memberType":1`, row{}),
			oneUser("memberId", `,"memberType":1`),
			wrongPlaces(`,"memberId":"$bob","memberType":1`, fault.OnlyOwnerSetsAdmin),
			choices("memberType", `,"memberId":"$bob"`, "2"),
			[]row{
				wrong("memberType", `{"id":9007199254740991,"memberId":"$bob","memberType":10}`),
				ownerOnly(`,"memberId":"$bob","memberType":1`, fault.OnlyOwnerSetsAdmin),
				{name: "who is not in it", body: jsonText(`{"id":$group,"memberId":"$eve","memberType":1}`), result: fault.TargetNotMember},
				{name: "herself", body: jsonText(`{"id":$group,"memberId":"$alice","memberType":1}`), result: fault.OnlyOwnerSetsAdmin},
				{name: "a member, as he is", body: jsonText(`{"id":$group,"memberId":"$bob","memberType":0}`)},
				{name: "an admin, as he is", body: jsonText(`{"id":$ruled,"memberId":"$admin","memberType":1}`)},
				{name: "one admin too many", body: jsonText(`{"id":$ruled,"memberId":"$bob","memberType":1}`), result: fault.TooManyAdmins},
				{name: "one admin too many, in English", headers: english, body: jsonText(`{"id":$ruled,"memberId":"$bob","memberType":1}`), result: fault.TooManyAdmins},
				{name: "an admin becomes a member", body: jsonText(`{"id":$ruled,"memberId":"$admin","memberType":0}`)},
				{name: "then there is room", body: jsonText(`{"id":$ruled,"memberId":"$bob","memberType":1}`)},
			},
		),
	},
	{
		route: "/group/app/member/name",
		good:  jsonText(`{"id":$group,"memberName":"Al"}`),
		set:   club,
		rows: slices.Concat(
			groupIDs(`,"memberName":"Al"`, row{}),
			textRows("memberName", 128, ""),
			wrongPlaces(`,"memberName":"Al"`, fault.OK),
			[]row{
				{name: "a member", from: byBob, body: jsonText(`{"id":$group,"memberName":"<Bob> & 鲍勃"}`)},
				{name: "everybody sees it", path: "/group/app/group-member-info", body: jsonText(`{"id":$group,"memberId":"$bob"}`),
					data: strings.Replace(bobJSON, `"memberName":""`, `"memberName":"<Bob> & 鲍勃"`, 1)},
				{name: "no name", from: byBob, body: jsonText(`{"id":$group,"memberName":""}`)},
				{name: "then he has none", path: "/group/app/group-member-info", body: jsonText(`{"id":$group,"memberId":"$bob"}`), data: bobJSON},
			},
		),
	},
	{
		route: "/group/app/member/muteTime",
		good:  jsonText(`{"id":$group,"memberIds":["$bob"],"muteTime":60000}`),
		set:   club,
		rows: slices.Concat(
			groupIDs(`,"memberIds":["$bob"],"muteTime":0`, row{data: `{"members":[` + bobJSON + `]}`}),
			userLists("memberIds", `,"muteTime":0`),
			wrongPlaces(`,"memberIds":["$bob"],"muteTime":0`, fault.AdminRequired),
			[]row{
				wrong("muteTime", `{"id":$group,"memberIds":["$bob"]}`),
				wrong("muteTime", `{"id":$group,"memberIds":["$bob"],"muteTime":1e3}`),
				wrong("muteTime", `{"id":$group,"memberIds":["$bob"],"muteTime":"0"}`),
				wrong("muteTime", `{"id":$group,"memberIds":["$bob"],"muteTime":9223372036854775808}`),
				wrong("muteTime", `{"id":9007199254740991,"memberIds":["$bob"],"muteTime":-1}`),
				wrong("muteTime", `{"id":9007199254740991,"memberIds":["$bob"],"muteTime":1656302880000}`), // a day of 2022
				{name: "nobody", body: jsonText(`{"id":$group,"memberIds":[],"muteTime":0}`), data: `{"members":[]}`},
				{name: "admins, the owner and absent people", body: jsonText(`{"id":$group,"memberIds":["$adam","$alice","$eve","nobody"],"muteTime":60000}`), data: `{"members":[]}`},
				{name: "for ten years", body: jsonText(`{"id":$group,"memberIds":["$bob"],"muteTime":315360000000}`), data: `{"members":[` + mutedJSON("$bob", 0, "#") + `]}`},
				{name: "an absolute deadline", from: by("adam"), body: jsonText(`{"id":$group,"memberIds":["$bob","$adam","$carol"],"muteTime":4102444800000}`),
					data: fmt.Sprintf(`{"members":[%s,%s]}`, mutedJSON("$bob", 0, "4102444800000"), mutedJSON("$carol", 0, "4102444800000"))},
				{name: "again", body: jsonText(`{"id":$group,"memberIds":["$bob","$bob"],"muteTime":4102444800000}`),
					data: `{"members":[` + mutedJSON("$bob", 0, "4102444800000") + `]}`},
				{name: "for ever", body: jsonText(`{"id":$group,"memberIds":["$bob"],"muteTime":9223372036854775807}`),
					data: `{"members":[` + mutedJSON("$bob", 0, "9223372036854775807") + `]}`},
				{name: "lifted", body: jsonText(`{"id":$group,"memberIds":["$bob"],"muteTime":0}`), data: `{"members":[` + bobJSON + `]}`},
			},
		),
	},
}

// choices are the rows of a field with a few values; beyond is the first that
// there is not.
func choices(field, others, beyond string) []row {
	return []row{
		wrong(field, `{"id":$group`+others+`}`),
		wrong(field, `{"id":9007199254740991,"`+field+`":`+beyond+others+`}`),
		wrong(field, `{"id":9007199254740991,"`+field+`":-1`+others+`}`),
		wrong(field, `{"id":$group,"`+field+`":"0"`+others+`}`),
		wrong(field, `{"id":$group,"`+field+`":0.5`+others+`}`),
		wrong(field, `{"id":$group,"`+field+`":null`+others+`}`),
	}
}
