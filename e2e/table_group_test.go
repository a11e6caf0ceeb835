package e2e

import (
	"fmt"
	"slices"
	"strings"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
)

// wrong is a row with a JSON body whose shape is refused because of a field.
func wrong(field, text string) row {
	return row{name: text, body: jsonText(text), result: fault.BadRequest, field: field}
}

// wrongly is wrong for a body that is too long for a name.
func wrongly(field, name, text string) row {
	return row{name: name, body: jsonText(text), result: fault.BadRequest, field: field}
}

// club is the scene of groups: in $group alice is the owner, adam an admin, bob
// and carol are members; eve is in none. In $blocked and $disbanded they have the
// same places.
func club(s *scene) {
	for _, name := range []string{"adam", "carol", "eve"} {
		s.person(name)
	}
	open := func(name string) circle {
		made := s.alice.create("friends", s.bob, s.people["adam"], s.people["carol"])
		s.name(name, made.ID)
		s.alice.setRole(made.ID, eventlog.Admin, s.people["adam"]).want(s.t, fault.OK)
		return made
	}
	made := open("group")
	s.name("mark", made.MarkID)
	s.name("key", made.Key)
	s.name("born", made.CreateTime)
	s.block(open("blocked").ID)
	s.alice.disband(open("disbanded").ID).want(s.t, fault.OK)
}

// by is the token of a person of the scene.
func by(name string) func(*scene) string {
	return func(s *scene) string { return s.people[name].token() }
}

// groupIDs are the ways to name a group, right and wrong, beside other fields;
// those that are right are answered like a given row. A wrong shape comes before
// everything else: whether there is such a group, and who asks.
func groupIDs(others string, like row) []row {
	right := func(name, ids string) row {
		r := like
		r.name, r.body = name, jsonText("{"+ids+others+"}")
		return r
	}
	return []row{
		right("the id as a number", `"id":$group`),
		right("the number in quotes", `"id":"$group"`),
		right("the id as a text", `"idStr":"$group"`),
		right("both the same", `"id":$group,"idStr":"$group"`),
		right("the text goes before the number", `"id":1,"idStr":"$group"`),
		right("an empty text", `"id":$group,"idStr":""`),
		right("null", `"id":$group,"idStr":null`),
		right("a field that nobody knows", `"id":$group,"more":{"deep":[1,2]}`),
		{name: "an id beyond 2^53", body: jsonText(`{"id":9007199254740993` + others + `}`), result: fault.NoSuchGroup},
		{name: "a text beyond 2^53", body: jsonText(`{"idStr":"9223372036854775807"` + others + `}`), result: fault.NoSuchGroup},
		wrong("id", `{"more":1`+others+`}`),
		wrong("id", `{"id":0`+others+`}`),
		wrong("id", `{"id":-1`+others+`}`),
		wrong("id", `{"id":1.5`+others+`}`),
		wrong("id", `{"id":1e3`+others+`}`),
		wrong("id", `{"id":"seven"`+others+`}`),
		wrong("id", `{"id":[$group]`+others+`}`),
		wrong("id", `{"id":9223372036854775808`+others+`}`),
		wrong("idStr", `{"idStr":$group`+others+`}`),
		wrong("idStr", `{"idStr":"seven"`+others+`}`),
		wrong("idStr", `{"id":$group,"idStr":"0"`+others+`}`),
		wrong("idStr", `{"id":$group,"idStr":"-1"`+others+`}`),
		wrong("idStr", `{"id":$group,"idStr":"9223372036854775808"`+others+`}`),
		wrong("body", `{"id":$group`+others),
		wrong("body", `[1]`),
		wrong("body", `"id"`),
		{name: "no body", body: nothing{}, result: fault.BadRequest, field: firstMissing(others)},
	}
}

// firstMissing is the field that an empty request is blamed for: one that has to
// be there, or else the group's id.
func firstMissing(others string) string {
	if _, rest, ok := strings.Cut(others, `"`); ok {
		field, _, _ := strings.Cut(rest, `"`)
		return field
	}
	return "id"
}

// wrongPlaces are the answers to who is in the wrong place: in the order in which they
// are checked.
func wrongPlaces(others string, member fault.Code) []row {
	to := func(group string) body { return jsonText(`{"id":$` + group + others + `}`) }
	rows := []row{
		{name: "a blocked group", body: to("blocked"), result: fault.GroupBlocked},
		{name: "an outsider of a blocked group", from: by("eve"), body: to("blocked"), result: fault.GroupBlocked},
		{name: "a disbanded group", body: to("disbanded"), result: fault.GroupDisbanded},
		{name: "an outsider of a disbanded group", from: by("eve"), body: to("disbanded"), result: fault.GroupDisbanded},
		{name: "an outsider", from: by("eve"), body: to("group"), result: fault.NotMember},
		{name: "an outsider, in English", from: by("eve"), headers: english, body: to("group"), result: fault.NotMember},
	}
	if member != fault.OK {
		rows = append(rows,
			row{name: "a plain member", from: by("carol"), body: to("group"), result: member},
			row{name: "a plain member, in English", from: by("carol"), headers: english, body: to("group"), result: member})
	}
	return rows
}

// ownerOnly is the answer to an admin where only the owner may.
func ownerOnly(others string, code fault.Code) row {
	return row{name: "an admin", from: by("adam"), body: jsonText(`{"id":$group` + others + `}`), result: code}
}

// memberJSON is a member in an answer: without a name, not muted.
func memberJSON(user string, role int) string { return mutedJSON(user, role, "0") }

func mutedJSON(user string, role int, muteTime string) string {
	return fmt.Sprintf(`{"memberId":"%s","memberName":"","memberType":%d,"memberMuteTime":%s}`, user, role, muteTime)
}

var (
	aliceJSON = memberJSON("$alice", 2)
	adamJSON  = memberJSON("$adam", 1)
	bobJSON   = memberJSON("$bob", 0)
	carolJSON = memberJSON("$carol", 0)
)

// known is what is known of $group, and of a group that is new.
var known = map[string]string{
	"id": `$group`, "idStr": `"$group"`, "markId": `"$mark"`, "name": `"friends"`, "publicName": `"friends"`, "avatar": `""`,
	"introduce": `""`, "owner": aliceJSON, "person": aliceJSON, "memberNum": "4", "maximum": "2000", "status": "0", "createTime": "$born",
	"joinType": "0", "muteType": "0", "friendType": "0", "muteNum": "0", "adminNum": "1", "key": `"$key"`, "groupType": "0",
}

// groupFields are the fields of a group in the order of the document. The last is
// not in every answer.
var groupFields = strings.Fields("id idStr markId name publicName avatar introduce owner person memberNum maximum status createTime " +
	"joinType muteType friendType muteNum adminNum key groupType members")

// groupJSON is $group in an answer, with changes: pairs of a field and its JSON.
func groupJSON(changes ...string) string {
	var b strings.Builder
	for _, field := range groupFields {
		value, ok := known[field]
		for i := 0; i < len(changes); i += 2 {
			if changes[i] == field {
				value, ok = changes[i+1], true
			}
		}
		if ok {
			fmt.Fprintf(&b, `,"%s":%s`, field, value)
		}
	}
	return "{" + b.String()[1:] + "}"
}

// newGroupJSON is a group that alice has just made.
func newGroupJSON(members []string, changes ...string) string {
	return groupJSON(slices.Concat([]string{
		"id", "#", "idStr", `"#"`, "markId", `"#"`, "createTime", "#", "key", `"%"`, "adminNum", "0",
		"memberNum", fmt.Sprint(len(members)), "members", "[" + strings.Join(members, ",") + "]",
	}, changes)...)
}

// strangers is a JSON list of n people who have no keys.
func strangers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"stranger-%d"`, i)
	}
	return "[" + b.String()[1:] + "]"
}

// hanzi are n characters of three bytes each.
func hanzi(n int) string { return strings.Repeat("群", n) }

// userLists are the rows about a list of users, beside the field of the group.
func userLists(field, others string) []row {
	with := func(list string) string { return `{"id":9007199254740991,"` + field + `":` + list + others + `}` }
	return []row{
		wrong(field, `{"id":$group`+others+`}`),
		wrong(field, `{"id":$group,"`+field+`":"$bob"`+others+`}`),
		wrong(field, `{"id":$group,"`+field+`":{}`+others+`}`),
		wrong(field+"[1]", `{"id":$group,"`+field+`":["$bob",2]`+others+`}`),
		wrong(field+"[1]", with(`["$bob",""]`)),
		wrong(field+"[0]", with(`["a b"]`)),
		wrong(field+"[0]", with(`["用户"]`)),
		wrongly(field+"[0]", "a uid of 65 bytes", with(`["`+long(65)+`"]`)),
		{name: "a uid of 64 bytes", body: jsonText(with(`["` + long(64) + `"]`)), result: fault.NoSuchGroup},
		wrongly(field, "5,001 entries", with(strangers(5001))),
		{name: "5,000 entries", body: jsonText(with(strangers(5000))), result: fault.NoSuchGroup},
	}
}

// textRows are the rows about a text of at most n characters.
func textRows(field string, n int, others string) []row {
	with := func(text string) string {
		return `{"id":9007199254740991,"` + field + `":"` + text + `"` + others + `}`
	}
	return []row{
		wrong(field, `{"id":$group`+others+`}`),
		wrong(field, `{"id":$group,"`+field+`":false`+others+`}`),
		wrong(field, with(`a\u0000b`)),
		wrongly(field, fmt.Sprintf("%d characters", n+1), with(long(n+1))),
		wrongly(field, fmt.Sprintf("%d characters of Chinese", n+1), with(hanzi(n+1))),
		{name: fmt.Sprintf("%d characters of Chinese", n), body: jsonText(with(hanzi(n))), result: fault.NoSuchGroup},
	}
}

// oneUser are the rows about one user.
func oneUser(field, others string) []row {
	with := func(user string) string {
		return `{"id":9007199254740991,"` + field + `":"` + user + `"` + others + `}`
	}
	return []row{
		wrong(field, `{"id":$group`+others+`}`),
		wrong(field, `{"id":$group,"`+field+`":1`+others+`}`),
		wrong(field, `{"id":$group,"`+field+`":["$bob"]`+others+`}`),
		wrong(field, with("")),
		wrong(field, with("a b")),
		wrongly(field, "a uid of 65 bytes", with(long(65))),
		{name: "a uid of 64 bytes", body: jsonText(with(long(64))), result: fault.NoSuchGroup},
	}
}

var groupTables = slices.Concat(groupReadTables, groupChangeTables, memberTables, settingTables, applicationTables)

var groupReadTables = []table{
	{
		route: "/group/app/group-list",
		good:  nothing{},
		bare:  true,
		set: func(s *scene) {
			club(s)
			chess := s.bob.create("chess", s.alice)
			s.name("chess", chess.ID)
			s.name("chessmark", chess.MarkID)
			s.name("chesskey", chess.Key)
		},
		rows: []row{
			{name: "the newest first, a blocked one too", data: `{"groups":[` + groupJSON("id", "$chess", "idStr", `"$chess"`, "markId", `"$chessmark"`,
				"name", `"chess"`, "publicName", `"chess"`, "owner", memberJSON("$bob", 2), "person", memberJSON("$alice", 0), "memberNum", "2",
				"adminNum", "0", "createTime", "#", "key", `"$chesskey"`) +
				`,` + groupJSON("id", "$blocked", "idStr", `"$blocked"`, "markId", `"#"`, "status", "1", "createTime", "#", "key", `"%"`) +
				`,` + groupJSON() + `]}`},
			{name: "as a member sees it", from: by("carol"), data: `{"groups":[` +
				groupJSON("id", "$blocked", "idStr", `"$blocked"`, "markId", `"#"`, "status", "1", "createTime", "#", "key", `"%"`, "person", carolJSON) +
				`,` + groupJSON("person", carolJSON) + `]}`},
			{name: "who is in none", from: by("eve"), data: `{"groups":[]}`},
			{name: "an empty object", from: by("eve"), body: jsonText(`{}`), data: `{"groups":[]}`},
			{name: "a content type without a body", from: by("eve"), body: raw{"application/json", ""}, data: `{"groups":[]}`},
			wrong("body", `{`),
			wrong("body", `null`),
		},
	},
	{
		route: "/group/app/group-info",
		good:  jsonText(`{"id":$group}`),
		set:   club,
		rows: slices.Concat(
			groupIDs("", row{data: groupJSON("members", "["+strings.Join([]string{aliceJSON, adamJSON, bobJSON, carolJSON}, ",")+"]")}),
			wrongPlaces("", fault.OK),
			[]row{{name: "as a member sees it", from: byBob, data: groupJSON("person", bobJSON,
				"members", "["+strings.Join([]string{aliceJSON, adamJSON, bobJSON, carolJSON}, ",")+"]")}},
		),
	},
	{
		route: "/group/app/group-pub-info",
		good:  jsonText(`{"id":$group}`),
		set:   club,
		rows: slices.Concat(groupIDs("", row{data: groupJSON("key", `""`)}), []row{
			{name: "from outside", from: by("eve"), data: groupJSON("key", `""`, "name", `""`, "person", "null")},
			{name: "a blocked group", from: by("eve"), body: jsonText(`{"id":$blocked}`), data: groupJSON("id", "$blocked", "idStr", `"$blocked"`,
				"markId", `"#"`, "createTime", "#", "key", `""`, "name", `""`, "person", "null", "status", "1")},
			{name: "a disbanded group", body: jsonText(`{"id":$disbanded}`), data: groupJSON("id", "$disbanded", "idStr", `"$disbanded"`,
				"markId", `"#"`, "createTime", "#", "key", `""`, "name", `""`, "owner", "null", "person", "null", "status", "2", "memberNum", "0", "adminNum", "0")},
		}),
	},
	{
		route: "/group/app/group-member-list",
		good:  jsonText(`{"id":$group}`),
		set:   club,
		rows: slices.Concat(
			groupIDs("", row{data: `{"id":$group,"idStr":"$group","members":[` + strings.Join([]string{aliceJSON, adamJSON, bobJSON, carolJSON}, ",") + `]}`}),
			wrongPlaces("", fault.OK),
		),
	},
	{
		route: "/group/app/group-member-info",
		good:  jsonText(`{"id":$group,"memberId":"$bob"}`),
		set:   club,
		rows: slices.Concat(
			groupIDs(`,"memberId":"$bob"`, row{data: bobJSON}),
			oneUser("memberId", ""),
			wrongPlaces(`,"memberId":"$bob"`, fault.OK),
			[]row{
				{name: "a member about the owner", from: byBob, body: jsonText(`{"id":$group,"memberId":"$alice"}`), data: aliceJSON},
				{name: "himself", from: byBob, body: jsonText(`{"id":$group,"memberId":"$bob"}`), data: bobJSON},
				{name: "who is not in it", body: jsonText(`{"id":$group,"memberId":"$eve"}`), result: fault.TargetNotMember},
				{name: "who is nobody", body: jsonText(`{"id":$group,"memberId":"nobody"}`), result: fault.TargetNotMember},
				{name: "an outsider about himself", from: by("eve"), body: jsonText(`{"id":$group,"memberId":"$eve"}`), result: fault.NotMember},
			},
		),
	},
	{
		route: "/group/app/mute-list",
		good:  jsonText(`{"id":$group}`),
		set: func(s *scene) {
			club(s)
			id := s.groupID("group")
			s.people["adam"].mute(id, eventlog.Forever, s.people["carol"]).want(s.t, fault.OK)
		},
		rows: slices.Concat(
			groupIDs("", row{data: `{"members":[` + mutedJSON("$carol", 0, "9223372036854775807") + `]}`}),
			wrongPlaces("", fault.AdminRequired),
			[]row{{name: "an admin", from: by("adam"), data: `{"members":[` + mutedJSON("$carol", 0, "9223372036854775807") + `]}`}},
		),
	},
}
