// Package metrics registers what a process measures, for Prometheus. Each package
// owns its metrics, in a file metrics.go; they exist once in a process, from its
// start, so that a value that was never counted is 0 and not missing. The list of
// all of them is docs/metrics.md, which is made from Descriptions.
//
// Names begin with parley_, units are base units (seconds, bytes), and every label
// has few values that strangers cannot choose.
package metrics

import (
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Registry has everything that is measured in this process, with what the Go
// runtime and the system say of it. It is not Prometheus' own default: what
// libraries put there is not ours to promise.
var Registry = newRegistry()

func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Description is what is to be known of a metric.
type Description struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Help   string
}

var descriptions struct {
	sync.Mutex
	all []Description
}

// Descriptions returns all metrics that packages of this process have registered,
// in the order of their names.
func Descriptions() []Description {
	descriptions.Lock()
	defer descriptions.Unlock()
	return slices.SortedFunc(slices.Values(descriptions.all), func(a, b Description) int { return strings.Compare(a.Name, b.Name) })
}

// register adds a metric. A name that is taken is a mistake in the program.
func register(c prometheus.Collector, d Description) {
	Registry.MustRegister(c)
	descriptions.Lock()
	defer descriptions.Unlock()
	descriptions.all = append(descriptions.all, d)
}

// NewCounter registers a counter without labels.
func NewCounter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	register(c, Description{Name: name, Type: "counter", Help: help})
	return c
}

// NewCounterVec registers a counter with labels.
func NewCounterVec(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	register(c, Description{Name: name, Type: "counter", Labels: labels, Help: help})
	return c
}

// NewGauge registers a gauge without labels.
func NewGauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	register(g, Description{Name: name, Type: "gauge", Help: help})
	return g
}

// NewGaugeVec registers a gauge with labels.
func NewGaugeVec(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	register(g, Description{Name: name, Type: "gauge", Labels: labels, Help: help})
	return g
}

// NewHistogram registers a histogram without labels.
func NewHistogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	register(h, Description{Name: name, Type: "histogram", Help: help})
	return h
}

// NewHistogramVec registers a histogram with labels.
func NewHistogramVec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	register(h, Description{Name: name, Type: "histogram", Labels: labels, Help: help})
	return h
}

// Durations are buckets in seconds for what takes half a millisecond when all is
// well and ten seconds when nearly nothing is.
var Durations = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
