package bind_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"parley/pkg/bind"
	"parley/pkg/fault"
)

// FuzzJSON holds what was bound against encoding/json: what bind accepts is
// JSON, and where the names are spelled exactly, both read the same from it.
func FuzzJSON(f *testing.F) {
	f.Add(`{"appId":"a","key":"k","uploadId":"u","parts":[{"ETag":"1","partNumber":1}]}`)
	f.Add(`{"name":"n\u00e9","memberIds":["a","\ud83d\ude00"]}`)
	f.Add(`{"count":10,"start":9223372036854775807,"x":{"y":["]}",{}]}}`)
	f.Add(`{"groupId":0,"invitees":[],"RTCType":1}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, into := range []any{&SyncReq{}, &StartCallReq{}, &CreateGroupReq{}, &CompleteMultiUploadReq{}, &HandleCallReq{}, &GetGroupInfoReq{}} {
			_, err := bind.Parse(post(asJSON, body), into)
			if err != nil {
				if !fault.Expected(err) {
					t.Fatalf("%T: unexpected error %v", into, err)
				}
				continue
			}
			var members map[string]json.RawMessage
			if strings.TrimSpace(body) != "" && json.Unmarshal([]byte(body), &members) != nil {
				t.Fatalf("%T: bound %q, which is no object", into, body)
			}
			checkTexts(t, reflect.ValueOf(into).Elem(), members)
		}
	})
}

// checkTexts compares the fields that are plain texts.
func checkTexts(t *testing.T, bound reflect.Value, members map[string]json.RawMessage) {
	t.Helper()
	for i := range bound.NumField() {
		name := bound.Type().Field(i).Tag.Get("json")
		var want string
		if bound.Field(i).Kind() != reflect.String || name == "groupId" || json.Unmarshal(members[name], &want) != nil {
			continue
		}
		if got := bound.Field(i).String(); got != want {
			t.Fatalf("%s is %q, want %q", name, got, want)
		}
	}
}

func BenchmarkParseJSON(b *testing.B) {
	r := post(asJSON, "")
	body := &rewinder{data: []byte(`{"count":100,"start":123456789}`)}
	r.Body = body
	b.ReportAllocs()
	for b.Loop() {
		body.at = 0
		var req SyncReq
		if _, err := bind.Parse(r, &req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseMessage(b *testing.B) {
	r := post(asMultipart, "")
	message := make([]byte, 200)
	body := &rewinder{data: []byte(part(`name="message"; filename="message"`, "Content-Type: application/octet-stream\r\n", string(message)) + closing)}
	b.ReportAllocs()
	for b.Loop() {
		body.at = 0
		r.Body, r.MultipartForm = body, nil
		if _, err := bind.Parse(r, &PushReq{}); err != nil {
			b.Fatal(err)
		}
	}
}
