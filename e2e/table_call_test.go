package e2e

import (
	"fmt"
	"net/http"
	"strings"

	"parley/pkg/fault"
)

// session is the JSON of a call that alice starts.
func session(kind int, invitees, group string) string {
	return fmt.Sprintf(`{"traceId":#,"traceIdStr":"#","RTCType":%d,"invitees":[%s],"caller":"$alice","createTime":#,"timeout":60000,"deadline":#,"groupId":"%s"}`,
		kind, invitees, group)
}

// rings is a row that starts a call.
func rings(name string, b body, data string) row { return row{name: name, body: b, data: data} }

// starting is a row whose call is refused.
func starting(name, text string, result fault.Code) row {
	return row{name: name, body: jsonText(text), result: result}
}

// ringing is the scene of a call: alice rings bob in $trace, and eve is a stranger.
func ringing(s *scene) {
	s.person("eve")
	var c struct{ TraceID int64 }
	s.alice.post("/app/start-call", map[string]any{"invitees": []string{string(s.bob.uid())}, "RTCType": 1}).want(s.t, fault.OK).into(s.t, &c)
	s.name("trace", c.TraceID)
}

const noTicket = `{"roomId":0,"userSig":"","privateMapKey":"","sdkAppId":0}`

var callTables = []table{
	{
		route:  "/app/start-call",
		prefix: "/call",
		set:    club,
		good:   jsonText(`{"groupId":"0","invitees":["$bob"],"RTCType":1}`),
		rows: []row{
			rings("a private call", jsonText(`{"groupId":"0","invitees":["$bob"],"RTCType":1}`), session(1, `"$bob"`, "0")),
			rings("the same again", jsonText(`{"invitees":["$bob"],"RTCType":1}`), session(1, `"$bob"`, "0")),
			rings("an empty group", jsonText(`{"groupId":"","invitees":["$bob"],"RTCType":2}`), session(2, `"$bob"`, "0")),
			rings("a charset", raw{"application/json; charset=utf-8", `{"invitees":["a"],"RTCType":1}`}, session(1, `"a"`, "0")),
			rings("the group as a number", jsonText(`{"groupId":$group,"invitees":["$bob"],"RTCType":2}`), session(2, `"$bob"`, "$group")),
			rings("the group as a text", jsonText(`{"groupId":"$group","invitees":["$carol","$bob"],"RTCType":1}`), session(1, `"$carol","$bob"`, "$group")),
			{name: "somebody who is rung", from: by("eve"), body: jsonText(`{"invitees":["$bob"],"RTCType":1}`), result: fault.CallBusy},
			{name: "under the prefix", path: "/call/app/start-call", body: jsonText(`{"invitees":["$bob"],"RTCType":1}`), data: session(1, `"$bob"`, "0")},
			{name: "a group of others", from: by("eve"), body: jsonText(`{"groupId":"$group","invitees":["$bob"],"RTCType":1}`), result: fault.NotMember},
			starting("somebody who is no member", `{"groupId":"$group","invitees":["$bob","$eve"],"RTCType":1}`, fault.TargetNotMember),
			starting("a group that is blocked", `{"groupId":"$blocked","invitees":["$bob"],"RTCType":1}`, fault.GroupBlocked),
			starting("a group that was disbanded", `{"groupId":"$disbanded","invitees":["$bob"],"RTCType":1}`, fault.GroupDisbanded),
			starting("a group that is not there", `{"groupId":"8589934593","invitees":["$bob"],"RTCType":1}`, fault.NoSuchGroup),
			wrong("groupId", `{"groupId":{},"invitees":["$bob"],"RTCType":1}`),
			wrong("groupId", `{"groupId":1.5,"invitees":["$bob"],"RTCType":1}`),
			wrong("groupId", `{"groupId":"-7","invitees":["$bob"],"RTCType":1}`),
			wrong("invitees", `{"RTCType":1}`),
			wrong("invitees", `{"invitees":"$bob","RTCType":1}`),
			wrong("invitees[0]", `{"invitees":[null,1],"RTCType":1}`),
			wrong("invitees", `{"invitees":[],"RTCType":1}`),
			wrong("invitees", `{"invitees":["$alice"],"RTCType":1}`),
			wrong("invitees", `{"invitees":["$bob","$carol"],"RTCType":1}`),
			wrong("invitees", `{"invitees":["a b"],"RTCType":1}`),
			wrong("invitees", `{"groupId":"$group","invitees":["$bob","$bob"],"RTCType":1}`),
			wrong("invitees", `{"groupId":"$group","invitees":["a","b","c","d","e","f","g","h","i"],"RTCType":1}`),
			wrong("RTCType", `{"invitees":["$bob"]}`),
			wrong("RTCType", `{"invitees":["$bob"],"RTCType":0}`),
			wrong("RTCType", `{"invitees":["$bob"],"RTCType":3}`),
			wrong("RTCType", `{"invitees":["$bob"],"RTCType":"1"}`),
		},
	},
	{
		route:  "/app/check-call",
		prefix: "/call",
		set:    ringing,
		good:   jsonText(`{"traceId":$trace}`),
		rows: append(traceIDs("", row{data: session(1, `"$bob"`, "0")}),
			row{name: "by an invitee", from: byBob, data: session(1, `"$bob"`, "0")},
			row{name: "by a stranger", from: by("eve"), result: fault.Forbidden},
			row{name: "under the prefix", path: "/call/app/check-call", data: session(1, `"$bob"`, "0")},
		),
	},
	{
		route:  "/app/reply-busy",
		prefix: "/call",
		set:    ringing,
		good:   jsonText(`{"traceId":$trace}`),
		rows: append(traceIDs("", row{from: byBob}),
			row{name: "by the caller", result: fault.Forbidden},
			row{name: "by a stranger", from: by("eve"), result: fault.Forbidden},
			row{name: "under the prefix", path: "/call/app/reply-busy", from: byBob},
		),
	},
	{
		route:  "/app/handle-call",
		prefix: "/call",
		set:    ringing,
		good:   jsonText(`{"answer":true,"traceId":$trace}`),
		rows: append(traceIDs(`,"answer":false`, row{data: noTicket}),
			row{name: "a stranger accepts", from: by("eve"), result: fault.Forbidden},
			row{name: "the caller accepts", result: fault.Forbidden},
			row{name: "what was cancelled is accepted", from: byBob, result: fault.CallExpired},
			row{name: "under the prefix", path: "/call/app/handle-call", from: byBob, body: jsonText(`{"answer":false,"traceId":$trace}`), data: noTicket},
			wrong("answer", `{"traceId":$trace}`),
			wrong("answer", `{"traceId":$trace,"answer":1}`),
			wrong("answer", `{"traceId":$trace,"answer":"true"}`),
		),
	},
}

// traceIDs are the ways to name a call, right and wrong, beside other fields; those
// that are right are answered like a given row.
func traceIDs(others string, like row) []row {
	right := func(name, ids string) row {
		r := like
		r.name, r.body = name, jsonText("{"+ids+others+"}")
		return r
	}
	absent := func(name, ids string) row {
		return row{name: name, from: like.from, body: jsonText("{" + ids + others + "}"), result: fault.NotFound}
	}
	none := jsonText("{" + strings.TrimPrefix(others, ",") + "}")
	return []row{
		right("the id as a number", `"traceId":$trace`),
		right("the id as a text", `"traceIdStr":"$trace"`),
		right("both, of which the text counts", `"traceId":1,"traceIdStr":"$trace"`),
		absent("a call that is not there", `"traceId":1`),
		absent("the id beyond 2^53", `"traceId":9007199254740993`),
		{name: "without an id", method: http.MethodPost, body: none, result: fault.BadRequest, field: "traceId"},
		wrong("traceId", `{"traceId":0`+others+`}`),
		wrong("traceId", `{"traceId":true`+others+`}`),
		wrong("traceId", `{"traceId":9223372036854775808`+others+`}`),
		wrong("traceIdStr", `{"traceIdStr":1`+others+`}`),
		wrong("traceIdStr", `{"traceIdStr":"-1"`+others+`}`),
		wrong("body", `{"traceId":`),
	}
}
