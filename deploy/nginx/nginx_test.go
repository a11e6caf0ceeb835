package nginx_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/e2e/servers/fixture"
	"parley/pkg/fault"
)

// gateway is a stand-in for one: it says who it is and what it was asked.
type gateway struct {
	*httptest.Server
	asked atomic.Int64
}

// newGateway starts one that does what handle does. Without handle it answers with its
// name and the path, when it has read the body.
func newGateway(t *testing.T, name string, handle http.HandlerFunc) *gateway {
	t.Helper()
	g := new(gateway)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asked.Add(1)
		if handle != nil {
			handle(w, r)
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "%s %s %d", name, r.RequestURI, n)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) addr() string { return g.Listener.Addr().String() }

// front starts nginx in front of gateways.
func front(t *testing.T, gateways map[string][]string) *fixture.Nginx {
	t.Helper()
	fixture.Need(t)
	n, err := fixture.StartNginx(t.Context(), gateways)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// answer is what a client sees.
type answer struct {
	status int
	header http.Header
	body   string
}

func ask(t *testing.T, n *fixture.Nginx, path, body string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+n.Addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

// is complains unless a has the status, and an envelope with the code and words.
func (a answer) is(t *testing.T, status int, code fault.Code, english bool) {
	t.Helper()
	var envelope struct {
		Result  fault.Code
		Message string
		Data    json.RawMessage
	}
	err := json.Unmarshal([]byte(a.body), &envelope)
	if err != nil || a.status != status || envelope.Result != code || envelope.Message != code.Text(english) || string(envelope.Data) != "null" {
		t.Errorf("the answer is %d %s, want %d with the envelope of %d", a.status, a.body, status, code)
	}
	if a.header.Get("Content-Type") != "application/json" || a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("the header is %v, want JSON for any origin", a.header)
	}
}

func TestEveryPathGoesToItsGateway(t *testing.T) {
	t.Parallel()
	gateways := make(map[string][]string)
	for _, name := range []string{"app", "group", "oss", "connect"} {
		gateways[name] = []string{newGateway(t, name, nil).addr()}
	}
	n := front(t, gateways)
	for path, name := range map[string]string{
		"/app/user/login":                   "app",
		"/record/push":                      "app",
		"/call/app/start-call":              "app",
		"/ping":                             "app",
		"/openapi.json":                     "app",
		"/subscribe":                        "app",
		"/groups":                           "app",
		"/group/app/group-list":             "group",
		"/group/app/create-group":           "group",
		"/oss/upload":                       "oss",
		"/oss/objects/dtalk/a%2Fb//%24.png": "oss",
		"/sub":                              "connect",
		"/sub/":                             "connect",
	} {
		if got, want := ask(t, n, path, "hello").body, name+" "+path+" 5"; got != want {
			t.Errorf("%s is answered by %q, want %q", path, got, want)
		}
	}
}

func TestALongBodyIsRefusedAsByTheGateway(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "any", nil)
	n := front(t, map[string][]string{"app": {g.addr()}, "group": {g.addr()}, "oss": {g.addr()}})
	const mib = 1 << 20
	for path, limit := range map[string]int{"/record/push": mib, "/group/app/create-group": mib, "/oss/upload": 17 * mib} {
		if got, want := ask(t, n, path, strings.Repeat("a", limit)).body, fmt.Sprintf("any %s %d", path, limit); got != want {
			t.Errorf("%s is answered with %q, want %q", path, got, want)
		}
		code := fault.BadRequest
		if strings.HasPrefix(path, "/oss/") {
			code = fault.FileTooLarge
		}
		ask(t, n, path, strings.Repeat("a", limit+1)).is(t, http.StatusRequestEntityTooLarge, code, false)
		ask(t, n, path, strings.Repeat("a", limit+1), "Accept-Language", "en-GB").is(t, http.StatusRequestEntityTooLarge, code, true)
	}
}

// What a file begins with is at the gateway before its end has been sent.
func TestAFileFlowsThrough(t *testing.T) {
	t.Parallel()
	begun := make(chan string, 1)
	g := newGateway(t, "oss", func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 5)
		if _, err := io.ReadFull(r.Body, first); err != nil {
			t.Errorf("read what a file begins with: %v", err)
		}
		begun <- string(first)
		n, err := io.Copy(w, r.Body)
		if err != nil {
			t.Errorf("read the rest, after %d bytes: %v", n, err)
		}
	})
	n := front(t, map[string][]string{"oss": {g.addr()}})
	body, file := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+n.Addr+"/oss/upload", body)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		fmt.Fprint(file, "begin")
		if got := <-begun; got != "begin" {
			t.Errorf("the file begins with %q", got)
		}
		fmt.Fprint(file, "the end")
		file.Close()
	}()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != "the end" {
		t.Errorf("the answer is %q, %v", got, err)
	}
}

func TestASocketPassesBothWays(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "connect", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "upgrade" || r.Header.Get("Sec-WebSocket-Key") != "secret" {
			t.Errorf("the gateway is asked with %v", r.Header)
		}
		c, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		if _, err := io.Copy(c, buffer); err != nil {
			t.Error(err)
		}
	})
	n := front(t, map[string][]string{"connect": {g.addr()}})
	for _, path := range []string{"/sub", "/sub/"} {
		c, err := net.Dial("tcp", n.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: parley\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: secret\r\n\r\n", path)
		r := bufio.NewReader(c)
		response, err := http.ReadResponse(r, nil)
		if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%s is answered with %v, %v", path, response, err)
		}
		for _, packet := range []string{"auth\n", "\x00\x01\n"} {
			fmt.Fprint(c, packet)
			if got, err := r.ReadString('\n'); got != packet {
				t.Errorf("%q comes back as %q, %v", packet, got, err)
			}
		}
	}
}

// busy answers as a gateway that has too much to do.
func busy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprintf(w, `{"result":%d,"message":%q,"data":null}`, fault.Busy, fault.Busy.Text(false))
}

// A gateway that has too much to do is not taken for one that is down: it goes on
// answering what it can.
func TestWhatABusyGatewayRefusesIsTriedAtAnother(t *testing.T) {
	t.Parallel()
	full, free := newGateway(t, "full", busy), newGateway(t, "free", nil)
	both := []string{full.addr(), free.addr()}
	n := front(t, map[string][]string{"app": both, "group": both})
	const times = 20
	for range times {
		for _, path := range []string{"/record/push", "/group/app/group-exit", "/group/app/create-group"} {
			if got, want := ask(t, n, path, "hello").body, "free "+path+" 5"; got != want {
				t.Fatalf("%s is answered with %q, want %q", path, got, want)
			}
		}
	}
	if asked := full.asked.Load(); asked < times {
		t.Errorf("the busy gateway was asked %d times in %d", asked, 3*times)
	}
}

func TestWhatAllGatewaysRefuseIsRefused(t *testing.T) {
	t.Parallel()
	first, second := newGateway(t, "first", busy), newGateway(t, "second", busy)
	n := front(t, map[string][]string{"app": {first.addr(), second.addr()}})
	const times = 10
	for range times {
		ask(t, n, "/record/push", "hello").is(t, http.StatusServiceUnavailable, fault.Busy, false)
	}
	if asked := first.asked.Load() + second.asked.Load(); asked != 2*times {
		t.Errorf("the gateways were asked %d times for %d requests, want each request twice", asked, times)
	}
}

func TestAGatewayThatIsDownIsNotMissed(t *testing.T) {
	t.Parallel()
	down, up := newGateway(t, "down", nil), newGateway(t, "up", nil)
	down.Close()
	both := []string{down.addr(), up.addr()}
	n := front(t, map[string][]string{"app": both, "group": both, "oss": both, "connect": both})
	for range 10 {
		for _, path := range []string{"/record/push", "/group/app/create-group", "/oss/upload", "/sub"} {
			if got, want := ask(t, n, path, "hello").body, "up "+path+" 5"; got != want {
				t.Fatalf("%s is answered with %q, want %q", path, got, want)
			}
		}
	}
}

func TestWithoutGatewaysTheAnswerHasTheEnvelope(t *testing.T) {
	t.Parallel()
	n := front(t, nil)
	for _, path := range []string{"/record/push", "/group/app/create-group", "/oss/upload", "/sub"} {
		ask(t, n, path, "hello").is(t, http.StatusBadGateway, fault.Busy, false)
	}
}

// breakOff reads a request and dies.
func breakOff(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

// Only what is safe to repeat is repeated when a gateway dies with it: not what would make
// a second group or begin a second upload.
func TestWhatAGatewayDiesWithIsRepeatedIfThatIsSafe(t *testing.T) {
	t.Parallel()
	for path, repeated := range map[string]bool{
		"/record/push": true, "/group/app/group-exit": true, "/group/app/create-group": false,
		"/oss/init-multipart-upload": false, "/oss/upload": false,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			var once sync.Once
			var calls atomic.Int64
			fragile := func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				once.Do(func() { breakOff(w, r) })
				fmt.Fprint(w, "done")
			}
			both := []string{newGateway(t, "one", fragile).addr(), newGateway(t, "other", fragile).addr()}
			n := front(t, map[string][]string{"app": both, "group": both, "oss": both})
			got := ask(t, n, path, "hello")
			if !repeated {
				got.is(t, http.StatusBadGateway, fault.Busy, false)
			} else if got.body != "done" {
				t.Errorf("the answer is %v, want that of the other gateway", got)
			}
			if want := map[bool]int64{true: 2, false: 1}[repeated]; calls.Load() != want {
				t.Errorf("the gateways got the request %d times, want %d", calls.Load(), want)
			}
		})
	}
}

// A gateway that was started again is asked again within two seconds.
func TestAGatewayThatComesBackIsAskedAgain(t *testing.T) {
	t.Parallel()
	stays, goes := newGateway(t, "stays", nil), newGateway(t, "goes", nil)
	n := front(t, map[string][]string{"app": {stays.addr(), goes.addr()}})
	goes.Close()
	for range 10 {
		if got := ask(t, n, "/ping", ""); got.status != http.StatusOK {
			t.Fatalf("the answer is %v", got)
		}
	}
	listener, err := net.Listen("tcp", goes.addr())
	if err != nil {
		t.Fatal(err)
	}
	again := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "again") })}
	go again.Serve(listener) // it ends when the test closes it
	defer again.Close()
	began := time.Now()
	for ask(t, n, "/ping", "").body != "again" {
		if time.Since(began) > 30*time.Second {
			t.Fatal("it is not asked any more")
		}
	}
	// Two seconds, and time for a machine that does other things as well.
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it was asked again after %s", took)
	}
}

// What a client claims of itself is not passed on.
func TestAGatewayLearnsHowAClientCame(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "any", func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Fzm-Signature", "Traceparent", "Tracestate"} {
			fmt.Fprintf(w, "%s=%s ", name, r.Header.Get(name))
		}
		fmt.Fprint(w, r.Host)
	})
	n := front(t, map[string][]string{"app": {g.addr()}, "group": {g.addr()}, "oss": {g.addr()}, "connect": {g.addr()}})
	want := "X-Forwarded-For=127.0.0.1 X-Forwarded-Proto=http X-Forwarded-Host=" + n.Addr + " Fzm-Signature=a token Traceparent= Tracestate= " + n.Addr
	for _, path := range []string{"/record/push", "/group/app/group-list", "/group/app/create-group", "/oss/upload", "/sub"} {
		if got := ask(t, n, path, "", "X-Forwarded-For", "192.0.2.7", "FZM-SIGNATURE", "a token",
			"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate", "a=1").body; got != want {
			t.Errorf("%s: the gateway is told %q, want %q", path, got, want)
		}
	}
}

func TestTheAccessLogHasWhatHappenedAndNoSecret(t *testing.T) {
	t.Parallel()
	n := front(t, map[string][]string{"app": {newGateway(t, "app", nil).addr()}})
	ask(t, n, "/record/push?token=hidden-query", "hidden-body", "FZM-SIGNATURE", "hidden-token", "Cookie", "a=hidden-cookie")
	var output []byte
	for began := time.Now(); !bytes.Contains(output, []byte("/record/push")); time.Sleep(time.Millisecond) {
		var err error
		if output, err = n.Output(); err != nil || time.Since(began) > 30*time.Second {
			t.Fatalf("the request is not in the log, %v:\n%s", err, output)
		}
	}
	if bytes.Contains(output, []byte("hidden")) {
		t.Errorf("the log has a secret:\n%s", output)
	}
	for line := range bytes.Lines(output) {
		var entry struct {
			Method, Path string
			Status       int
		}
		if json.Unmarshal(line, &entry) == nil && entry.Path == "/record/push" {
			if entry.Method != http.MethodPost || entry.Status != http.StatusOK {
				t.Errorf("the log says %s", line)
			}
			return
		}
	}
	t.Errorf("the log does not have the request:\n%s", output)
}
