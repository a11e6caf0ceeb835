package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/auth"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// client is a user's app. Its methods fail the test only when the server
// breaks the form of its answers; what the answers say is for the test.
type client struct {
	t    testing.TB
	site site
	key  auth.Key
	// headers are sent beside the token.
	headers http.Header

	signing  sync.Mutex
	signed   string
	signedAt time.Time
}

func newUser(t testing.TB, s site) *client {
	t.Helper()
	key, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, site: s, key: key, headers: make(http.Header)}
}

// atAnyOf returns the app of the same user at any of some sites.
func (c *client) atAnyOf(sites []site) *client {
	return &client{t: c.t, site: sites[rand.IntN(len(sites))], key: c.key, headers: c.headers}
}

func (c *client) uid() id.UID { return c.key.UID() }

// token returns a good token, for ten seconds the same one, as an app does.
func (c *client) token() string {
	c.signing.Lock()
	defer c.signing.Unlock()
	if now := time.Now(); now.Sub(c.signedAt) > 10*time.Second {
		c.signed, c.signedAt = c.key.Token(now, "parley-e2e"), now
	}
	return c.signed
}

// answer is what came back for a request.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	Result  fault.Code      `json:"result"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// into decodes the data of an answer.
func (a *answer) into(t testing.TB, dst any) {
	t.Helper()
	if err := json.Unmarshal(a.Data, dst); err != nil {
		t.Fatalf("the data of the answer is not as documented: %v\n%s", err, a.body)
	}
}

// want fails the test unless the answer has that result.
func (a *answer) want(t testing.TB, code fault.Code) *answer {
	t.Helper()
	if a == nil { // who sent it has said why
		t.FailNow()
	}
	if a.Result != code {
		t.Fatalf("the answer is %d %q, want %d %q", a.Result, a.Message, code, code.Error())
	}
	return a
}

// request sends one request with a fresh token and reads the envelope.
func (c *client) request(method, path, contentType string, body io.Reader) *answer {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.site.url(path), body)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, values := range c.headers {
		req.Header[name] = values
	}
	if req.Header.Get("FZM-SIGNATURE") == "" {
		req.Header.Set("FZM-SIGNATURE", c.token())
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	a, err := do(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// do sends a request and reads the envelope.
func do(req *http.Request) (*answer, error) { return doBy(httpClient, req) }

// doBy is do by another client.
func doBy(client *http.Client, req *http.Request) (*answer, error) {
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	a := &answer{status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(a.body, a); err != nil {
		return nil, fmt.Errorf("status %d without the envelope: %w: %q", a.status, err, a.body)
	}
	return a, nil
}

// post sends a JSON body.
func (c *client) post(path string, body any) *answer {
	c.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.request(http.MethodPost, path, "application/json", bytes.NewReader(encoded))
}

// upload sends a multipart body with one file part.
func (c *client) upload(path, field string, content []byte) *answer {
	c.t.Helper()
	body, contentType := filePart(c.t, field, content)
	return c.request(http.MethodPost, path, contentType, body)
}

func filePart(t testing.TB, field string, content []byte) (io.Reader, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="blob"`, field)},
		"Content-Type":        {"application/octet-stream"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &body, w.FormDataContentType()
}

// text returns a message with a text.
func text(target, content string) *wirev1.Common {
	m := &wirev1.Common{
		MsgId:   uuid.NewString(),
		Target:  target,
		MsgType: wirev1.MsgType_MSG_TYPE_TEXT,
		Msg:     encode(&wirev1.Text{Content: content}),
	}
	return m
}

// groupText returns a message to a group with a text.
func groupText(g id.GID, content string) *wirev1.Common {
	m := text(g.String(), content)
	m.ChannelType = wirev1.ChannelType_CHANNEL_TYPE_GROUP
	return m
}

func encode(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err) // messages of tests always encode
	}
	return b
}

// sent is the answer to a message.
type sent struct {
	LogID    int64 `json:"logId"`
	Datetime int64 `json:"datetime"`
}

// push sends a message through /record/push.
func (c *client) push(m *wirev1.Common) *answer {
	c.t.Helper()
	return c.upload("/record/push", "message", encode(&wirev1.Proto{Body: encode(m)}))
}

// push2 sends a message through /record/push2.
func (c *client) push2(m *wirev1.Common) *answer {
	c.t.Helper()
	return c.upload("/record/push2", "message", encode(&wirev1.Frame{Ver: 1, Op: 7, Body: encode(&wirev1.Proto{Body: encode(m)})}))
}

// send pushes a message that must be accepted.
func (c *client) send(m *wirev1.Common) sent {
	c.t.Helper()
	var s sent
	c.push2(m).want(c.t, fault.OK).into(c.t, &s)
	return s
}

// event is what a client makes of a record of sync-record.
type event struct {
	logID   int64
	message *wirev1.Common // of a message or a notice
	signal  *wirev1.Signal // of a signal
}

// sync reads one page.
func (c *client) sync(after int64, count int) []event {
	c.t.Helper()
	var page struct {
		RecordCount int      `json:"record_count"`
		Records     []string `json:"records"`
	}
	c.post("/app/record/sync-record", map[string]any{"count": count, "start": after}).want(c.t, fault.OK).into(c.t, &page)
	if page.RecordCount != len(page.Records) {
		c.t.Fatalf("record_count is %d for %d records", page.RecordCount, len(page.Records))
	}
	events := make([]event, len(page.Records))
	for i, r := range page.Records {
		events[i] = decode(c.t, r)
	}
	return events
}

// syncAll reads pages until there are no more.
func (c *client) syncAll(after int64, count int) []event {
	c.t.Helper()
	var all []event
	for {
		page := c.sync(after, count)
		all = append(all, page...)
		if len(page) < count {
			return all
		}
		after = page[len(page)-1].logID
	}
}

func decode(t testing.TB, record string) event {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(record)
	if err != nil {
		t.Fatalf("a record is not base64: %v", err)
	}
	return decodeEvent(t, raw)
}

// decodeEvent is what a client makes of a Proto.
func decodeEvent(t testing.TB, raw []byte) event {
	t.Helper()
	var p wirev1.Proto
	mustDecode(t, raw, &p)
	if p.EventType == wirev1.EventType_EVENT_TYPE_SIGNAL {
		s := new(wirev1.Signal)
		mustDecode(t, p.Body, s)
		return event{logID: s.Sid, signal: s}
	}
	m := new(wirev1.Common)
	mustDecode(t, p.Body, m)
	return event{logID: m.LogId, message: m}
}

func mustDecode(t testing.TB, raw []byte, m proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(raw, m); err != nil {
		t.Fatalf("the server sent what does not parse as %s: %v", m.ProtoReflect().Descriptor().Name(), err)
	}
}

// historyRecord is a message of the private history.
type historyRecord struct {
	LogID      string          `json:"logId"`
	MsgID      string          `json:"msgId"`
	FromID     string          `json:"fromId"`
	TargetID   string          `json:"targetId"`
	MsgType    int             `json:"msgType"`
	Content    json.RawMessage `json:"content"`
	CreateTime int64           `json:"createTime"`
}

// history reads one page of the private history; before 0 is the newest.
func (c *client) history(target id.UID, before int64, count int) []historyRecord {
	c.t.Helper()
	var page struct {
		RecordCount int             `json:"record_count"`
		Records     []historyRecord `json:"records"`
	}
	logID := ""
	if before > 0 {
		logID = strconv.FormatInt(before, 10)
	}
	c.post("/app/record/pri-chat-record", map[string]any{"targetId": target, "count": count, "logId": logID}).want(c.t, fault.OK).into(c.t, &page)
	if page.RecordCount != len(page.Records) {
		c.t.Fatalf("record_count is %d for %d records", page.RecordCount, len(page.Records))
	}
	return page.Records
}

func (c *client) revoke(logID int64) *answer {
	c.t.Helper()
	return c.post("/app/record/revoke", map[string]any{"logId": logID})
}

func (c *client) focus(logID int64) *answer {
	c.t.Helper()
	return c.post("/app/record/focus", map[string]any{"logId": logID})
}
