package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/rest"
	"go.opentelemetry.io/otel/trace"

	"parley/pkg/bind"
	"parley/pkg/fault"
	"parley/pkg/gateway"
	"parley/pkg/id"
	"parley/pkg/reply"
)

// people is a Verifier that knows tokens by heart.
type people map[string]id.UID

func (p people) Verify(token string) (id.UID, error) {
	if uid, ok := p[token]; ok {
		return uid, nil
	}
	return "", fault.BadSignature
}

// errors of the process go to a buffer that tests can read.
var errorLog lockedBuffer

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func TestMain(m *testing.M) {
	if address := os.Getenv(clientsEnv); address != "" {
		if err := runClients(address, os.Getenv(countEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// The first server sets logging up, so there must be one before the
	// writer can be changed.
	if _, err := gateway.New(gateway.Config{}, people{}, io.Discard); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	logx.SetWriter(logx.NewWriter(&errorLog))
	os.Exit(m.Run())
}

// world is a gateway with a few routes behind a server.
type world struct {
	t       *testing.T
	url     string
	log     *lockedBuffer
	gateway *gateway.Handler
	// asked gets the context of every request to /app/ask.
	asked chan context.Context
	// held requests to /app/hold wait until it is closed.
	hold    chan struct{}
	holding chan struct{}
}

type askReq struct {
	Count int64 `json:"count,range=[1:10]"`
}

type askResp struct {
	Names []string `json:"names"`
}

func newWorld(t *testing.T, config gateway.Config) *world {
	t.Helper()
	w := &world{t: t, log: new(lockedBuffer), asked: make(chan context.Context, 8),
		hold: make(chan struct{}), holding: make(chan struct{}, 8)}
	g, err := gateway.New(config, people{"alice's token": "alice"}, w.log)
	if err != nil {
		t.Fatal(err)
	}
	for path, handler := range map[string]http.HandlerFunc{
		"/app/ask":    w.ask,
		"/oss/upload": w.ask,
		"/app/hold": func(rw http.ResponseWriter, r *http.Request) {
			w.holding <- struct{}{}
			<-w.hold
			reply.Write(rw, r, nil, nil)
		},
		"/app/panic": func(http.ResponseWriter, *http.Request) { panic("out of luck 4711") },
		"/app/wait": func(rw http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			reply.Write(rw, r, nil, fmt.Errorf("wait: %w", r.Context().Err()))
		},
	} {
		g.Server().AddRoute(rest.Route{Method: http.MethodPost, Path: path, Handler: handler})
	}
	if err := g.Alias("/app/ask", http.MethodPost, "/call/app/ask"); err != nil {
		t.Fatal(err)
	}
	if err := g.Alias("/app/ask", http.MethodGet, "/app/ask"); err != nil {
		t.Fatal(err)
	}
	if err := g.Public(http.MethodGet, "/openapi.json", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, "openapi")
	})); err != nil {
		t.Fatal(err)
	}
	handler, err := g.Handler()
	if err != nil {
		t.Fatal(err)
	}
	w.gateway = handler
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func (w *world) ask(rw http.ResponseWriter, r *http.Request) {
	var req askReq
	ctx, err := bind.Parse(r, &req)
	if err != nil {
		reply.Write(rw, r, nil, err)
		return
	}
	w.asked <- ctx
	reply.Write(rw, r, &askResp{}, nil)
}

// do sends a request with alice's token and returns the answer.
func (w *world) do(method, path, body string, headers ...string) (*http.Response, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("FZM-SIGNATURE", "alice's token")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer, string(got)
}

// accessLog returns the lines of the access log.
func (w *world) accessLog() (lines []map[string]any) {
	w.t.Helper()
	w.gateway.Close()
	for text := range strings.Lines(w.log.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			w.t.Fatalf("log line %q: %v", text, err)
		}
		lines = append(lines, line)
	}
	return lines
}

const asked = `{"result":0,"message":"OK","data":{"names":[]}}`

func TestAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{MaxBody: 100})
	long := `{"count":1,"x":"` + strings.Repeat("x", 100) + `"}`
	for _, c := range []struct {
		name, method, path, body, token string
		status                          int
		want                            string // a prefix
	}{
		{"a good request", "POST", "/app/ask", `{"count":1}`, "alice's token", 200, asked},
		{"a slash at the end", "POST", "/app/ask/", `{"count":1}`, "alice's token", 200, asked},
		{"the alias of a path", "POST", "/call/app/ask", `{"count":1}`, "alice's token", 200, asked},
		{"the alias of a method", "GET", "/app/ask?count=1", "", "alice's token", 200, asked},
		{"a bad shape", "POST", "/app/ask", `{"count":0}`, "alice's token", 200, `{"result":-1012,`},
		{"no token", "POST", "/app/ask", `{"count":1}`, "", 200, `{"result":-1010,`},
		{"a bad token before a bad shape", "POST", "/app/ask", `{`, "x", 200, `{"result":-1010,`},
		{"a bad token before a long body", "POST", "/app/ask", long, "x", 200, `{"result":-1010,`},
		{"a long body", "POST", "/app/ask", long, "alice's token", 413, `{"result":-1012,`},
		{"a long upload", "POST", "/oss/upload", long, "alice's token", 413, `{"result":-10202,`},
		{"an unknown path", "POST", "/app/x", "", "", 404, `{"result":-2000,`},
		{"the root", "GET", "/", "", "", 404, `{"result":-2000,`},
		{"a wrong method", "PUT", "/app/ask", "", "", 405, `{"result":-2000,`},
		{"an unknown method", "BREW", "/app/ask", "", "", 405, `{"result":-2000,`},
		{"GET of a route without it", "GET", "/oss/upload", "", "", 405, `{"result":-2000,`},
		{"a public route", "GET", "/openapi.json", "", "", 200, `openapi`},
		{"ping", "GET", "/ping", "", "", 200, ``},
		{"a panic", "POST", "/app/panic", "", "alice's token", 200, `{"result":-1000,`},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, body := w.do(c.method, c.path, c.body, "FZM-SIGNATURE", c.token)
			if answer.StatusCode != c.status || !strings.HasPrefix(body, c.want) {
				t.Fatalf("status %d, body %s, want %d, %s", answer.StatusCode, body, c.status, c.want)
			}
			if origin := answer.Header.Get("Access-Control-Allow-Origin"); origin != "*" {
				t.Errorf("origin %q is allowed, want any", origin)
			}
		})
	}
	if _, err := http.Head(w.url + "/ping"); err != nil {
		t.Errorf("HEAD /ping: %v", err)
	}
}

func TestAWrongMethodIsToldTheRightOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{})
	for path, want := range map[string]string{"/app/ask": "GET, POST", "/app/ask/": "GET, POST", "/openapi.json": "GET"} {
		if answer, _ := w.do("DELETE", path, ""); answer.Header.Get("Allow") != want {
			t.Errorf("%s: Allow %q, want %q", path, answer.Header.Get("Allow"), want)
		}
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{})
	answer, body := w.do("OPTIONS", "/app/ask", "", "Origin", "https://example.org", "FZM-SIGNATURE", "",
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,fzm-signature")
	if answer.StatusCode != http.StatusNoContent || body != "" {
		t.Fatalf("status %d, body %q", answer.StatusCode, body)
	}
	allowed := strings.ToLower(answer.Header.Get("Access-Control-Allow-Headers"))
	for _, header := range []string{"content-type", "fzm-signature", "fzm-uuid", "fzm-device", "fzm-device-name", "fzm-version"} {
		if !strings.Contains(", "+allowed+",", ", "+header+",") {
			t.Errorf("header %s is not among %s", header, allowed)
		}
	}
	if !strings.Contains(answer.Header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("methods %q", answer.Header.Get("Access-Control-Allow-Methods"))
	}
}

func TestTheLogicKnowsWhoAsksAndFromWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{})
	w.do("POST", "/app/ask", `{"count":1}`, "FZM-DEVICE", "Android", "FZM-UUID", "u-1", "FZM-DEVICE-NAME", "小米\xff", "FZM-VERSION", "1.2")
	ctx := <-w.asked
	want := gateway.Client{Type: "Android", UUID: "u-1", Name: "小米\uFFFD", Version: "1.2"}
	if uid, device := gateway.UID(ctx), gateway.Device(ctx); uid != "alice" || device != want || !device.Mobile() {
		t.Fatalf("user %q, device %+v", uid, device)
	}
	if !trace.SpanContextFromContext(ctx).IsValid() {
		t.Error("the request has no trace id")
	}
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 10*time.Second {
		t.Errorf("deadline %v, %v", deadline, ok)
	}
	if uid, device := gateway.UID(t.Context()), gateway.Device(t.Context()); uid != "" || device != (gateway.Client{}) {
		t.Errorf("without a request: user %q, device %+v", uid, device)
	}
	if ctx := gateway.As(t.Context(), "bob", gateway.Client{Type: "Web"}); gateway.UID(ctx) != "bob" || gateway.Device(ctx).Mobile() {
		t.Errorf("as bob: %q %+v", gateway.UID(ctx), gateway.Device(ctx))
	}
}

func TestADeviceThatTalksTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{})
	_, body := w.do("POST", "/app/ask", `{"count":1}`, "FZM-DEVICE-NAME", strings.Repeat("x", 256))
	if !strings.HasPrefix(body, `{"result":-1012,`) || !strings.Contains(body, "FZM-DEVICE-NAME") {
		t.Fatalf("body %s", body)
	}
}

func TestATraceGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{})
	w.do("POST", "/app/ask", `{"count":1}`, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	const want = "0af7651916cd43dd8448eb211c80319c"
	if got := trace.SpanContextFromContext(<-w.asked).TraceID().String(); got != want {
		t.Errorf("trace %s, want %s", got, want)
	}
	if line := w.accessLog()[0]; line["trace"] != want {
		t.Errorf("logged %v", line)
	}
}

// Whether a request is recorded is not for strangers to say: that costs much more.
func TestOnlyAProxySaysThatATraceIsRecorded(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		proxies []netip.Prefix
		sampled bool
	}{
		"a stranger": {nil, false},
		"a proxy":    {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, true},
	} {
		w := newWorld(t, gateway.Config{Proxies: row.proxies})
		w.do("POST", "/app/ask", `{"count":1}`, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		if got := trace.SpanContextFromContext(<-w.asked).IsSampled(); got != row.sampled {
			t.Errorf("%s says that a trace is recorded, and it is: %t", name, got)
		}
	}
}

func TestARequestIsOneLineWithoutSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{})
	w.do("POST", "/app/ask?token=secret-in-the-query", `{"count":1,"x":"secret body"}`)
	w.do("GET", "/ping", "")
	w.do("POST", "/"+strings.Repeat("%0a\"", 500), "")
	lines := w.accessLog()
	if len(lines) != 2 {
		t.Fatalf("logged %v", lines)
	}
	line := lines[0]
	if line["method"] != "POST" || line["path"] != "/app/ask" || line["status"] != 200.0 || line["result"] != 0.0 || line["uid"] != "alice" {
		t.Errorf("logged %v", line)
	}
	if ms, ok := line["ms"].(float64); !ok || ms < 0 {
		t.Errorf("logged duration %v", line["ms"])
	}
	if path := lines[1]["path"].(string); len(path) != 200 || lines[1]["status"] != 404.0 || lines[1]["result"] != -2000.0 {
		t.Errorf("logged %v", lines[1])
	}
	for _, secret := range []string{"secret", "alice's token"} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func TestAPanicIsLoggedOnceWithItsStack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{})
	w.do("POST", "/app/panic", "")
	line := w.accessLog()[0]
	if line["result"] != -1000.0 {
		t.Errorf("logged %v", line)
	}
	var found []string
	for text := range strings.Lines(errorLog.String()) {
		if strings.Contains(text, line["trace"].(string)) {
			found = append(found, text)
		}
	}
	if len(found) != 1 || !strings.Contains(found[0], "out of luck 4711") || !strings.Contains(found[0], "gateway_test.go") {
		t.Errorf("logged %q", found)
	}
}

func TestTooManyRequestsAtOnceAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{MaxInFlight: 1})
	done := make(chan string)
	go func() {
		_, body := w.do("POST", "/app/hold", "")
		done <- body
	}()
	<-w.holding
	if answer, body := w.do("POST", "/app/ask", `{"count":1}`); answer.StatusCode != http.StatusServiceUnavailable || !strings.HasPrefix(body, `{"result":-1000,`) {
		t.Errorf("status %d, body %s", answer.StatusCode, body)
	}
	if answer, _ := w.do("GET", "/ping", ""); answer.StatusCode != http.StatusOK {
		t.Errorf("ping: status %d", answer.StatusCode)
	}
	close(w.hold)
	if body := <-done; !strings.HasPrefix(body, `{"result":0,`) {
		t.Errorf("the request that was in: %s", body)
	}
	if _, body := w.do("POST", "/app/ask", `{"count":1}`); body != asked {
		t.Errorf("afterwards: %s", body)
	}
}

func TestAnswersEndConnectionsOnceTheProcessIsToStop(t *testing.T) {
	t.Parallel()
	var leaving atomic.Bool
	w := newWorld(t, gateway.Config{Leaving: leaving.Load})
	if answer, _ := w.do("POST", "/app/ask", `{"count":1}`); answer.Close {
		t.Error("an answer ends its connection before")
	}
	began := make(chan *http.Response)
	go func() {
		answer, _ := w.do("POST", "/app/hold", "")
		began <- answer
	}()
	<-w.holding
	leaving.Store(true)
	close(w.hold)
	for name, answer := range map[string]*http.Response{
		"a request that came before": <-began,
		"a ping":                     answerTo(w.do("GET", "/ping", "")),
		"a preflight":                answerTo(w.do("OPTIONS", "/app/ask", "")),
		"no route":                   answerTo(w.do("GET", "/nowhere", "")),
		"what needs no token":        answerTo(w.do("GET", "/openapi.json", "")),
	} {
		if !answer.Close {
			t.Errorf("%s: its connection is kept", name)
		}
	}
}

func answerTo(answer *http.Response, _ string) *http.Response { return answer }

func TestARequestEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{Deadline: time.Millisecond})
	if _, body := w.do("POST", "/app/wait", ""); !strings.HasPrefix(body, `{"result":-1000,`) {
		t.Errorf("body %s", body)
	}
}

// raw sends bytes and returns the answer to them.
func (w *world) raw(request string) (*http.Response, string) {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		w.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer, string(body)
}

func TestUnusualHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{MaxBody: 1 << 20})
	const token = "FZM-SIGNATURE: alice's token\r\n"
	for _, c := range []struct {
		name, request string
		status        int
		want          string
	}{
		{"HTTP/1.0", "POST /app/ask HTTP/1.0\r\n" + token + "Content-Length: 11\r\n\r\n{\"count\":1}", 200, asked},
		{"chunks", "POST /app/ask HTTP/1.1\r\nHost: x\r\n" + token + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"cou\r\n6\r\nnt\":1}\r\n0\r\n\r\n", 200, asked},
		{"broken chunks", "POST /app/ask HTTP/1.1\r\nHost: x\r\n" + token + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 200, `{"result":-1012,`},
		// The client waits for "100 Continue" with its body; it gets the
		// refusal instead.
		{"a long body that waits to be wanted", "POST /app/ask HTTP/1.1\r\nHost: x\r\n" + token + "Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n", 413, `{"result":-1012,`},
		{"a body that waits behind a bad token", "POST /app/ask HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n", 200, `{"result":-1010,`},
		{"chunks over the limit", "POST /app/ask HTTP/1.1\r\nHost: x\r\n" + token + "Transfer-Encoding: chunked\r\n\r\n" +
			"100001\r\n" + strings.Repeat(" ", 1<<20+1) + "\r\n0\r\n\r\n", 413, `{"result":-1012,`},
		{"HEAD", "HEAD /app/ask HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			if answer, body := w.raw(c.request); answer.StatusCode != c.status || !strings.HasPrefix(body, c.want) {
				t.Fatalf("status %d, body %s, want %d, %s", answer.StatusCode, body, c.status, c.want)
			}
		})
	}
}

func TestAnAnswerThatLeavesTheBodyUnreadKeepsTheConnectionUsable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.Config{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	refused := "POST /app/ask HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n{\"count\":1}"
	answered := strings.Replace(refused, "Host: x", "Host: x\r\nFZM-SIGNATURE: alice's token", 1)
	if _, err := io.WriteString(conn, refused+answered); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	for _, want := range []string{`{"result":-1010,`, asked} {
		answer, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || !strings.HasPrefix(string(body), want) {
			t.Fatalf("body %s, error %v, want %s", body, err, want)
		}
	}
}

func TestRoutesThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	g, err := gateway.New(gateway.Config{}, people{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Alias("/x", http.MethodGet, "/y"); err == nil {
		t.Error("an alias of no route was accepted")
	}
	if err := g.Public(http.MethodGet, "/ping", http.NotFoundHandler()); err == nil {
		t.Error("a second /ping was accepted")
	}
	g.Server().AddRoute(rest.Route{Method: http.MethodGet, Path: "/ping", Handler: http.NotFound})
	if _, err := g.Handler(); err == nil {
		t.Error("a gateway with a route twice was built")
	}
}
