package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// client is one app: it sends a request, waits for the answer, and sends the
// next one.
type client struct {
	*conn
	// next returns the bytes of the next request. It runs while time is
	// measured, so it should do next to nothing.
	next func() []byte
	// want is how the body of every answer must begin.
	want []byte

	answered  atomic.Int64
	latencies []time.Duration
}

// sample is what was measured in one window of time.
type sample struct {
	requests  int
	took      time.Duration
	cpu       usage
	latencies []time.Duration // rising
}

func (s sample) rate() float64          { return float64(s.requests) / s.took.Seconds() }
func (s sample) cpuEach() time.Duration { return s.cpu.sum() / time.Duration(s.requests) }
func (s sample) median() time.Duration  { return s.latencies[len(s.latencies)/2] }
func (s sample) p99() time.Duration     { return s.latencies[len(s.latencies)*99/100] }

// load runs the clients at the same time, lets them warm up, and measures for a
// window of time. The clients' connections are closed afterwards.
func load(ctx context.Context, clients []*client, window time.Duration, m meter) (sample, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	unblock := context.AfterFunc(ctx, func() {
		for _, c := range clients {
			c.Close()
		}
	})
	defer unblock()

	var stop, measuring atomic.Bool
	var running sync.WaitGroup
	for _, c := range clients {
		running.Go(func() {
			defer c.Close()
			if err := c.loop(&stop, &measuring); err != nil {
				cancel(err)
			}
		})
	}
	s, err := watch(ctx, func() int { return answered(clients) }, window, m, &measuring)
	stop.Store(true)
	running.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return sample{}, cause
	}
	if err != nil {
		return sample{}, err
	}
	for _, c := range clients {
		s.latencies = append(s.latencies, c.latencies...)
	}
	return s, s.finish()
}

// finish makes the sample whole: something was measured, and latencies rise.
func (s *sample) finish() error {
	if s.requests == 0 || len(s.latencies) == 0 {
		return errors.New("nothing was done while it was measured")
	}
	slices.Sort(s.latencies)
	return nil
}

// watch waits for the warm-up, then for the window, and returns what was used
// and, as done counts it, done between.
func watch(ctx context.Context, done func() int, window time.Duration, m meter, measuring *atomic.Bool) (sample, error) {
	if err := pause(ctx, window/4); err != nil {
		return sample{}, err
	}
	cpu, err := m.read()
	if err != nil {
		return sample{}, err
	}
	start, before := time.Now(), done()
	measuring.Store(true)
	if err := pause(ctx, window); err != nil {
		return sample{}, err
	}
	measuring.Store(false)
	s := sample{requests: done() - before, took: time.Since(start)}
	after, err := m.read()
	if err != nil {
		return sample{}, err
	}
	s.cpu = after.since(cpu)
	return s, nil
}

func answered(clients []*client) int {
	var n int64
	for _, c := range clients {
		n += c.answered.Load()
	}
	return int(n)
}

func (c *client) loop(stop, measuring *atomic.Bool) error {
	c.latencies = make([]time.Duration, 0, 1<<12)
	if err := c.SetDeadline(time.Now().Add(5 * answerTimeout)); err != nil {
		return err
	}
	for !stop.Load() {
		request := c.next()
		start := time.Now()
		answer, err := c.do(request)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(answer, c.want) {
			return fmt.Errorf("an answer begins with %.80q instead of %q", answer, c.want)
		}
		if measuring.Load() {
			c.latencies = append(c.latencies, time.Since(start))
		}
		c.answered.Add(1)
	}
	return nil
}

// pause waits for d, or fails when ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// always is a next that sends the same request for ever.
func always(request []byte) func() []byte { return func() []byte { return request } }
