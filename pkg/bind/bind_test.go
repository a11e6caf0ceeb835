package bind_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"parley/pkg/bind"
	"parley/pkg/fault"
)

// post makes a request with a body of the given content type.
func post(contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

const (
	asJSON = "application/json; charset=utf-8"
	asForm = "application/x-www-form-urlencoded"
)

// wantInvalid demands that err is -1012 and that its detail begins with what
// was wrong.
func wantInvalid(t *testing.T, err error, detail string) {
	t.Helper()
	e := fault.Of(err)
	if e == nil || e.Code != fault.BadRequest || !strings.HasPrefix(e.Detail, detail) {
		t.Fatalf("error %+v, want -1012 about %q", e, detail)
	}
}

func TestRequestsAsClientsSendThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, contentType, body string
		want                    any
	}{
		{"an empty body without a content type where everything is optional", "", "",
			&GetGroupInfoReq{}},
		{"an empty body where there are no fields", asJSON, "", &GetGroupListReq{}},
		{"JSON without a content type", "", `{"id":5}`, &GetGroupInfoReq{Id: 5}},
		{"JSON with blanks around it", asJSON, " \n{ \"id\" : 5 , \"idStr\":\"7\" }\r\n", &GetGroupInfoReq{Id: 5, IdStr: "7"}},
		{"ids at the end of int64", asJSON, `{"id":9223372036854775807}`, &GetGroupInfoReq{Id: 9223372036854775807}},
		{"an id as text", asJSON, `{"id":"9007199254740993"}`, &GetGroupInfoReq{Id: 9007199254740993}},
		{"null for an optional field", asJSON, `{"id":null,"idStr":"7"}`, &GetGroupInfoReq{IdStr: "7"}},
		{"unknown fields of every form", asJSON, `{"x":[{"id":1},"]}"],"y":{"id":2},"z":-1.5e3,"id":3,"a":true,"b":null}`, &GetGroupInfoReq{Id: 3}},
		{"the last of a field that comes twice", asJSON, `{"id":1,"id":2}`, &GetGroupInfoReq{Id: 2}},
		{"escapes in names and values", asJSON, `{"\u0069d":1,"idStr":"a\"\\\u4f60\n"}`, &GetGroupInfoReq{Id: 1, IdStr: "a\"\\你\n"}},
		{"a field that is hidden from clients", asJSON, `{"FromId":"x","-":"y","targetId":"b","count":1,"logId":""}`,
			&PrivateRecordReq{TargetId: "b", RecordCount: 1}},
		{"a private call without a group", asJSON, `{"invitees":["bob"],"RTCType":1}`,
			&StartCallReq{GroupId: "0", Invitees: []string{"bob"}, RTCType: 1}},
		{"a private call with an empty group", asJSON, `{"groupId":"","invitees":["bob"],"RTCType":1}`,
			&StartCallReq{GroupId: "0", Invitees: []string{"bob"}, RTCType: 1}},
		{"a group call with a number", asJSON, `{"groupId":12,"invitees":["bob"],"RTCType":2}`,
			&StartCallReq{GroupId: "12", Invitees: []string{"bob"}, RTCType: 2}},
		{"a group call with a text", asJSON, `{"groupId":"12","invitees":[],"RTCType":2}`,
			&StartCallReq{GroupId: "12", Invitees: []string{}, RTCType: 2}},
		{"a call by traceIdStr alone", asJSON, `{"answer":true,"traceIdStr":"77"}`,
			&HandleCallReq{Answer: true, TraceIdStr: "77"}},
		{"a page of applications without a count", asJSON, `{"id":5}`, &GetApplicationListReq{Id: 5, Count: 100}},
		{"an application as text", asJSON, `{"id":5,"applicationId":"9007199254740993","accept":false}`,
			&AnswerApplicationReq{Id: 5, ApplicationId: 9007199254740993}},
		{"an application by applicationIdStr alone", asJSON, `{"id":5,"applicationId":"","applicationIdStr":"7","accept":true}`,
			&AnswerApplicationReq{Id: 5, ApplicationIdStr: "7", Accept: true}},
		{"login without connType", "", "", &LoginReq{}},
		{"a group with a name alone", asJSON, `{"name":"n"}`, &CreateGroupReq{Name: "n"}},
		{"a group from a form", asForm, "name=%E4%BD%A0&memberIds=a&memberIds=b&avatar=",
			&CreateGroupReq{Name: "你", MemberIds: []string{"a", "b"}}},
		{"a group from a form with a JSON list", asForm, `name=n&memberIds=["a","b"]`,
			&CreateGroupReq{Name: "n", MemberIds: []string{"a", "b"}}},
		{"a form for a route that has json tags alone", asForm, "id=5&idStr=", &GetGroupInfoReq{Id: 5}},
		{"an empty number in a form", asForm, "id=&idStr=8", &GetGroupInfoReq{IdStr: "8"}},
		{"joining by idStr alone", asJSON, `{"idStr":"5"}`, &JoinGroupReq{IdStr: "5"}},
		{"joining by id alone", asJSON, `{"id":5}`, &JoinGroupReq{Id: 5}},
		{"a new name without a public one", asJSON, `{"id":5,"name":""}`, &UpdateGroupNameReq{Id: 5}},
		{"an empty ossType", asJSON, `{"appId":"dtalk","ossType":"","key":"k"}`,
			&UploadReq{OssBase: OssBase{AppId: "dtalk"}, Key: "k"}},
		{"an empty ossType in a form", asForm, "appId=dtalk&ossType=&key=k",
			&UploadReq{OssBase: OssBase{AppId: "dtalk"}, Key: "k"}},
		{"a key with a control character, whose rule has its own code", asJSON, `{"appId":"dtalk","key":"a\u0000b"}`,
			&UploadReq{OssBase: OssBase{AppId: "dtalk"}, Key: "a\x00b"}},
		{"every spelling of ETag", asJSON,
			`{"appId":"a","key":"k","uploadId":"u","parts":[{"ETag":"1","partNumber":1},{"Etag":"2","partNumber":2},{"etag":"3","partNumber":3}]}`,
			&CompleteMultiUploadReq{OssBase: OssBase{AppId: "a"}, Key: "k", UploadId: "u",
				Parts: []Part{{"1", 1}, {"2", 2}, {"3", 3}}}},
		{"an upload without a list of parts", asJSON, `{"appId":"a","key":"k","uploadId":"u"}`,
			&CompleteMultiUploadReq{OssBase: OssBase{AppId: "a"}, Key: "k", UploadId: "u"}},
		{"an upload with null for its parts", asJSON, `{"appId":"a","key":"k","uploadId":"u","parts":null}`,
			&CompleteMultiUploadReq{OssBase: OssBase{AppId: "a"}, Key: "k", UploadId: "u"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := reflect.New(reflect.TypeOf(c.want).Elem()).Interface()
			if _, err := bind.Parse(post(c.contentType, c.body), got); err != nil {
				t.Fatalf("error %v", err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Fatalf("bound %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestMalformedBodies(t *testing.T) {
	t.Parallel()
	uids := func(n int) string { return `["` + strings.Repeat(`u","`, n-1) + `u"]` }
	for _, c := range []struct {
		name, contentType, body string
		into                    any
		detail                  string
	}{
		{"no body where a field is required", "", "", &SyncReq{}, "count is missing"},
		{"null for a required field", asJSON, `{"count":null}`, &SyncReq{}, "count is missing"},
		{"no JSON", asJSON, `count=1`, &SyncReq{}, "body is not JSON"},
		{"cut off JSON", asJSON, `{"count":1`, &SyncReq{}, "body is not JSON"},
		{"two JSON values", asJSON, `{"count":1}{}`, &SyncReq{}, "body is not JSON"},
		{"a list", asJSON, `[1]`, &SyncReq{}, "body must be a JSON object"},
		{"null", asJSON, `null`, &GetGroupListReq{}, "body must be a JSON object"},
		{"JSON in a form", asForm, `{"count":1}`, &SyncReq{}, "count is missing"},
		{"a broken form", asForm, `count=%zz`, &SyncReq{}, "body is not a form"},
		{"a text for a number", asJSON, `{"count":"1"}`, &SyncReq{}, "count must be a number"},
		{"a fraction for a whole number", asJSON, `{"count":1.0}`, &SyncReq{}, "count must be a whole number"},
		{"a list for a number", asJSON, `{"count":[]}`, &SyncReq{}, "count must be a whole number"},
		{"a number over 64 bits", asJSON, `{"count":1,"start":9223372036854775808}`, &SyncReq{}, "start must be a whole number"},
		{"a number without end", asJSON, `{"count":1` + strings.Repeat("0", 1<<16) + `}`, &SyncReq{}, "count must be a whole number"},
		{"a huge exponent", asJSON, `{"count":1e999999999}`, &SyncReq{}, "count must be a whole number"},
		{"a number below its range", asJSON, `{"count":0}`, &SyncReq{}, "count must be in the range [1:1000]"},
		{"a number above its range", asJSON, `{"count":1001}`, &SyncReq{}, "count must be in the range"},
		{"none of the options", asJSON, `{"logId":1,"type":2}`, &RevokeReq{}, "type must be one of 0, 1"},
		{"no option among texts", asForm, `appId=a&key=k&ossType=s3`, &UploadReq{}, "ossType must be one of"},
		{"a number for a text", asJSON, `{"name":1}`, &CreateGroupReq{}, "name must be a text"},
		{"a group that is a fraction", asJSON, `{"groupId":1.5,"invitees":[],"RTCType":1}`, &StartCallReq{}, "groupId must be a text or a whole number"},
		{"a group that is a truth value", asJSON, `{"groupId":true,"invitees":[],"RTCType":1}`, &StartCallReq{}, "groupId must be a text or a whole number"},
		{"an id that is no number", asJSON, `{"id":"x"}`, &GetGroupInfoReq{}, "id must be a whole number"},
		{"a text for a truth value", asJSON, `{"answer":"true","traceId":1}`, &HandleCallReq{}, "answer must be true or false"},
		{"a text for a list", asJSON, `{"name":"n","memberIds":"a"}`, &CreateGroupReq{}, "memberIds must be a list"},
		{"a number in a list of texts", asJSON, `{"name":"n","memberIds":["a",1]}`, &CreateGroupReq{}, "memberIds[1] must be a text"},
		{"null in a list of texts", asJSON, `{"name":"n","memberIds":[null]}`, &CreateGroupReq{}, "memberIds[0] must be a text"},
		{"a list that is too long", asJSON, `{"name":"n","memberIds":` + uids(5001) + `}`, &CreateGroupReq{}, "memberIds has more than 5000 entries"},
		{"a form with a list that is too long", asForm, `name=n` + strings.Repeat("&memberIds=u", 5001), &CreateGroupReq{}, "memberIds has more than 5000 entries"},
		{"a part without its ETag", asJSON, `{"appId":"a","key":"k","uploadId":"u","parts":[{"partNumber":1}]}`, &CompleteMultiUploadReq{}, "parts[0].ETag is missing"},
		{"a part that is no object", asJSON, `{"appId":"a","key":"k","uploadId":"u","parts":[7]}`, &CompleteMultiUploadReq{}, "parts[0] must be an object"},
		{"a part out of range", asJSON, `{"appId":"a","key":"k","uploadId":"u","parts":[{"ETag":"x","partNumber":10001}]}`, &CompleteMultiUploadReq{}, "parts[0].partNumber must be in the range"},
		{"a NUL byte in the JSON", asJSON, "{\"name\":\"a\x00\"}", &CreateGroupReq{}, "body is not JSON"},
		{"an escaped NUL", asJSON, `{"name":"a\u0000"}`, &CreateGroupReq{}, "name must not hold a NUL"},
		{"a NUL in a form", asForm, `name=a%00`, &CreateGroupReq{}, "name must not hold a NUL"},
		{"JSON that is not UTF-8", asJSON, "{\"name\":\"\xff\"}", &CreateGroupReq{}, "body is not UTF-8"},
		{"a form that is not UTF-8", asForm, "name=%ff", &CreateGroupReq{}, "name is not UTF-8"},
		{"deep nesting", asJSON, strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000), &GetGroupListReq{}, "body is not JSON"},
		{"multipart without a boundary", "multipart/form-data", "x", &CreateGroupReq{}, "Content-Type has no"},
		{"a message that is JSON", asJSON, `{"file":"x"}`, &PushReq{}, "file must come as multipart"},
		{"a message that is a form", asForm, `file=x`, &PushReq{}, "file must come as multipart"},
		{"a message that is nothing", "", ``, &PushReq{}, "file must come as multipart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := bind.Parse(post(c.contentType, c.body), c.into)
			wantInvalid(t, err, c.detail)
		})
	}
}

func TestChunkedJSONBinds(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/", iotest.OneByteReader(strings.NewReader(`{"count":10,"start":3}`)))
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/json")
	var got SyncReq
	if _, err := bind.Parse(r, &got); err != nil || got != (SyncReq{MaxCount: 10, StartMid: 3}) {
		t.Fatalf("bound %+v, error %v", got, err)
	}
}

func TestACompressedBodyIsRefusedUnread(t *testing.T) {
	t.Parallel()
	r := post(asJSON, "\x1f\x8b a bomb")
	r.Header.Set("Content-Encoding", "gzip")
	_, err := bind.Parse(r, &GetGroupListReq{})
	wantInvalid(t, err, "Content-Encoding is not supported")
}

func TestABodyThatBreaksOffIsInvalid(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/", iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(`{"count":10}`))))
	_, err := bind.Parse(r, &SyncReq{})
	wantInvalid(t, err, "body broke off")
}

func TestABodyOverTheLimitKeepsItsCause(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{asJSON, asForm, "multipart/form-data; boundary=b"} {
		r := post(contentType, "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n"+strings.Repeat("x", 1000)+"\r\n--b--\r\n")
		r.Body = http.MaxBytesReader(httptest.NewRecorder(), r.Body, 500)
		_, err := bind.Parse(r, &CreateGroupReq{})
		var tooLarge *http.MaxBytesError
		if !errors.As(err, &tooLarge) || !errors.Is(err, fault.BadRequest) {
			t.Errorf("%s: error %v, want -1012 with the limit as its cause", contentType, err)
		}
	}
}

func TestGetBindsTheQuery(t *testing.T) {
	t.Parallel()
	var got GetGroupInfoReq
	if _, err := bind.Parse(httptest.NewRequest(http.MethodGet, "/?id=5", nil), &got); err != nil || got.Id != 5 {
		t.Fatalf("bound %+v, error %v", got, err)
	}
}

func TestWhatCannotBeBoundIsAFailureOfOurs(t *testing.T) {
	t.Parallel()
	for name, dst := range map[string]any{
		"no pointer": GetGroupListReq{},
		"nil":        (*GetGroupListReq)(nil),
		"an unknown option": &struct {
			A string `json:"a,sometimes"`
		}{},
		"an unsupported type": &struct {
			A map[string]int `json:"a"`
		}{},
		"a broken range": &struct {
			A int `json:"a,range=[5:1]"`
		}{},
		"a name twice": &struct {
			A int `json:"a"`
			B int `form:"a"`
		}{},
	} {
		_, err := bind.Parse(post("", ""), dst)
		if err == nil || fault.Expected(err) {
			t.Errorf("%s: error %v, want an unexpected one", name, err)
		}
	}
}

func TestTheTextOfAnIDWins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number  int64
		text    string
		want    int64
		refused string // the field at fault, for a group
	}{
		{5, "", 5, ""},
		{5, "7", 7, ""},
		{0, "7", 7, ""},
		{-5, "7", 7, ""},
		{0, "9223372036854775807", 9223372036854775807, ""},
		{0, "", 0, "id"},
		{-5, "", 0, "id"},
		{5, "0", 0, "idStr"},
		{5, "-7", 0, "idStr"},
		{5, "x", 0, "idStr"},
		{5, " 7", 0, "idStr"},
		{5, "9223372036854775808", 0, "idStr"},
	} {
		t.Run(strconv.FormatInt(c.number, 10)+" "+c.text, func(t *testing.T) {
			t.Parallel()
			gid, err := bind.Group(c.number, c.text)
			trace, traceErr := bind.Trace(c.number, c.text)
			application, applicationErr := bind.Application(c.number, c.text)
			if int64(gid) != c.want || trace != c.want || application != c.want {
				t.Fatalf("group %d, trace %d, application %d, want %d", gid, trace, application, c.want)
			}
			if c.refused != "" {
				wantInvalid(t, err, c.refused+" must")
				wantInvalid(t, traceErr, strings.Replace(c.refused, "id", "traceId", 1)+" must")
				wantInvalid(t, applicationErr, strings.Replace(c.refused, "id", "applicationId", 1)+" must")
			}
		})
	}
}
