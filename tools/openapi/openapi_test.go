package openapi

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../../api/openapi.json")
	if err != nil {
		t.Fatalf("load openapi.json: %v", err)
	}
	return doc
}

func TestTheDocumentIsValid(t *testing.T) {
	t.Parallel()
	doc := load(t)
	if err := doc.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()); err != nil {
		t.Fatalf("openapi.json is not valid: %v", err)
	}
}

func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	contract, err := os.ReadFile("../../api/routes.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^- Url: (.*)$`).FindAllStringSubmatch(string(contract), -1) {
		want["POST "+m[1]] = true
		if strings.Contains(m[1], "-call") || m[1] == "/app/reply-busy" {
			want["POST /call"+m[1]] = true
		}
	}
	want["GET /oss/get-token"] = true
	want["GET /oss/get-huaweiyun-token"] = true
	// The routes of our own.
	want["POST /group/app/application-list"] = true
	want["POST /group/app/answer-application"] = true

	got := map[string]bool{}
	for path, item := range load(t).Paths.Map() {
		for method := range item.Operations() {
			got[method+" "+path] = true
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("described are %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

func TestEveryRouteSaysHowItRefuses(t *testing.T) {
	t.Parallel()
	for path, item := range load(t).Paths.Map() {
		for method, op := range item.Operations() {
			for _, status := range []int{413, 429, 503} {
				answer := op.Responses.Status(status)
				if answer == nil {
					t.Errorf("%s %s does not list %d", method, path, status)
				} else if wait := answer.Value.Headers["Retry-After"]; (wait != nil) != (status == 429) {
					t.Errorf("%d of %s %s has Retry-After: %v, want it with 429 alone", status, method, path, wait != nil)
				}
			}
		}
	}
}

func TestEveryAnswerIsInTheEnvelope(t *testing.T) {
	t.Parallel()
	answers := []struct {
		path, body string
		valid      bool
	}{
		{"/app/user/login", `{"result":0,"message":"OK","data":{"address":"1AqutxNoVTtcWiVYpBtvficAgea1dYTddR"}}`, true},
		{"/app/user/login", `{"result":-1010,"message":"无效签名","data":null}`, true},
		{"/app/user/login", `{"result":0,"message":"OK","data":null}`, false},
		{"/app/user/login", `{"result":-1010,"data":null}`, false},
		{"/app/user/login", `{"result":-7,"message":"?","data":null}`, false},
		{"/app/record/focus", `{"result":0,"message":"OK","data":{}}`, true},
		{"/group/app/group-list", `{"result":0,"message":"OK","data":{"groups":[]}}`, true},
		{"/group/app/group-list", `{"result":0,"message":"OK","data":{"groups":null}}`, false},
		{"/group/app/mute-list", `{"result":0,"message":"OK","data":{"members":[` + member + `]}}`, true},
		{"/group/app/mute-list", `{"result":0,"message":"OK","data":{"members":[{}]}}`, false},
		{"/group/app/mute-list", `{"result":0,"message":"OK","data":{"members":[null]}}`, false},
		{"/group/app/application-list", `{"result":0,"message":"OK","data":{"applications":[]}}`, true},
		{"/group/app/application-list", `{"result":0,"message":"OK","data":{"applications":null}}`, false},
		{"/group/app/answer-application", `{"result":-10030,"message":"该申请不存在","data":null}`, true},
		{"/group/app/answer-application", `{"result":0,"message":"OK","data":{"id":1,"idStr":"1","memberNum":2}}`, true},
		{"/group/app/group-pub-info", `{"result":0,"message":"OK","data":` + group("null", member) + `}`, true},
		{"/group/app/group-pub-info", `{"result":0,"message":"OK","data":` + group(member, "null") + `}`, true},
		{"/group/app/group-pub-info", `{"result":0,"message":"OK","data":` + group("{}", "null") + `}`, false},
	}
	doc := load(t)
	for _, tt := range answers {
		schema := doc.Paths.Value(tt.path).Post.Responses.Status(200).Value.Content.Get("application/json").Schema.Value
		if err := visit(t, doc, schema, tt.body); (err == nil) != tt.valid {
			t.Errorf("answer %s of %s: %v, want valid %t", tt.body, tt.path, err, tt.valid)
		}
	}
}

// What real clients send where the contract would have it otherwise.
func TestRequestsOfRealClientsAreAllowed(t *testing.T) {
	t.Parallel()
	requests := []struct {
		path, body string
		valid      bool
	}{
		{"/app/start-call", `{"invitees":["a"],"RTCType":1}`, true},
		{"/app/start-call", `{"groupId":0,"invitees":["a"],"RTCType":2}`, true},
		{"/app/start-call", `{"groupId":"12","invitees":["a"],"RTCType":3}`, false},
		{"/app/check-call", `{"traceIdStr":"12"}`, true},
		{"/app/check-call", `{"traceId":12}`, true},
		{"/app/check-call", `{}`, false},
		{"/app/user/login", `{}`, true},
		{"/app/record/sync-record", `{"count":1000}`, true},
		{"/app/record/sync-record", `{"count":1001}`, false},
		{"/group/app/create-group", `{"name":"n"}`, true},
		{"/group/app/group-info", `{"id":12}`, true},
		{"/group/app/group-info", `{"idStr":"12"}`, true},
		{"/group/app/join-group", `{"idStr":"12"}`, true},
		{"/group/app/name", `{"id":12,"name":""}`, true},
		{"/group/app/member/type", `{"id":12,"memberId":"a","memberType":2}`, false},
		{"/group/app/application-list", `{"id":12}`, true},
		{"/group/app/application-list", `{"idStr":"12","start":7,"count":1000}`, true},
		{"/group/app/application-list", `{"id":12,"count":0}`, false},
		{"/group/app/answer-application", `{"id":12,"applicationIdStr":"7","accept":false}`, true},
		{"/group/app/answer-application", `{"idStr":"12","applicationId":7,"accept":true}`, true},
		{"/group/app/answer-application", `{"id":12,"accept":true}`, false},
		{"/group/app/answer-application", `{"applicationId":7,"accept":true}`, false},
		{"/group/app/answer-application", `{"id":12,"applicationId":7}`, false},
		{"/oss/get-host", `{"appId":"dtalk","ossType":""}`, true},
		{"/oss/get-host", `{"appId":"dtalk","ossType":"local"}`, false},
		{"/oss/complete-multipart-upload", `{"appId":"dtalk","key":"k","uploadId":"u","parts":null}`, true},
		{"/oss/complete-multipart-upload", `{"appId":"dtalk","key":"k","uploadId":"u","parts":[{"etag":"e","partNumber":1}]}`, true},
	}
	doc := load(t)
	for _, tt := range requests {
		schema := doc.Paths.Value(tt.path).Post.RequestBody.Value.Content.Get("application/json").Schema.Value
		if err := visit(t, doc, schema, tt.body); (err == nil) != tt.valid {
			t.Errorf("request %s to %s: %v, want valid %t", tt.body, tt.path, err, tt.valid)
		}
	}
}

func TestFilesAreSentAsMultipart(t *testing.T) {
	t.Parallel()
	doc := load(t)
	for path, part := range map[string]string{
		"/record/push": "message", "/record/push2": "message", "/oss/upload": "file", "/oss/upload-part": "file",
	} {
		content := doc.Paths.Value(path).Post.RequestBody.Value.Content
		form := content.Get("multipart/form-data")
		if len(content) != 1 || form == nil || !slices.Contains(form.Schema.Value.Required, part) {
			t.Errorf("%s does not demand the part %s in a multipart form", path, part)
		}
	}
}

func TestTheTokenIsDemandedEverywhere(t *testing.T) {
	t.Parallel()
	doc := load(t)
	scheme := doc.Components.SecuritySchemes["token"].Value
	if scheme.In != "header" || scheme.Name != "FZM-SIGNATURE" {
		t.Errorf("the token is %s %s, want header FZM-SIGNATURE", scheme.In, scheme.Name)
	}
	if len(doc.Security) != 1 || doc.Security[0]["token"] == nil {
		t.Errorf("the document demands %v, want the token", doc.Security)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Security != nil {
				t.Errorf("%s %s demands something else than the token", method, path)
			}
		}
	}
}

const member = `{"memberId":"a","memberName":"","memberType":0,"memberMuteTime":0}`

func group(owner, person string) string {
	return `{"id":1,"idStr":"1","markId":"","name":"","publicName":"","avatar":"","introduce":"",
		"owner":` + owner + `,"person":` + person + `,"memberNum":1,"maximum":2000,"status":0,"createTime":1,
		"joinType":0,"muteType":0,"friendType":0,"muteNum":0,"adminNum":0,"key":"","groupType":0}`
}

func visit(t *testing.T, doc *openapi3.T, schema *openapi3.Schema, body string) error {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	return doc.ValidateSchemaJSON(schema, v)
}
