package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/pkg/fault"
)

// jsonLines returns what a process said, which must be a JSON object a line.
func (l *logBuffer) jsonLines(t testing.TB) []map[string]any {
	t.Helper()
	l.mu.Lock()
	text := bytes.Clone(l.b.Bytes())
	l.mu.Unlock()
	var lines []map[string]any
	for line := range bytes.Lines(text) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Errorf("a line is no JSON object: %v: %q", err, line)
			continue
		}
		lines = append(lines, fields)
	}
	return lines
}

func TestEveryLineOfALogIsJSONAndThoseOfARequestHaveItsTrace(t *testing.T) {
	t.Parallel()
	records, groups, calls := freeAddr(t), freeAddr(t), freeAddr(t)
	data, env := t.TempDir(), append(withCalls(serverEnv(t)), "PARLEY_LOG_LEVEL=debug")
	services := newService(t, append(env, "PARLEY_RECORD_LISTEN="+records, "PARLEY_GROUPSERVICE_LISTEN="+groups, "PARLEY_CALL_LISTEN="+calls),
		"-target", "record-rpc,group-rpc,call-rpc", "-data", data)
	services.run()
	at := freeAddr(t)
	p := newService(t, append(env, "PARLEY_RECORD_ENDPOINTS="+records, "PARLEY_CALL_ENDPOINTS="+calls, "PARLEY_APP_LISTEN="+at, "PARLEY_CONNECT_WITHAPP=false"),
		"-target", "app", "-data", data)
	p.site = oneAddress("http://" + at)
	p.start()
	alice, bob := newUser(t, p.site), newUser(t, p.site)
	const fine, fails = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"
	alice.headers = http.Header{"Traceparent": {"00-" + fine + "-00f067aa0ba902b7-00"}}
	alice.send(text(string(bob.uid()), "hello"))

	// What is no HTTP, what is no gRPC, and a request that cannot be served.
	for _, addr := range []string{at, records} {
		conn, err := net.Dial("tcp", addr)
		must(t, err)
		_, err = conn.Write([]byte("\x16\x03\x01\x00\xa5 this is neither\r\n\r\n"))
		must(t, err)
		conn.Close()
	}
	services.signal(syscall.SIGTERM)
	if code := services.exit(); code != 0 {
		t.Errorf("the services end with exit code %d", code)
	}
	alice.headers = http.Header{"Traceparent": {"00-" + fails + "-00f067aa0ba902b7-00"}}
	alice.tryCall(0, bob).want(t, fault.Busy)
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("it ends with exit code %d", code)
	}

	lines := append(p.log.jsonLines(t), services.log.jsonLines(t)...)
	levels := []string{"debug", "info", "error", "slow", "stat", "severe"}
	found := make(map[string]string) // the contents of the lines of a trace
	for _, line := range lines {
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(line["@timestamp"]))
		if err != nil || time.Since(at).Abs() > time.Hour || !slices.Contains(levels, fmt.Sprint(line["level"])) || line["content"] == "" || line["content"] == nil {
			t.Errorf("a line lacks its time, level or content: %v", line)
		}
		found[fmt.Sprint(line["trace"])] += fmt.Sprintln(line["level"], line["content"], line["path"])
	}
	if got := found[fine]; got != "info request /record/push2\n" {
		t.Errorf("of a request that went well the log says\n%s", got)
	}
	if got := found[fails]; !strings.Contains(got, "info request /app/start-call\n") || !strings.Contains(got, "error ") {
		t.Errorf("of a request that failed the log says\n%s", got)
	}
	if len(lines) < 8 {
		t.Errorf("the log has only %d lines", len(lines))
	}
}

func TestWhyAProcessDoesNotStartIsALineOfItsLog(t *testing.T) {
	t.Parallel()
	p := newProcess(t, []string{"PARLEY_LOG_LEVEL=severe", "PARLEY_OPS_LISTEN=127.0.0.1:1"}, "-data", t.TempDir(), "-target", "nothing")
	p.args = p.args[:len(p.args)-2] // without -listen, which is for the target all
	p.refuses(`"content":"parley: there is no target`, `"level":"error"`)
	p.log.jsonLines(t)
}
