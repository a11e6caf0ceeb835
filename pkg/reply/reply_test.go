package reply_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/zeromicro/go-zero/core/logx"

	"parley/pkg/fault"
	"parley/pkg/reply"
)

type member struct {
	MemberId string `json:"memberId"`
}

type group struct {
	Id      int64     `json:"id"`
	Owner   *member   `json:"owner"`
	Members []*member `json:"members"`
}

type groupList struct {
	Groups []*group `json:"groups"`
}

type created struct {
	group
	Key string `json:"key"`
}

type record struct {
	Content any             `json:"content"`
	Raw     json.RawMessage `json:"raw"`
	Bytes   []byte          `json:"bytes"`
}

type empty struct{}

// answer writes data or err and returns what the client got.
func answer(t *testing.T, language string, data any, err error) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/app/record/push", nil)
	r.Header.Set("Accept-Language", language)
	w := httptest.NewRecorder()
	reply.Write(w, r, data, err)
	if got := w.Header().Get("Content-Length"); got != fmt.Sprint(w.Body.Len()) {
		t.Errorf("Content-Length %q for a body of %d bytes", got, w.Body.Len())
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	return w
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		data any
		want string
	}{
		{"without data", nil, `{}`},
		{"with a nil response", (*group)(nil), `{}`},
		{"with an empty response", &empty{}, `{}`},
		{"with an empty response as a value", empty{}, `{}`},
		{"with a nil list", &groupList{}, `{"groups":[]}`},
		{"with a nil list in a value", groupList{}, `{"groups":[]}`},
		{"with nil lists in a list", &groupList{Groups: []*group{{Id: 1}, nil}}, `{"groups":[{"id":1,"owner":null,"members":[]},null]}`},
		{"with a nil list in an embedded struct", &created{Key: "k"}, `{"id":0,"owner":null,"members":[],"key":"k"}`},
		{"with a list", &group{Id: 9007199254740991, Members: []*member{{"a"}}}, `{"id":9007199254740991,"owner":null,"members":[{"memberId":"a"}]}`},
		{"with a nil list behind an interface", &record{Content: &groupList{}, Raw: json.RawMessage(`{"raw":"x"}`)},
			`{"content":{"groups":[]},"raw":{"raw":"x"},"bytes":""}`},
		{"with null where null is meant", &record{}, `{"content":null,"raw":null,"bytes":""}`},
		{"with characters of HTML", &member{"<a&b>"}, `{"memberId":"<a&b>"}`},
		{"with quotes", &member{`a"b\c` + "\n"}, `{"memberId":"a\"b\\c\n"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := answer(t, "", c.data, nil)
			if want := `{"result":0,"message":"OK","data":` + c.want + `}`; w.Code != http.StatusOK || w.Body.String() != want {
				t.Fatalf("status %d, body %s, want %s", w.Code, w.Body, want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, language string
		err            error
		status         int
		want           string
	}{
		{"a code", "", fault.NotMember, 200, `{"result":-10015,"message":"你已不在本群中","data":null}`},
		{"a code in English", "en-US,en;q=0.9", fault.NotMember, 200, `{"result":-10015,"message":"You are not in this group","data":null}`},
		{"a wrapped code", "", fmt.Errorf("find: %w", fault.NotFound), 200, `{"result":-1007,"message":"无对应信息","data":null}`},
		{"a field at fault", "", fault.Invalid("count", "must be %s", `"1"`), 200, `{"result":-1012,"message":"请求参数错误: count must be \"1\"","data":null}`},
		{"a field at fault in English", "en", fault.Invalid("count", "is missing"), 200, `{"result":-1012,"message":"Invalid request: count is missing","data":null}`},
		{"a detail of another code is not shown", "", &fault.Error{Code: fault.Forbidden, Detail: "x"}, 200, `{"result":-1019,"message":"权限不足","data":null}`},
		{"data", "", &fault.Error{Code: fault.ReconnectRefused, Data: []byte(`{"code": -1016}`)}, 200, `{"result":-1016,"message":"设备重连不被允许","data":{"code":-1016}}`},
		{"overload", "", fault.Overloaded, 503, `{"result":-1000,"message":"服务器繁忙，请稍后重试","data":null}`},
		{"a status across gRPC", "", fault.Status(fault.GroupFull), 200, `{"result":-10003,"message":"超出群人数上限","data":null}`},
		{"a body over the limit", "", fault.Wrap(fault.BadRequest, &http.MaxBytesError{Limit: 1}), 413, `{"result":-1012,"message":"请求参数错误","data":null}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if w := answer(t, c.language, nil, c.err); w.Code != c.status || w.Body.String() != c.want {
				t.Fatalf("status %d, body %s, want %d, %s", w.Code, w.Body, c.status, c.want)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path         string
		status, want int
	}{
		{"/x", 404, -2000},
		{"/x", 405, -2000},
		{"/app/record/push", 413, -1012},
		{"/oss/upload", 413, -10202},
		{"/x", 429, -1000},
		{"/x", 503, -1000},
	} {
		w := httptest.NewRecorder()
		reply.Status(w, httptest.NewRequest(http.MethodPost, c.path, nil), c.status)
		if w.Code != c.status || !strings.HasPrefix(w.Body.String(), fmt.Sprintf(`{"result":%d,"message":"`, c.want)) ||
			!strings.HasSuffix(w.Body.String(), `","data":null}`) {
			t.Errorf("%s %d: status %d, body %s", c.path, c.status, w.Code, w.Body)
		}
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"":                                      "权限不足",
		"*":                                     "权限不足",
		"fr":                                    "权限不足",
		"zh-CN":                                 "权限不足",
		"zh-CN,zh;q=0.9,en;q=0.8":               "权限不足",
		"zh, en":                                "权限不足",
		"en;q=0.5, zh;q=0.9":                    "权限不足",
		"en;q=0":                                "权限不足",
		"en;q=x":                                "权限不足",
		"en;q=NaN":                              "权限不足",
		"en;q=7":                                "权限不足",
		",;=,":                                  "权限不足",
		"english":                               "权限不足",
		"en":                                    "Permission denied",
		"EN-gb":                                 "Permission denied",
		"en-US,en;q=0.9,zh;q=0.8":               "Permission denied",
		"en, zh":                                "Permission denied",
		"fr, en;q=0.5":                          "Permission denied",
		"zh;q=0.1 , en ; q=0.2":                 "Permission denied",
		strings.Repeat("zh;q=0.1,", 100) + "en": "Permission denied",
	} {
		if w := answer(t, header, nil, fault.Forbidden); !strings.Contains(w.Body.String(), want) {
			t.Errorf("Accept-Language %q: %s, want %s", header, w.Body, want)
		}
	}
}

// recorder knows the result code beside the body.
type recorder struct {
	*httptest.ResponseRecorder
	code fault.Code
}

func (r *recorder) Result(code fault.Code) { r.code = code }

func TestARecorderIsToldTheResultCode(t *testing.T) {
	t.Parallel()
	w := &recorder{ResponseRecorder: httptest.NewRecorder()}
	reply.Write(w, httptest.NewRequest(http.MethodPost, "/", nil), nil, fault.Muted)
	if w.code != fault.Muted {
		t.Fatalf("code %d, want %d", w.code, fault.Muted)
	}
}

// log is what the process logged. Tests that read it use words of their own,
// because others log at the same time.
var log lockedBuffer

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// lines returns the logged lines that hold word.
func (b *lockedBuffer) lines(word string) (found []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, word) {
			found = append(found, line)
		}
	}
	return found
}

func TestMain(m *testing.M) {
	logx.SetWriter(logx.NewWriter(&log))
	os.Exit(m.Run())
}

func TestAnUnknownErrorIsBusyAndLoggedOnce(t *testing.T) {
	t.Parallel()
	before := len(log.lines("peer 4711"))
	w := answer(t, "", nil, errors.New("connect to the database: refused by peer 4711"))
	if want := `{"result":-1000,"message":"服务器繁忙，请稍后重试","data":null}`; w.Code != http.StatusOK || w.Body.String() != want {
		t.Fatalf("status %d, body %s", w.Code, w.Body)
	}
	lines := log.lines("peer 4711")[before:]
	if len(lines) != 1 || !strings.Contains(lines[0], `"path":"/app/record/push"`) || !strings.Contains(lines[0], `"method":"POST"`) {
		t.Fatalf("logged %q", lines)
	}
}

func TestAnExpectedErrorIsNotLogged(t *testing.T) {
	t.Parallel()
	answer(t, "", nil, fmt.Errorf("seeker 4712: %w", fault.NotFound))
	if lines := log.lines("seeker 4712"); len(lines) != 0 {
		t.Fatalf("logged %q", lines)
	}
}

func TestWhatFailsBecauseTheClientLeftIsNotLogged(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequest(http.MethodPost, "/", nil).WithContext(ctx)
	reply.Write(httptest.NewRecorder(), r, nil, fmt.Errorf("query 4713: %w", ctx.Err()))
	if lines := log.lines("query 4713"); len(lines) != 0 {
		t.Fatalf("logged %q", lines)
	}
}

func TestDataThatIsNoJSONIsBusy(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]any{"a value": &struct{ F float64 }{math.NaN()}, "a type": &struct{ F func() }{func() {}}} {
		if w := answer(t, "", data, nil); !strings.HasPrefix(w.Body.String(), `{"result":-1000,`) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: body %s", name, w.Body)
		}
	}
	if w := answer(t, "", nil, &fault.Error{Code: fault.Failed, Data: []byte("{")}); !strings.HasPrefix(w.Body.String(), `{"result":-1000,`) {
		t.Errorf("body %s", w.Body)
	}
}

func BenchmarkWrite(b *testing.B) {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	for name, run := range map[string]func(w http.ResponseWriter){
		"refused": func(w http.ResponseWriter) { reply.Write(w, r, nil, fault.NotMember) },
		"pushed": func(w http.ResponseWriter) {
			reply.Write(w, r, &struct {
				Mid      int64  `json:"logId"`
				Datetime uint64 `json:"datetime"`
			}{123456, 1656302880000}, nil)
		},
	} {
		b.Run(name, func(b *testing.B) {
			w := nowhere{}
			b.ReportAllocs()
			for b.Loop() {
				run(w)
			}
		})
	}
}

// nowhere is a ResponseWriter that forgets.
type nowhere map[string][]string

func (n nowhere) Header() http.Header       { return http.Header(n) }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}
