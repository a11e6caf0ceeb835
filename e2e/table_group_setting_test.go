package e2e

import (
	"slices"
	"strings"

	"parley/pkg/fault"
)

// The tables of what admins and the owner set.

var settingTables = []table{
	{
		route: "/group/app/avatar",
		good:  jsonText(`{"id":$group,"avatar":"https://example.org/a.png"}`),
		set:   club,
		rows: slices.Concat(
			groupIDs(`,"avatar":"a"`, row{}),
			textRows("avatar", 1000, ""),
			wrongPlaces(`,"avatar":"b"`, fault.AdminRequired),
			[]row{
				{name: "an admin", from: by("adam"), body: jsonText(`{"id":$group,"avatar":"by adam"}`)},
				{name: "it shows", path: "/group/app/group-pub-info", body: jsonText(`{"id":$group}`), data: groupJSON("key", `""`, "avatar", `"by adam"`)},
				{name: "none", body: jsonText(`{"id":$group,"avatar":""}`)},
				{name: "then there is none", path: "/group/app/group-pub-info", body: jsonText(`{"id":$group}`), data: groupJSON("key", `""`)},
			},
		),
	},
	{
		route: "/group/app/name",
		good:  jsonText(`{"id":$group,"name":"friends","publicName":"Friends"}`),
		set:   club,
		rows: slices.Concat(
			groupIDs(`,"name":"friends"`, row{}),
			textRows("name", 255, `,"publicName":"Friends"`),
			wrongPlaces(`,"name":"others"`, fault.AdminRequired),
			[]row{
				wrongly("publicName", "a public name of 256 characters", `{"id":9007199254740991,"name":"","publicName":"`+hanzi(256)+`"}`),
				wrong("publicName", `{"id":$group,"name":"friends","publicName":1}`),
				{name: "empty ones stay as they are", body: jsonText(`{"id":$group,"name":"","publicName":""}`)},
				{name: "nothing changed", path: "/group/app/group-pub-info", body: jsonText(`{"id":$group}`), data: groupJSON("key", `""`)},
				{name: "an admin", from: by("adam"), body: jsonText(`{"id":$group,"name":"密","publicName":"` + hanzi(255) + `"}`)},
				{name: "both show", path: "/group/app/group-pub-info", body: jsonText(`{"id":$group}`), data: groupJSON("key", `""`, "name", `"密"`, "publicName", `"`+hanzi(255)+`"`)},
				{name: "only the public one", body: jsonText(`{"id":$group,"name":"","publicName":"Friends"}`)},
				{name: "the other stayed", path: "/group/app/group-pub-info", body: jsonText(`{"id":$group}`), data: groupJSON("key", `""`, "name", `"密"`, "publicName", `"Friends"`)},
			},
		),
	},
	choice("friendType", "1", "2"),
	choice("joinType", "2", "3"),
	choice("muteType", "1", "2"),
}

// choice is the table of a route that sets a field with a few values: last is one
// of them, beyond the first that there is not.
func choice(field, last, beyond string) table {
	return table{
		route: "/group/app/" + field,
		good:  jsonText(`{"id":$group,"` + field + `":` + last + `}`),
		set:   club,
		rows: slices.Concat(
			groupIDs(`,"`+field+`":0`, row{}),
			choices(field, "", beyond),
			wrongPlaces(`,"`+field+`":`+last, fault.AdminRequired),
			[]row{
				{name: "an admin", from: by("adam"), body: jsonText(`{"id":$group,"` + field + `":` + last + `}`)},
				{name: "again", body: jsonText(`{"id":$group,"` + field + `":` + last + `}`)},
				{name: "it shows", path: "/group/app/group-pub-info", body: jsonText(`{"id":$group}`), data: groupJSON("key", `""`, field, last)},
			},
		),
	}
}

// The tables of the two routes of our own, by which people are let in.

var applicationTables = []table{
	{
		route: "/group/app/application-list",
		good:  jsonText(`{"id":$group}`),
		set:   withApplications,
		rows: slices.Concat(
			groupIDs("", row{data: applications(eveApplies, newApplies)}),
			wrongPlaces("", fault.AdminRequired),
			[]row{
				{name: "an admin", from: by("adam"), body: jsonText(`{"id":$group,"start":null,"count":1000}`), data: applications(eveApplies, newApplies)},
				{name: "a page", body: jsonText(`{"id":$group,"count":1}`), data: applications(eveApplies)},
				{name: "the next page", body: jsonText(`{"id":$group,"start":$eves,"count":1}`), data: applications(newApplies)},
				{name: "after the last", body: jsonText(`{"id":$group,"start":$news}`), data: applications()},
				{name: "none", body: jsonText(`{"id":$quiet}`), data: applications()},
				wrong("count", `{"id":$group,"count":0}`),
				wrong("count", `{"id":$group,"count":1001}`),
				wrong("count", `{"id":$group,"count":"1"}`),
				wrong("start", `{"id":$group,"start":"1"}`),
			},
		),
	},
	{
		route: "/group/app/answer-application",
		good:  jsonText(`{"id":$group,"applicationId":$eves,"accept":true}`),
		set:   withApplications,
		rows: slices.Concat(
			groupIDs(`,"accept":true,"applicationId":9007199254740991`, row{result: fault.NoSuchApplication}),
			wrongPlaces(`,"applicationId":$eves,"accept":true`, fault.AdminRequired),
			[]row{
				wrong("accept", `{"id":$group,"applicationId":$eves}`),
				wrong("accept", `{"id":$group,"applicationId":$eves,"accept":1}`),
				wrong("accept", `{"id":$group,"applicationId":$eves,"accept":"true"}`),
				wrong("applicationId", `{"id":$group,"accept":true}`),
				wrong("applicationId", `{"id":$group,"applicationId":0,"accept":true}`),
				wrong("applicationId", `{"id":$group,"applicationId":"x","accept":true}`),
				wrong("applicationIdStr", `{"id":$group,"applicationIdStr":$eves,"accept":true}`),
				wrong("applicationIdStr", `{"id":$group,"applicationIdStr":"x","accept":true}`),
				{name: "unknown, in English", headers: english, body: jsonText(`{"id":$group,"applicationId":9007199254740993,"accept":false}`), result: fault.NoSuchApplication},
				{name: "an application to another group", body: jsonText(`{"id":$quiet,"applicationId":$eves,"accept":true}`), result: fault.NoSuchApplication},
				{name: "accepted by an admin", from: by("adam"), body: jsonText(`{"idStr":"$group","applicationId":1,"applicationIdStr":"$eves","accept":true}`), data: invited("$group", 5)},
				{name: "accepted again", body: jsonText(`{"id":$group,"applicationId":$eves,"accept":true}`), result: fault.ApplicationClosed},
				{name: "rejected after that", headers: english, body: jsonText(`{"id":$group,"applicationId":$eves,"accept":false}`), result: fault.ApplicationClosed},
				{name: "she is in", from: by("eve"), path: "/group/app/join-group", body: jsonText(`{"id":$group}`), result: fault.AlreadyMember},
				{name: "rejected", body: jsonText(`{"id":$group,"applicationId":$news,"accept":false}`), data: invited("$group", 5)},
				{name: "accepted after that", body: jsonText(`{"id":$group,"applicationId":$news,"accept":true}`), result: fault.ApplicationClosed},
				{name: "nobody waits any more", path: "/group/app/application-list", body: jsonText(`{"id":$group}`), data: applications()},
			},
		),
	},
}

const (
	eveApplies = `{"id":$eves,"idStr":"$eves","memberId":"$eve","inviterId":"$eve","createTime":#}`
	newApplies = `{"id":$news,"idStr":"$news","memberId":"new","inviterId":"$bob","createTime":#}`
)

func applications(list ...string) string { return `{"applications":[` + strings.Join(list, ",") + `]}` }

// withApplications is club where $group asks its admins, eve wants to join it and
// bob has invited somebody. In $quiet nobody waits.
func withApplications(s *scene) {
	club(s)
	s.name("quiet", s.alice.create("quiet").ID)
	g := s.groupID("group")
	s.alice.ask("joinType", g, fields{"joinType": 2}).want(s.t, fault.OK)
	s.people["eve"].join(g).want(s.t, fault.ApplicationPending)
	s.bob.ask("invite-group-members", g, fields{"newMemberIds": []string{"new"}}).want(s.t, fault.ApplicationPending)
	var open struct{ Applications []struct{ ID int64 } }
	s.alice.ask("application-list", g, nil).want(s.t, fault.OK).into(s.t, &open)
	if len(open.Applications) != 2 {
		s.t.Fatalf("%d applications are open, want two", len(open.Applications))
	}
	s.name("eves", open.Applications[0].ID)
	s.name("news", open.Applications[1].ID)
}
