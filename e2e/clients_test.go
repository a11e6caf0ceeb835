package e2e

import (
	"fmt"
	"strings"
	"testing"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
)

// The tests of this file send what the apps in people's hands send, byte for
// byte but for ids and tokens.

// mobile is a request of the phone app, which is written with OkHttp.
func mobile(c *client, path string, lines []string, body string) string {
	return head(append([]string{
		"POST " + path + " HTTP/1.1",
		"FZM-SIGNATURE: " + c.token(),
		"FZM-UUID: 3f0d5a0e-6f7c-4b52-9b1e-2b1f8d1c7a55",
		"FZM-DEVICE: Android",
		"FZM-DEVICE-NAME: Xiaomi \xe5\xb0\x8f\xe7\xb1\xb3 11",
		"FZM-VERSION: 3.2.0",
	}, append(lines,
		fmt.Sprintf("Content-Length: %d", len(body)),
		"Host: parley.example",
		"Connection: Keep-Alive",
		"Accept-Encoding: gzip",
		"User-Agent: okhttp/4.9.1",
	)...)...) + body
}

// desktop is a request of the desktop app, which runs in a browser engine.
func desktop(c *client, path string, lines []string, body string) string {
	return head(append([]string{
		"POST " + path + " HTTP/1.1",
		"Host: parley.example",
		"Connection: keep-alive",
		"accept: application/json, text/plain, */*",
		"fzm-signature: " + c.token(),
		"user-agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Electron/13.6.9 Safari/537.36",
		"origin: http://localhost:8080",
		"sec-fetch-mode: cors",
		"accept-encoding: gzip, deflate, br",
		"accept-language: zh-CN",
	}, lines...)...) + body
}

func TestAPhoneTalks(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		// One connection for all of it, as OkHttp keeps it.
		app := dial(t, w.site.app)

		jsonType := []string{"Content-Type: application/json; charset=UTF-8"}
		login := app.write(mobile(alice, "/app/user/login", jsonType, `{"connType":1}`)).answer()
		if want := fmt.Sprintf(`{"result":0,"message":"OK","data":{"address":"%s"}}`, alice.uid()); string(login.body) != want {
			t.Fatalf("login answers %s, want %s", login.body, want)
		}

		message := text(string(bob.uid()), "hello")
		frame := encode(&wirev1.Frame{Ver: 1, Op: 7, Seq: 3, Body: encode(&wirev1.Proto{Body: encode(message)})})
		body := fmt.Sprintf("--7e0aa9a5-45dd-4c5a-a1d0-0b5d3a1c9f11\r\n"+
			"Content-Disposition: form-data; name=\"message\"; filename=\"message\"\r\n"+
			"Content-Type: application/octet-stream\r\n"+
			"Content-Length: %d\r\n\r\n%s\r\n--7e0aa9a5-45dd-4c5a-a1d0-0b5d3a1c9f11--\r\n", len(frame), frame)
		var s sent
		app.write(mobile(alice, "/record/push2", []string{"Content-Type: multipart/form-data; boundary=7e0aa9a5-45dd-4c5a-a1d0-0b5d3a1c9f11"}, body)).
			answer().want(t, fault.OK).into(t, &s)
		if got := bob.sync(0, 10); len(got) != 1 || got[0].logID != s.LogID || got[0].message.MsgId != message.MsgId {
			t.Fatalf("bob syncs %v", got)
		}

		// The phone sends numbers; this one fits no double.
		history := app.write(mobile(alice, "/app/record/pri-chat-record", jsonType, fmt.Sprintf(`{"count":20,"logId":"","targetId":"%s"}`, bob.uid()))).answer().want(t, fault.OK)
		if !strings.Contains(string(history.body), `"msgId":"`+message.MsgId+`"`) {
			t.Fatalf("the history is %s", history.body)
		}
		app.write(mobile(bob, "/app/record/focus", jsonType, fmt.Sprintf(`{"logId":%d,"type":0}`, s.LogID))).answer().want(t, fault.OK)
		app.write(mobile(alice, "/app/record/revoke", jsonType, `{"logId":9007199254740993,"type":0}`)).answer().want(t, fault.NotFound)
		app.write(mobile(alice, "/app/record/revoke", jsonType, fmt.Sprintf(`{"logId":%d,"type":0}`, s.LogID))).answer().want(t, fault.OK)

		// Calls go under the prefix; the list of groups is asked for without a body.
		app.write(mobile(alice, "/call/app/start-call", jsonType, fmt.Sprintf(`{"RTCType":1,"groupId":"","invitees":["%s"]}`, bob.uid()))).answer().want(t, fault.OK)
		groups := dial(t, w.site.group)
		var made circle
		groups.write(mobile(alice, "/group/app/create-group", jsonType, fmt.Sprintf(`{"avatar":"","introduce":"","memberIds":["%s"],"name":"friends"}`, bob.uid()))).
			answer().want(t, fault.OK).into(t, &made)
		var list struct{ Groups []circle }
		groups.write(mobile(alice, "/group/app/group-list", nil, "")).answer().want(t, fault.OK).into(t, &list)
		if len(list.Groups) != 1 || list.Groups[0].ID != made.ID || list.Groups[0].Key != made.Key {
			t.Fatalf("alice is in the groups %+v, want the one that she made: %+v", list.Groups, made)
		}
		groups.write(mobile(bob, "/group/app/group-info", jsonType, fmt.Sprintf(`{"id":%d}`, made.ID))).answer().want(t, fault.OK)
		groups.write(mobile(alice, "/group/app/group-info", jsonType, `{"id":123821199217135616}`)).answer().want(t, fault.NoSuchGroup)
		groups.write(mobile(alice, "/group/app/member/muteTime", jsonType, fmt.Sprintf(`{"id":%d,"memberIds":["%s"],"muteTime":600000}`, made.ID, bob.uid()))).
			answer().want(t, fault.OK)
		bob.push(groupText(made.ID, "may I?")).want(t, fault.Muted)
	})
}

func TestADesktopCatchesUpBeforeItsSocketOpens(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		known := bob.send(text(string(alice.uid()), "known"))
		slip := bob.send(text(string(alice.uid()), "a slip"))
		news := bob.send(text(string(alice.uid()), "news"))
		bob.revoke(slip.LogID).want(t, fault.OK)
		app := dial(t, w.site.app)

		jsonType := "content-type: application/json;charset=UTF-8"
		body := fmt.Sprintf(`{"count":1000,"start":%d}`, known.LogID)
		var page struct {
			RecordCount int      `json:"record_count"`
			Records     []string `json:"records"`
		}
		app.write(desktop(alice, "/app/record/sync-record", []string{jsonType, fmt.Sprintf("content-length: %d", len(body))}, body)).
			answer().want(t, fault.OK).into(t, &page)
		if page.RecordCount != 2 || len(page.Records) != 2 {
			t.Fatalf("the page has %d records, says %d, want the news and the signal", len(page.Records), page.RecordCount)
		}
		first, second := decode(t, page.Records[0]), decode(t, page.Records[1])
		if first.logID != news.LogID || second.signal == nil || second.logID <= first.logID {
			t.Fatalf("the page is %v, %v, want the news and then the signal", first, second)
		}

		// The same in chunks: its newer versions stream.
		chunked := fmt.Sprintf("5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", body[:5], len(body)-5, body[5:])
		app.write(desktop(alice, "/app/record/sync-record", []string{jsonType, "transfer-encoding: chunked"}, chunked)).answer().want(t, fault.OK).into(t, &page)
		if page.RecordCount != 2 {
			t.Fatalf("the same request in chunks gives %d records", page.RecordCount)
		}

		// A start that it has from nowhere: int64 beyond 2^53 is no error.
		far := `{"count":100,"start":9007199254740993}`
		if a := app.write(desktop(alice, "/app/record/sync-record", []string{jsonType, fmt.Sprintf("content-length: %d", len(far))}, far)).answer(); string(a.body) != `{"result":0,"message":"OK","data":{"record_count":0,"records":[]}}` {
			t.Fatalf("a start beyond the end answers %s", a.body)
		}

		reply := text(string(bob.uid()), "an answer")
		form := fmt.Sprintf("------WebKitFormBoundaryoUQ0tAaAq7ZPqBRj\r\n"+
			"Content-Disposition: form-data; name=\"file\"; filename=\"blob\"\r\n"+
			"Content-Type: application/octet-stream\r\n\r\n%s\r\n------WebKitFormBoundaryoUQ0tAaAq7ZPqBRj--\r\n", encode(&wirev1.Proto{Body: encode(reply)}))
		app.write(desktop(alice, "/record/push", []string{
			"content-type: multipart/form-data; boundary=----WebKitFormBoundaryoUQ0tAaAq7ZPqBRj",
			fmt.Sprintf("content-length: %d", len(form)),
		}, form)).answer().want(t, fault.OK)
		if got := bob.history(alice.uid(), 0, 1); len(got) != 1 || got[0].MsgID != reply.MsgId {
			t.Fatalf("bob's newest is %v", got)
		}

		// It names groups and calls by text alone.
		groups, g := dial(t, w.site.group), w.group(bob, alice)
		invite := fmt.Sprintf(`{"idStr":"%d","newMemberIds":["someone"]}`, g)
		a := groups.write(desktop(alice, "/group/app/invite-group-members", []string{jsonType, fmt.Sprintf("content-length: %d", len(invite))}, invite)).answer()
		if want := fmt.Sprintf(`{"result":0,"message":"OK","data":{"id":%d,"idStr":"%d","memberNum":3}}`, g, g); string(a.body) != want {
			t.Fatalf("an invitation is answered with %s, want %s", a.body, want)
		}
		unknown := `{"idStr":"123821199217135616","newMemberIds":["someone"]}`
		groups.write(desktop(alice, "/group/app/invite-group-members", []string{jsonType, fmt.Sprintf("content-length: %d", len(unknown))}, unknown)).
			answer().want(t, fault.NoSuchGroup)
		call := `{"traceIdStr":"123821199217135616"}`
		app.write(desktop(alice, "/app/check-call", []string{jsonType, fmt.Sprintf("content-length: %d", len(call))}, call)).answer().want(t, fault.NotFound)
		app.write(desktop(alice, "/app/user/login", []string{"content-length: 0"}, "")).answer().want(t, fault.OK)
	})
}

// The file part of a message comes in many forms; the content alone counts.
func TestTheFilePartOfAMessageIsTakenInEveryForm(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		for name, header := range map[string]string{
			"no file name":              `Content-Disposition: form-data; name="message"`,
			"no quotes":                 `Content-Disposition: form-data; name=message; filename=message`,
			"an empty file name":        `Content-Disposition: form-data; name="message"; filename=""`,
			"a file name in Chinese":    `Content-Disposition: form-data; name="message"; filename="消息.bin"`,
			"a file name of RFC 5987":   `Content-Disposition: form-data; name="message"; filename*=UTF-8''%E6%B6%88`,
			"a file name with a path":   `Content-Disposition: form-data; name="message"; filename="../../etc/passwd"`,
			"a text as content type":    "Content-Disposition: form-data; name=\"message\"; filename=\"m\"\r\nContent-Type: text/plain; charset=utf-8",
			"a picture as content type": "Content-Disposition: form-data; name=\"message\"\r\nContent-Type: image/png",
			"lower case":                "content-disposition: form-data; name=\"message\"; filename=\"m\"\r\ncontent-type: application/octet-stream",
			"a transfer encoding":       "Content-Disposition: form-data; name=\"message\"; filename=\"m\"\r\nContent-Transfer-Encoding: binary",
			"the alias":                 `Content-Disposition: form-data; name="file"; filename="blob"`,
		} {
			for path, content := range map[string][]byte{
				"/record/push":  encode(&wirev1.Proto{Body: encode(text("bob", name))}),
				"/record/push2": encode(&wirev1.Frame{Op: 7, Body: encode(&wirev1.Proto{Body: encode(text("bob", name))})}),
			} {
				body := fmt.Sprintf("--b\r\n%s\r\n\r\n%s\r\n--b--\r\n", header, content)
				a := alice.request("POST", path, `multipart/form-data; boundary="b"`, strings.NewReader(body))
				if a.Result != fault.OK {
					t.Errorf("%s with %s is answered with %s", path, name, a.body)
				}
			}
		}
		preamble := fmt.Sprintf("This is a message.\r\n--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n%s\r\n--b--\r\nThe end.", encode(&wirev1.Proto{Body: encode(text("bob", "x"))}))
		alice.request("POST", "/record/push", "multipart/form-data; boundary=b", strings.NewReader(preamble)).want(t, fault.OK)
	})
}
