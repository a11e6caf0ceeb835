package eventlog

import (
	"fmt"
	"testing"

	"parley/pkg/metrics"
)

// measured returns the value of a metric: of a histogram how many were observed.
func measured(t *testing.T, name string) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		m := family.GetMetric()[0]
		return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return 0
}

// Other tests of the package count at the same time, so that there may be more.
func TestWhatNobodyToldIsAGapAndHasALag(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	logs := w.logs(2) // without a stream neither hears of the other
	f := w.follow(logs[0], 0)
	f.upTo(w.append(logs[0], private("alice", "bob", "heard")).Pos)
	gaps, lags := measured(t, "parley_log_tail_gaps_total"), measured(t, "parley_log_tail_lag_seconds")
	commits, events := measured(t, "parley_log_commit_duration_seconds"), measured(t, "parley_log_batch_events")
	for n := range 3 {
		f.upTo(w.append(logs[1], private("alice", "bob", fmt.Sprint("unheard ", n))).Pos)
	}
	until(t, "the gaps are counted", func() bool { return measured(t, "parley_log_tail_gaps_total") >= gaps+3 })
	for name, grown := range map[string]float64{
		"parley_log_tail_lag_seconds": lags, "parley_log_commit_duration_seconds": commits, "parley_log_batch_events": events,
	} {
		if got := measured(t, name) - grown; got < 3 {
			t.Errorf("%s grew by %v, want 3 at least", name, got)
		}
	}
	if head := measured(t, "parley_log_head"); head < 4 {
		t.Errorf("the head is %v, want 4 at least", head)
	}
}
