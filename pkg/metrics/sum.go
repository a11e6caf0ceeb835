package metrics

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Sum is a metric whose values others have: they are asked when somebody looks. A
// process may have several of a kind, as tests do, and then the value is the sum
// of theirs.
type Sum struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	labels int

	mu     sync.Mutex
	series map[string]*series
}

// series is one combination of labels.
type series struct {
	labels  []string
	sources map[*source]struct{}
	// gone is the sum of counters that were removed: a counter never falls.
	gone float64
}

type source struct{ value func() float64 }

// NewGaugeSum registers a gauge.
func NewGaugeSum(name, help string, labels ...string) *Sum {
	return newSum("gauge", prometheus.GaugeValue, name, help, labels)
}

// NewCounterSum registers a counter.
func NewCounterSum(name, help string, labels ...string) *Sum {
	return newSum("counter", prometheus.CounterValue, name, help, labels)
}

func newSum(typeName string, kind prometheus.ValueType, name, help string, labels []string) *Sum {
	s := &Sum{desc: prometheus.NewDesc(name, help, labels, nil), kind: kind, labels: len(labels), series: make(map[string]*series)}
	register(s, Description{Name: name, Type: typeName, Labels: labels, Help: help})
	return s
}

// Add has value asked for the series of labels until remove is called, once. It
// must not wait for anything.
func (s *Sum) Add(value func() float64, labels ...string) (remove func()) {
	if len(labels) != s.labels {
		panic("metrics: " + s.desc.String() + " was given other labels than it has")
	}
	key := strings.Join(labels, "\x00")
	one := &source{value}
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.series[key]
	if in == nil {
		in = &series{labels: labels, sources: make(map[*source]struct{})}
		s.series[key] = in
	}
	in.sources[one] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(in.sources, one)
		switch {
		case s.kind == prometheus.CounterValue:
			in.gone += value()
		case len(in.sources) == 0:
			delete(s.series, key)
		}
	}
}

var _ prometheus.Collector = (*Sum)(nil)

// Describe implements prometheus.Collector.
func (s *Sum) Describe(to chan<- *prometheus.Desc) { to <- s.desc }

// Collect implements prometheus.Collector.
func (s *Sum) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.series {
		value := in.gone
		for one := range in.sources {
			value += one.value()
		}
		to <- prometheus.MustNewConstMetric(s.desc, s.kind, value, in.labels...)
	}
}
