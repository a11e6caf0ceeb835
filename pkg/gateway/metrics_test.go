package gateway

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/zeromicro/go-zero/rest"

	"parley/pkg/id"
	"parley/pkg/metrics"
	"parley/pkg/reply"
)

// BenchmarkMeasuringARequest is what the metrics of a request cost: below a
// microsecond, and nothing on the heap.
func BenchmarkMeasuringARequest(b *testing.B) {
	m := newMeasures("benchmark")
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			m.observe(answer{"/app/record/sync-record", 200, 0}, 3*time.Millisecond)
		}
	})
}

func TestMeasuringARequestAllocatesNothing(t *testing.T) {
	m := newMeasures("allocates nothing")
	observe := func() { m.observe(answer{"/app/record/sync-record", 200, -1012}, 3*time.Millisecond) }
	observe() // the first of a kind is made
	if n := testing.AllocsPerRun(100, observe); n != 0 {
		t.Errorf("the metrics of a request allocate %v times", n)
	}
}

// open lets everybody in.
type open struct{}

func (open) Verify(string) (id.UID, error) { return "alice", nil }

// measured returns how often a gateway counted or timed something, by the values of
// labels.
func measured(t *testing.T, metric, gateway string, labels ...string) map[string]float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, m := range family.GetMetric() {
			has := make(map[string]string)
			for _, l := range m.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			if has["gateway"] != gateway {
				continue
			}
			values := make([]string, len(labels))
			for i, name := range labels {
				values[i] = has[name]
			}
			got[strings.Join(values, " ")] += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return got
}

func TestStrangersMakeNoLabels(t *testing.T) {
	t.Parallel()
	const name = "strangers make no labels"
	g, err := New(Config{Name: name}, open{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	g.Server().AddRoute(rest.Route{Method: http.MethodPost, Path: "/group/app/group-info", Handler: func(w http.ResponseWriter, r *http.Request) {
		reply.Write(w, r, nil, nil)
	}})
	h, err := g.Handler()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, r := range []struct{ method, path string }{
		{"POST", "/group/app/group-info"}, {"POST", "/group/app/../app/group-info"}, {"GET", "/group/app/group-info"},
		{"POST", "/group/app/secret"}, {"GET", "/a/b/c"}, {"GET", "/"}, {"GET", "/ping"}, {"OPTIONS", "/xyz"},
	} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(r.method, r.path, nil))
	}
	got := measured(t, "parley_http_request_duration_seconds", name, "path", "status", "result")
	want := map[string]float64{"/group/app/group-info 200 0": 2, "/group/app/group-info 405 -2000": 1, " 404 -2000": 3}
	if !maps.Equal(got, want) {
		t.Errorf("it counted %v, want %v", got, want)
	}
}

func TestWhatIsRefusedIsCounted(t *testing.T) {
	t.Parallel()
	const name = "what is refused is counted"
	g, err := New(Config{Name: name, MaxInFlight: -1}, open{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	g.Server().AddRoute(rest.Route{Method: http.MethodPost, Path: "/app/route", Handler: func(http.ResponseWriter, *http.Request) {
		t.Error("it was not refused")
	}})
	g.Tree("/tree/", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was not refused") }))
	h, err := g.Handler()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, path := range []string{"/app/route", "/tree/leaf"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path, nil))
	}
	got := measured(t, "parley_http_refused_total", name, "reason")
	want := map[string]float64{string(InFlight): 2, string(Connections): 0, string(RateUser): 0, string(RateAddress): 0}
	if !maps.Equal(got, want) {
		t.Errorf("it counted %v, want %v", got, want)
	}
}
