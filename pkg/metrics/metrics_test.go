package metrics

import (
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// unregistered keeps the metrics of tests out of the list of the product's.
func unregistered(kind prometheus.ValueType, labels ...string) *Sum {
	return &Sum{desc: prometheus.NewDesc("test", "Test.", labels, nil), kind: kind, labels: len(labels), series: make(map[string]*series)}
}

func is(value float64) func() float64 { return func() float64 { return value } }

func TestAGaugeIsTheSumOfThoseThatAreThere(t *testing.T) {
	t.Parallel()
	s := unregistered(prometheus.GaugeValue)
	if n := testutil.CollectAndCount(s); n != 0 {
		t.Errorf("a gauge that nobody has a value for has %d series", n)
	}
	first, second := s.Add(is(3)), s.Add(is(4))
	if got := testutil.ToFloat64(s); got != 7 {
		t.Errorf("two of 3 and 4 are %v", got)
	}
	first()
	if got := testutil.ToFloat64(s); got != 4 {
		t.Errorf("without the first it is %v", got)
	}
	second()
	if n := testutil.CollectAndCount(s); n != 0 {
		t.Errorf("without both there are %d series", n)
	}
}

func TestACounterDoesNotFallWhenItsSourceGoes(t *testing.T) {
	t.Parallel()
	s := unregistered(prometheus.CounterValue, "pool")
	remove := s.Add(is(5), "read")
	s.Add(is(2), "read")
	remove()
	if got := testutil.ToFloat64(s); got != 7 {
		t.Errorf("after the source of 5 went, the counter is %v, want 7", got)
	}
}

func TestTheCacheMakesEachValueOnce(t *testing.T) {
	t.Parallel()
	var c Cache[int, *int]
	var mu sync.Mutex
	made := 0
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 100 {
				key := (n + i) % 10
				if got := c.Get(key, func(k int) *int { mu.Lock(); defer mu.Unlock(); made++; return &k }); *got != key {
					t.Errorf("for %d it has %d", key, *got)
				}
			}
		})
	}
	all.Wait()
	if made != 10 {
		t.Errorf("ten keys were made %d times", made)
	}
}

func TestTheCacheAllocatesNothingForAKnownKey(t *testing.T) {
	type key struct {
		path   string
		status int
	}
	var c Cache[key, int]
	one := func(key) int { return 1 }
	c.Get(key{"/a", 200}, one)
	if n := testing.AllocsPerRun(100, func() { c.Get(key{"/a", 200}, one) }); n != 0 {
		t.Errorf("finding a known key allocates %v times", n)
	}
}
