package openapi

// lenient lists the fields that the contracts demand although clients in
// people's hands leave them out or send them otherwise. A nil function makes
// a field optional, another one changes its schema too. The gateways' tests
// hold this table against what bind really does.
var lenient = map[string]map[string]func(object) object{
	"StartCallReq":           {"groupId": textOrNumber},
	"ReplyBusyReq":           {"traceId": nil},
	"CheckCallReq":           {"traceId": nil},
	"HandleCallReq":          {"traceId": nil},
	"LoginReq":               {"connType": nil},
	"CreateGroupReq":         {"avatar": nil, "introduce": nil, "memberIds": nil},
	"JoinGroupReq":           {"id": nil, "idStr": nil, "inviterId": nil},
	"UpdateGroupNameReq":     {"publicName": nil},
	"UploadReq":              {"ossType": orEmpty},
	"InitMultiUploadReq":     {"ossType": orEmpty},
	"UploadPartReq":          {"ossType": orEmpty},
	"CompleteMultiUploadReq": {"ossType": orEmpty, "parts": orNull},
	"AbortMultiUploadReq":    {"ossType": orEmpty},
	"GetHostReq":             {"ossType": orEmpty},
	"Part":                   {"ETag": etag},
}

// textOrNumber is for an id that one client sends as a number.
func textOrNumber(s object) object {
	s["type"] = []string{"string", "integer"}
	s["description"] = "Absent, empty or 0 in a private call."
	return s
}

// orEmpty is for an option that clients leave empty.
func orEmpty(s object) object {
	s["enum"] = append(s["enum"].([]any), "")
	return s
}

// orNull is for a list that one client sends as null.
func orNull(s object) object {
	s["type"] = []string{"array", "null"}
	return s
}

func etag(s object) object {
	s["description"] = "As upload-part answered it, with or without quotes. The name may also be written Etag or etag."
	return s
}

// filePart is the part of a multipart request that has the file.
type filePart struct {
	name string
	text string
	// only says that the part is all there is: the contract's own field
	// stands for the file.
	only bool
}

var fileParts = map[string]filePart{
	"PushReq":       {name: "message", text: "The protobuf message. The part may also be named file.", only: true},
	"UploadReq":     {name: "file", text: "The object. It may come before or after the fields."},
	"UploadPartReq": {name: "file", text: "The bytes of this part. They may come before or after the fields."},
}

// addTo adds the part to the schema of a form.
func (p filePart) addTo(form object) {
	if p.only {
		form["properties"] = object{}
		delete(form, "required")
	}
	form["properties"].(object)[p.name] = object{"type": "string", "contentMediaType": "application/octet-stream", "description": p.text}
	required, _ := form["required"].([]string)
	form["required"] = append(required, p.name)
}

// alsoGet are the routes that answer GET besides POST.
var alsoGet = map[string]bool{
	"/oss/get-token":           true,
	"/oss/get-huaweiyun-token": true,
}
