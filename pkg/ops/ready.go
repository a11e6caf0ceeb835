package ops

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Check asks whether something that a process works with is there.
type Check struct {
	Name string
	// Needed says that the process is not ready without it. That is right only for
	// what makes all of its work fail: everything that many processes share and that
	// is not needed in this sense is told and no more, or its outage would take all
	// of them out of traffic at once, with what they could still do.
	Needed bool
	// Ask returns nil when it is there. It ends with its context.
	Ask func(context.Context) error
}

const (
	// askWithin bounds a check. It is below the second after which Kubernetes takes
	// a probe for failed, so that the answer can say what is wrong.
	askWithin = 800 * time.Millisecond
	// keepFor is how long an answer is good for: however many ask, a check is made
	// about once a second.
	keepFor = time.Second
	// lookEvery is how old the metric may be. Whoever reads metrics waits for no check.
	lookEvery = 5 * time.Second
)

// phase is how far the life of a process has come.
type phase int

const (
	starting phase = iota
	started
	stopping
)

// state is whether a process takes traffic. Its phases only go forward.
type state struct {
	mu     sync.Mutex
	phase  phase
	checks []*asked
	well   bool          // nothing needed was missing when a report was last made
	look   chan struct{} // holds one token when the process has started
}

func newState() *state { return &state{look: make(chan struct{}, 1)} }

// takesTraffic is what /readyz said last, or would have.
func (s *state) takesTraffic() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == started && s.well
}

// keepLooking reports now and then until ctx ends, so that takesTraffic is recent.
func (s *state) keepLooking(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.look:
		case <-ctx.Done():
			return
		}
		s.report(ctx)
	}
}

// asked is a check and its last answer.
type asked struct {
	Check
	mu    sync.Mutex // held while it is asked: others wait for that answer
	until time.Time
	err   error
}

// Started says that the process has started and works with what the checks ask for.
func (s *state) Started(checks ...Check) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != starting {
		return
	}
	s.phase = started
	for _, c := range checks {
		s.checks = append(s.checks, &asked{Check: c})
	}
	s.look <- struct{}{}
}

// Stopping says that the process was told to stop: it is not ready from now on.
func (s *state) Stopping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = stopping
}

// report is the answer to /readyz.
type report struct {
	// Status is starting, ready, "not ready" or stopping.
	Status string `json:"status"`
	// Checks are what was asked, of a process that has started.
	Checks []found `json:"checks,omitempty"`
}

type found struct {
	Name   string `json:"name"`
	Needed bool   `json:"needed"`
	OK     bool   `json:"ok"`
	Error  string `json:"error,omitempty"`
}

const ready = "ready"

func (r report) ready() bool { return r.Status == ready }

// report asks what is to be asked, all at the same time.
func (s *state) report(ctx context.Context) report {
	s.mu.Lock()
	phase, checks := s.phase, s.checks
	s.mu.Unlock()
	switch phase {
	case starting:
		return report{Status: "starting"}
	case stopping:
		return report{Status: "stopping"}
	}
	r := report{Status: ready, Checks: make([]found, len(checks))}
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { r.Checks[i] = c.answer(ctx) })
	}
	all.Wait()
	for _, f := range r.Checks {
		if f.Needed && !f.OK {
			r.Status = "not ready"
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.well = r.ready()
	return r
}

// answer asks, unless somebody has just done so. Whoever asks does so for others
// too, so it is not over when he leaves.
func (a *asked) answer(ctx context.Context) found {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.After(a.until) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
		a.err = a.Ask(ctx)
		cancel()
		a.until = time.Now().Add(keepFor)
	}
	f := found{Name: a.Name, Needed: a.Needed, OK: a.err == nil}
	if a.err != nil {
		f.Error = a.err.Error()
	}
	return f
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // to somebody who has gone
}
