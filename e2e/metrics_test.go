package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/pkg/fault"
	"parley/pkg/metrics"
)

// samples is what /metrics says, by the name and labels of a series.
type samples map[string]float64

// measures reads the metrics of a process.
func (p *process) measures() samples {
	p.t.Helper()
	status, body := p.asks("/metrics")
	if status != http.StatusOK {
		p.t.Fatalf("/metrics answers %d %s", status, body)
	}
	s := make(samples)
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimSpace(line)
		at := strings.LastIndex(line, " ")
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			p.t.Fatalf("a line of /metrics is %q: %v", line, err)
		}
		s[line[:at]] = value
	}
	return s
}

// sum adds the series of a metric that have all of the labels, each as name="value".
func (s samples) sum(metric string, labels ...string) float64 {
	total := 0.0
	for series, value := range s {
		name, of, _ := strings.Cut(series, "{")
		if name == metric && !slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(of, l) }) {
			total += value
		}
	}
	return total
}

// has reports whether a metric has any series.
func (s samples) has(metric string) bool {
	for series := range s {
		name, _, _ := strings.Cut(series, "{")
		if name == metric || name == metric+"_count" {
			return true
		}
	}
	return false
}

// withCalls configures tickets of calls for a process.
func withCalls(env []string) []string {
	return append(env, fmt.Sprint("PARLEY_CALL_APPID=", callApp), "PARLEY_CALL_SECRET="+callSecret)
}

func TestAConversationIsMeasured(t *testing.T) {
	t.Parallel()
	p := newProcess(t, append(withCalls(serverEnv(t)), storesLocally), "-data", t.TempDir())
	p.start()
	p.becomes("/readyz", http.StatusOK, `"ready"`)
	before := p.measures()

	alice, bob := newUser(t, p.site), newUser(t, p.site)
	a, b := alice.connect(onDesktop("a")), bob.connect(onPhone("b"))
	for n := range 3 {
		alice.send(text(string(bob.uid()), fmt.Sprint("over HTTP ", n)))
	}
	a.post(text(string(bob.uid()), "over the socket"))
	for range 4 {
		b.receive()
	}
	alice.push(text("", "to nobody")).want(t, fault.BadRequest)
	bob.on("b").handle(alice.on("a").call(0, bob), false).want(t, fault.OK)
	picture := alice.store(inDtalk("picture"), []byte("ten bytes!"))
	holds(t, picture.URL, []byte("ten bytes!"))
	b.send(opDisconnect, nil)
	b.end()

	// What is confirmed, noted or closed is so a moment later.
	var now samples
	grown := func(metric string, labels ...string) float64 {
		return now.sum(metric, labels...) - before.sum(metric, labels...)
	}
	until(t, func() bool {
		now = p.measures()
		return grown("parley_socket_closed_total", `reason="goodbye"`) == 1 && grown("parley_calls_ended_total", `reason="rejected"`) == 1
	})
	for _, c := range []struct {
		metric string
		labels []string
		want   float64
	}{
		{"parley_http_request_duration_seconds_count", []string{`gateway="app"`, `path="/record/push2"`, `status="200"`, `result="0"`}, 3},
		{"parley_http_request_duration_seconds_count", []string{`gateway="app"`, `path="/record/push"`, fmt.Sprintf(`result="%d"`, fault.BadRequest)}, 1},
		{"parley_http_request_duration_seconds_count", []string{`gateway="oss"`, `path="/oss/upload"`, `result="0"`}, 1},
		{"parley_http_refused_total", nil, 0},
		{"parley_rpc_client_duration_seconds_count", []string{`service="call.v1.CallService"`, `method="Start"`, `code="OK"`}, 1},
		{"parley_rpc_server_duration_seconds_count", []string{`service="call.v1.CallService"`, `method="Start"`, `code="OK"`}, 1},
		{"parley_socket_opened_total", []string{`result="entered"`}, 2},
		{"parley_sockets", []string{`device="windows"`}, 1},
		{"parley_sockets", []string{`device="android"`}, 0},
		{"parley_sockets", []string{`device="new"`}, 0},
		{"parley_calls_started_total", []string{`kind="video"`}, 1},
		{"parley_calls_ended_total", nil, 1},
		{"parley_provider_request_duration_seconds_count", []string{`provider="local"`, `operation="send"`, `outcome="ok"`}, 1},
		{"parley_object_bytes_total", []string{`direction="in"`}, 10},
		{"parley_object_bytes_total", []string{`direction="out"`}, 10},
		{"parley_log_refused_total", nil, 0},
	} {
		if got := grown(c.metric, c.labels...); got != c.want {
			t.Errorf("%s%v grew by %v, want %v", c.metric, c.labels, got, c.want)
		}
	}
	for _, c := range []struct {
		metric string
		labels []string
		least  float64
	}{
		{"parley_log_head", nil, 4},
		{"parley_log_batch_events_sum", nil, 4},
		{"parley_log_commit_duration_seconds_count", nil, 1},
		{"parley_log_tail_lag_seconds_count", nil, 4},
		{"parley_socket_frames_total", []string{`direction="in"`}, 7},
		{"parley_socket_frames_total", []string{`direction="out"`}, 7},
		{"parley_sql_connections_max", []string{`pool="write"`}, 0},
	} {
		if got := grown(c.metric, c.labels...); got < c.least {
			t.Errorf("%s%v grew by %v, want at least %v", c.metric, c.labels, got, c.least)
		}
	}
	if now.sum("parley_ready") != 1 || now.sum("parley_build_info") != 1 {
		t.Errorf("parley_ready is %v, parley_build_info %v", now.sum("parley_ready"), now.sum("parley_build_info"))
	}
	for _, d := range metrics.Descriptions() {
		if !now.has(d.Name) {
			t.Errorf("%s is not there", d.Name)
		}
	}
	for series := range maps.Keys(now) {
		if strings.Contains(series, string(alice.uid())) || strings.Contains(series, "picture") {
			t.Errorf("what people do is a label: %s", series)
		}
	}
}
