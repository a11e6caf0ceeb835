package bind

// exception says how real clients differ from the document in one field.
type exception struct {
	// optional: clients leave the field out although the document demands it.
	optional bool
	// blank: an empty text counts as left out.
	blank bool
	// fallback is the value of a field that was left out.
	fallback string
	// asText: a number may also come as a decimal text.
	asText bool
	// asNumber: a text may also come as a whole number.
	asNumber bool
	// anyText: the text may hold control characters; the rules of the field
	// refuse them with a code of their own.
	anyText bool
	// aliases are other names of the field, as some clients write them.
	aliases []string
	// list is how many entries the list may have, where maxList would be too few.
	list int
	// message: the field is a file part that is held in memory.
	message bool
	// stream: the route takes a file part of this name, which is no field of
	// its struct and is handed on as a stream.
	stream bool
}

// anyRequest is the row of exceptions that applies to every request.
const anyRequest = "*"

// exceptions is the whole difference between the documented shapes and what
// clients in the field send: request type, field, difference. It is keyed by
// type because one type stands for one shape, while a shape may be served
// under several paths and methods.
var exceptions = map[string]map[string]exception{
	anyRequest: {
		// Clients in JavaScript hold ids as text; and who sends traceIdStr
		// does not send traceId.
		"id":            {asText: true, blank: true},
		"traceId":       {asText: true, blank: true, optional: true},
		"applicationId": {asText: true, blank: true},
		// The answer to a key that is not allowed is -10203, whatever is wrong.
		"key": {anyText: true},
	},
	"OssBase": {
		"ossType": {blank: true},
	},
	"StartCallReq": {
		// A private call: absent, "", "0" and 0 are the same.
		"groupId": {optional: true, blank: true, asNumber: true, fallback: "0"},
	},
	"LoginReq": {
		"connType": {optional: true},
	},
	"PushReq": {
		"file": {message: true, aliases: []string{"message"}},
	},
	"CreateGroupReq": {
		"avatar":    {optional: true},
		"introduce": {optional: true},
		"memberIds": {optional: true},
	},
	"JoinGroupReq": {
		// One client sends only id, the other only idStr.
		"id":        {optional: true, asText: true, blank: true},
		"idStr":     {optional: true},
		"inviterId": {optional: true},
	},
	"UpdateGroupNameReq": {
		"publicName": {optional: true},
	},
	"UploadReq": {
		"file": {stream: true},
	},
	"UploadPartReq": {
		"file": {stream: true},
	},
	"CompleteMultiUploadReq": {
		// One client completes an upload of nothing without a list. A part may have any
		// number from 1 to 10000.
		"parts": {optional: true, list: 10_000},
	},
	"Part": {
		"ETag": {aliases: []string{"Etag", "etag"}},
	},
}

// exceptionOf finds the exception for a field of a request type.
func exceptionOf(typeName, field string) exception {
	if e, ok := exceptions[typeName][field]; ok {
		return e
	}
	return exceptions[anyRequest][field]
}
