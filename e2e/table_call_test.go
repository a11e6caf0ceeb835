package e2e

var callTables = []table{
	{
		route:  "/app/start-call",
		prefix: "/call",
		good:   jsonText(`{"groupId":"0","invitees":["$bob"],"RTCType":1}`),
		rows: []row{
			passes("without a group", jsonText(`{"invitees":["$bob"],"RTCType":2}`)),
			passes("an empty group", jsonText(`{"groupId":"","invitees":["$bob"],"RTCType":2}`)),
			passes("the group as a number", jsonText(`{"groupId":8589934593,"invitees":["$bob"],"RTCType":2}`)),
			passes("the group as a text", jsonText(`{"groupId":"8589934593","invitees":["$bob"],"RTCType":2}`)),
			passes("a charset", raw{"application/json; charset=utf-8", `{"invitees":["a"],"RTCType":1}`}),
			wrong("groupId", `{"groupId":{},"invitees":["$bob"],"RTCType":1}`),
			wrong("groupId", `{"groupId":1.5,"invitees":["$bob"],"RTCType":1}`),
			wrong("invitees", `{"RTCType":1}`),
			wrong("invitees", `{"invitees":"$bob","RTCType":1}`),
			wrong("invitees[0]", `{"invitees":[null,1],"RTCType":1}`),
			wrong("RTCType", `{"invitees":["$bob"]}`),
			wrong("RTCType", `{"invitees":["$bob"],"RTCType":0}`),
			wrong("RTCType", `{"invitees":["$bob"],"RTCType":3}`),
			wrong("RTCType", `{"invitees":["$bob"],"RTCType":"1"}`),
		},
	},
	{route: "/app/reply-busy", prefix: "/call", good: jsonText(`{"traceId":1}`), bare: true, rows: traceIDs("")},
	{route: "/app/check-call", prefix: "/call", good: jsonText(`{"traceId":1}`), bare: true, rows: traceIDs("")},
	{
		route:  "/app/handle-call",
		prefix: "/call",
		good:   jsonText(`{"answer":true,"traceId":1}`),
		rows: append(traceIDs(`,"answer":false`),
			wrong("answer", `{"traceId":1}`),
			wrong("answer", `{"traceId":1,"answer":1}`),
			wrong("answer", `{"traceId":1,"answer":"true"}`),
		),
	},
}

// traceIDs are the ways to name a call, beside other fields.
func traceIDs(others string) []row {
	return []row{
		passes("the id beyond 2^53", jsonText(`{"traceId":9007199254740993`+others+`}`)),
		passes("the id as a text", jsonText(`{"traceIdStr":"9007199254740991"`+others+`}`)),
		passes("both", jsonText(`{"traceId":1,"traceIdStr":"2"`+others+`}`)),
		wrong("traceId", `{"traceId":true`+others+`}`),
		wrong("traceId", `{"traceId":9223372036854775808`+others+`}`),
		wrong("traceIdStr", `{"traceIdStr":1`+others+`}`),
		wrong("body", `{"traceId":`),
	}
}
