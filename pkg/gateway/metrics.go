package gateway

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/pkg/fault"
	"parley/pkg/metrics"
)

var (
	requestDuration = metrics.NewHistogramVec("parley_http_request_duration_seconds",
		"How long requests took, by the route, the HTTP status and the result code of the envelope. The path is empty for what is no route. Pings are not counted.",
		metrics.Durations, "gateway", "path", "status", "result")
	requestsInFlight = metrics.NewGaugeSum("parley_http_requests_in_flight",
		"Requests of routes that are being worked on, those that are being refused included.", "gateway")
	refusedTotal = metrics.NewCounterVec("parley_http_refused_total",
		"Requests and connections that were refused because there were too many: in_flight at once in the gateway, rate_user and rate_address in a time, connections at once.",
		"gateway", "reason")
)

// answer is a combination of labels of a gateway's requests.
type answer struct {
	path   string
	status int
	result fault.Code
}

// measures are the metrics of one gateway.
type measures struct {
	gateway   string
	durations metrics.Cache[answer, prometheus.Observer]
}

func newMeasures(gateway string) *measures {
	for _, why := range []Reason{InFlight, RateUser, RateAddress, Connections} {
		refusedTotal.WithLabelValues(gateway, string(why)) // what was never refused is 0
	}
	return &measures{gateway: gateway}
}

// observe counts an answer. There are as many combinations as routes have outcomes.
func (m *measures) observe(a answer, took time.Duration) {
	m.durations.Get(a, m.duration).Observe(took.Seconds())
}

func (m *measures) duration(a answer) prometheus.Observer {
	return requestDuration.WithLabelValues(m.gateway, a.path, strconv.Itoa(a.status), strconv.Itoa(int(a.result)))
}
