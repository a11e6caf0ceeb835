package main

import (
	"strings"
	"testing"
	"time"
)

func TestReportSaysWhatWasMissed(t *testing.T) {
	t.Parallel()
	r := newReport()
	r.fact("Database 1.0.")
	r.atMost("cost", 2.5, 3, "")
	r.atMost("memory", 250, 200, " MB")
	r.atLeast("rate", 24.9, 25, " %")
	samples(r, "speed", []int{1, 9, 2}, func(round int) sample {
		return sample{requests: 100 * round, took: time.Second, cpu: usage{time.Second, time.Second},
			latencies: []time.Duration{time.Millisecond}}
	})
	if got := r.missed(); got != 2 {
		t.Errorf("%d limits were missed, want 2", got)
	}
	var b strings.Builder
	if err := r.write(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"Database 1.0.",
		"| cost   | 2.50     | ≤ 3.00   | ok         |",
		"| memory | 250 MB   | ≤ 200 MB | **missed** |",
		"| rate   | 24.9 %   | ≥ 25.0 % | **missed** |",
		"| speed | 200        | 1000 µs | 1000 µs | 10.0 ms | 5000 µs | 5000 µs |       |",
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("the report has no line %q:\n%s", line, b.String())
		}
	}
}

func TestMedianIsTheMiddleOfTheRounds(t *testing.T) {
	t.Parallel()
	if got := median([]float64{9, 1, 5}, func(v float64) float64 { return v }); got != 5 {
		t.Errorf("the median of 9, 1, 5 is %v", got)
	}
}

func TestTimesAreReadable(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		1234 * time.Nanosecond:    "1.23 µs",
		56789 * time.Nanosecond:   "56.8 µs",
		4321 * time.Microsecond:   "4321 µs",
		54321 * time.Microsecond:  "54.3 ms",
		1234567 * time.Nanosecond: "1235 µs",
	} {
		if got := micros(d); got != want {
			t.Errorf("micros(%v) = %q, want %q", d, got, want)
		}
	}
}
