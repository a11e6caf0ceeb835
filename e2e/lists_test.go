package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"parley/api"
	"parley/pkg/fault"
)

// Every list that a route takes has a bound, and the answer names the field.
func TestNoListIsTooLongForThoseWhoWorkOnIt(t *testing.T) {
	rows := []struct {
		path, field string
		most        int
		body        string // with a %s for the list
		entry       string // with a %d for its number
	}{
		{"/app/start-call", "invitees", 5000, `{"RTCType":1,"invitees":%s}`, `"user-%d"`},
		{"/call/app/start-call", "invitees", 5000, `{"RTCType":1,"invitees":%s}`, `"user-%d"`},
		{"/group/app/create-group", "memberIds", 5000, `{"name":"n","memberIds":%s}`, `"user-%d"`},
		{"/group/app/invite-group-members", "newMemberIds", 5000, `{"id":1,"newMemberIds":%s}`, `"user-%d"`},
		{"/group/app/group-remove", "memberIds", 5000, `{"id":1,"memberIds":%s}`, `"user-%d"`},
		{"/group/app/member/muteTime", "memberIds", 5000, `{"id":1,"muteTime":0,"memberIds":%s}`, `"user-%d"`},
		{"/oss/complete-multipart-upload", "parts", 10_000, `{"appId":"dtalk","key":"k","uploadId":"u","parts":%s}`, `{"ETag":"e","partNumber":%d}`},
	}
	known := make(map[string]bool)
	for _, row := range rows {
		known[row.path+" "+row.field] = true
	}
	if documented := documentedLists(t); !maps.Equal(known, documented) {
		t.Fatalf("the lists of the table are %v, those of the document %v", known, documented)
	}
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		for _, row := range rows {
			list := make([]string, row.most+1)
			for i := range list {
				list[i] = fmt.Sprintf(row.entry, 1+i%row.most)
			}
			body := fmt.Sprintf(row.body, "["+strings.Join(list, ",")+"]")
			a := alice.request(http.MethodPost, row.path, "application/json", strings.NewReader(body))
			if want := fmt.Sprintf("%s has more than %d entries", row.field, row.most); a.Result != fault.BadRequest || !strings.Contains(a.Message, want) {
				t.Errorf("%s answers %d %q to a list of %d entries, want %q", row.path, a.Result, a.Message, len(list), want)
			}
		}
	})
}

// documentedLists are the lists in requests, as "path field".
func documentedLists(t *testing.T) map[string]bool {
	t.Helper()
	type schema struct {
		Ref        string             `json:"$ref"`
		Type       any                `json:"type"`
		Properties map[string]*schema `json:"properties"`
	}
	var document struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(api.OpenAPI, &document); err != nil {
		t.Fatal(err)
	}
	lists := make(map[string]bool)
	for path, methods := range document.Paths {
		for _, operation := range methods {
			for _, content := range operation.RequestBody.Content {
				s := content.Schema
				if s.Ref != "" {
					s = document.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
				}
				for name, property := range s.Properties {
					if strings.Contains(fmt.Sprint(property.Type), "array") { // or null
						lists[path+" "+name] = true
					}
				}
			}
		}
	}
	return lists
}
