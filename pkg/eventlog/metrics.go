package eventlog

import (
	"time"

	"parley/pkg/metrics"
)

var (
	queueGauge = metrics.NewGaugeSum("parley_log_queue_events",
		"Events that wait to be appended. At 16384 more are refused.")
	batchEvents = metrics.NewHistogram("parley_log_batch_events",
		"How many events were appended in one transaction.",
		[]float64{1, 2, 4, 8, 16, 32, 64, 128, 256})
	commitDuration = metrics.NewHistogram("parley_log_commit_duration_seconds",
		"How long it took to append one batch, the wait for the position lock and further tries included.",
		metrics.Durations)
	refusedTotal = metrics.NewCounter("parley_log_refused_total",
		"Events that were not taken because too many waited already.")
	headGauge = metrics.NewGaugeSum("parley_log_head",
		"The highest position of the log that this process has seen.")
	tailLag = metrics.NewHistogram("parley_log_tail_lag_seconds",
		"From the time of an event, which is that of its place in the log, to its arrival at a follower: "+
			"its commit and the way here. Where another process appended it the difference between two clocks is in it; what would be negative counts as 0.",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60})
	tailGapsTotal = metrics.NewCounter("parley_log_tail_gaps_total",
		"How often a follower found events in the table that nobody had told it of in time.")
)

// measure has the log asked for what it knows until unmeasure is called.
func (l *Log) measure() (unmeasure func()) {
	queue := queueGauge.Add(func() float64 { return float64(l.queue.length()) })
	head := headGauge.Add(func() float64 { return float64(l.window.seen()) })
	return func() { queue(); head() }
}

// measureLag counts the arrival of events at a follower. Those of one batch have one
// time, so the clock is asked once.
func measureLag(events []Event, now time.Time) {
	at := now.UnixMilli()
	for i := range events {
		tailLag.Observe(max(0, float64(at-events[i].At)/1000))
	}
}
