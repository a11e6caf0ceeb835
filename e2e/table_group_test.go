package e2e

import "parley/pkg/fault"

// wrong is a row with a JSON body whose shape is refused because of a field.
func wrong(field, text string) row {
	return row{name: text, body: jsonText(text), result: fault.BadRequest, field: field}
}

// passes is a row with a body that clients send and whose shape is right,
// though the service of its route comes later.
func passes(name string, b body) row { return row{name: name, body: b, result: fault.Unsupported} }

// groupIDs are the ways to name a group, right and wrong, beside other fields.
func groupIDs(others string) []row {
	return []row{
		passes("the id as a number", jsonText(`{"id":8589934593`+others+`}`)),
		passes("the id beyond 2^53", jsonText(`{"id":9007199254740993`+others+`}`)),
		passes("the id as a text", jsonText(`{"idStr":"8589934593"`+others+`}`)),
		passes("both", jsonText(`{"id":1,"idStr":"8589934593"`+others+`}`)),
		passes("a field that nobody knows", jsonText(`{"id":1,"more":{"deep":[1,2]}`+others+`}`)),
		wrong("id", `{"id":1.5`+others+`}`),
		wrong("id", `{"id":"seven"`+others+`}`),
		wrong("id", `{"id":9223372036854775808`+others+`}`),
		wrong("idStr", `{"idStr":8589934593`+others+`}`),
		wrong("body", `{"id":1`+others),
		wrong("body", `[1]`),
		wrong("body", `"id"`),
	}
}

var groupTables = []table{
	{
		route: "/group/app/create-group",
		good:  jsonText(`{"name":"friends","avatar":"","introduce":"","memberIds":["$bob"]}`),
		rows: []row{
			passes("only the name", jsonText(`{"name":"friends"}`)),
			passes("a form", form{"name": "friends", "memberIds": `["$bob"]`}),
			passes("parts", parts{{name: "name", content: "friends"}, {name: "memberIds", content: "$bob"}}),
			wrong("name", `{}`),
			wrong("name", `{"name":7}`),
			wrong("name", `{"name":"a\u0000b"}`),
			wrong("memberIds", `{"name":"friends","memberIds":"$bob"}`),
			wrong("memberIds[0]", `{"name":"friends","memberIds":[1]}`),
			{name: "a form without the name", body: form{"avatar": "a"}, result: fault.BadRequest, field: "name"},
		},
	},
	{
		route: "/group/app/group-list",
		good:  nothing{},
		bare:  true,
		rows: []row{
			passes("an empty object", jsonText(`{}`)),
			passes("a content type without a body", raw{"application/json", ""}),
			wrong("body", `{`),
			wrong("body", `null`),
		},
	},
	{route: "/group/app/group-info", good: jsonText(`{"id":1}`), bare: true, rows: groupIDs("")},
	{route: "/group/app/group-pub-info", good: jsonText(`{"id":1}`), bare: true, rows: groupIDs("")},
	{route: "/group/app/group-member-list", good: jsonText(`{"id":1}`), bare: true, rows: groupIDs("")},
	{route: "/group/app/mute-list", good: jsonText(`{"id":1}`), bare: true, rows: groupIDs("")},
	{route: "/group/app/group-disband", good: jsonText(`{"id":1}`), bare: true, rows: groupIDs("")},
	{route: "/group/app/group-exit", good: jsonText(`{"id":1}`), bare: true, rows: groupIDs("")},
	{
		route: "/group/app/group-member-info",
		good:  jsonText(`{"id":1,"memberId":"$bob"}`),
		rows:  append(groupIDs(`,"memberId":"$bob"`), wrong("memberId", `{"id":1}`), wrong("memberId", `{"id":1,"memberId":1}`)),
	},
	{
		route: "/group/app/change-owner",
		good:  jsonText(`{"id":1,"memberId":"$bob"}`),
		rows:  append(groupIDs(`,"memberId":"$bob"`), wrong("memberId", `{"id":1}`), wrong("memberId", `{"id":1,"memberId":["$bob"]}`)),
	},
	{
		route: "/group/app/group-remove",
		good:  jsonText(`{"id":1,"memberIds":["$bob"]}`),
		rows:  append(groupIDs(`,"memberIds":["$bob"]`), wrong("memberIds", `{"id":1}`), wrong("memberIds", `{"id":1,"memberIds":{}}`), wrong("memberIds[1]", `{"id":1,"memberIds":["$bob",2]}`)),
	},
	{
		route: "/group/app/invite-group-members",
		good:  jsonText(`{"id":1,"newMemberIds":["$bob"]}`),
		rows:  append(groupIDs(`,"newMemberIds":["$bob"]`), wrong("newMemberIds", `{"id":1}`), wrong("newMemberIds", `{"id":1,"newMemberIds":"$bob"}`)),
	},
	{
		route: "/group/app/join-group",
		good:  jsonText(`{"id":1,"idStr":"1","inviterId":""}`),
		bare:  true,
		rows:  append(groupIDs(""), passes("with an inviter", jsonText(`{"id":1,"inviterId":"$bob"}`)), wrong("inviterId", `{"id":1,"inviterId":1}`)),
	},
	{
		route: "/group/app/member/type",
		good:  jsonText(`{"id":1,"memberId":"$bob","memberType":1}`),
		rows:  append(groupIDs(`,"memberId":"$bob","memberType":1`), wrong("memberId", `{"id":1,"memberType":1}`), wrong("memberType", `{"id":1,"memberId":"$bob"}`), wrong("memberType", `{"id":1,"memberId":"$bob","memberType":"1"}`)),
	},
	{
		route: "/group/app/member/name",
		good:  jsonText(`{"id":1,"memberName":"Al"}`),
		rows:  append(groupIDs(`,"memberName":"Al"`), wrong("memberName", `{"id":1}`), wrong("memberName", `{"id":1,"memberName":"\u0000"}`)),
	},
	{
		route: "/group/app/member/muteTime",
		good:  jsonText(`{"id":1,"memberIds":["$bob"],"muteTime":60000}`),
		rows: append(groupIDs(`,"memberIds":["$bob"],"muteTime":0`),
			passes("for ever", jsonText(`{"id":1,"memberIds":["$bob"],"muteTime":9223372036854775807}`)),
			wrong("memberIds", `{"id":1,"muteTime":0}`), wrong("muteTime", `{"id":1,"memberIds":["$bob"]}`), wrong("muteTime", `{"id":1,"memberIds":["$bob"],"muteTime":1e3}`)),
	},
	{
		route: "/group/app/avatar",
		good:  jsonText(`{"id":1,"avatar":"https://example.org/a.png"}`),
		rows:  append(groupIDs(`,"avatar":""`), wrong("avatar", `{"id":1}`), wrong("avatar", `{"id":1,"avatar":false}`)),
	},
	{
		route: "/group/app/name",
		good:  jsonText(`{"id":1,"name":"friends","publicName":"Friends"}`),
		rows:  append(groupIDs(`,"name":"friends"`), passes("a name of no letters", jsonText(`{"id":1,"name":""}`)), wrong("name", `{"id":1,"publicName":"Friends"}`)),
	},
	{route: "/group/app/friendType", good: jsonText(`{"id":1,"friendType":1}`), rows: choice("friendType", "2")},
	{route: "/group/app/joinType", good: jsonText(`{"id":1,"joinType":2}`), rows: choice("joinType", "3")},
	{route: "/group/app/muteType", good: jsonText(`{"id":1,"muteType":1}`), rows: choice("muteType", "2")},
}

// choice are the rows of a route that sets a field with a few values; beyond is
// the first value that there is not.
func choice(field, beyond string) []row {
	return append(groupIDs(`,"`+field+`":0`),
		wrong(field, `{"id":1}`),
		wrong(field, `{"id":1,"`+field+`":`+beyond+`}`),
		wrong(field, `{"id":1,"`+field+`":-1}`),
		wrong(field, `{"id":1,"`+field+`":"0"}`),
		wrong(field, `{"id":1,"`+field+`":null}`),
	)
}
