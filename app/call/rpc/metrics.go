package rpc

import (
	"parley/app/call"
	"parley/pkg/metrics"
)

var (
	startedTotal = metrics.NewCounterVec("parley_calls_started_total", "Calls that began to ring, by their kind: audio or video.", "kind")
	endedTotal   = metrics.NewCounterVec("parley_calls_ended_total",
		"Calls that are over, by what became of them: answered, rejected, cancelled, busy or timed_out.", "reason")

	kinds    = map[call.Kind]string{call.Audio: "audio", call.Video: "video"}
	outcomes = map[call.Outcome]string{
		call.Answered: "answered", call.Rejected: "rejected", call.Cancelled: "cancelled", call.WasBusy: "busy", call.TimedOut: "timed_out",
	}
)

func init() {
	for _, kind := range kinds {
		startedTotal.WithLabelValues(kind)
	}
	for _, outcome := range outcomes {
		endedTotal.WithLabelValues(outcome)
	}
}

// Metrics counts calls.
type Metrics struct{}

var _ call.Observer = Metrics{}

// Started implements call.Observer.
func (Metrics) Started(kind call.Kind) { startedTotal.WithLabelValues(kinds[kind]).Inc() }

// Ended implements call.Observer.
func (Metrics) Ended(outcome call.Outcome) { endedTotal.WithLabelValues(outcomes[outcome]).Inc() }
