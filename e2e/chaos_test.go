package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/pkg/sqldb"
)

// Chaos: an installation under every load, where processes are killed and frozen and
// everything that they work with is, at random and without a rest. In the end
// everything is as promised, and nobody lent a hand.

// envChaos says for how long, as 10m; without it there is none. envChaosSeed repeats
// the plan of another run.
const (
	envChaos     = "PARLEY_TEST_CHAOS"
	envChaosSeed = "PARLEY_TEST_CHAOS_SEED"
)

const (
	chaosPeople = 26
	// chaosRings is how long calls ring.
	chaosRings = 5 * time.Second
	// withoutCalls is how many disasters there are at the end in which nobody calls.
	withoutCalls = 5
	// recovers is how long everything may take to be as before, on a machine that
	// does much else.
	recovers = 2 * time.Minute
)

func TestChaosEndsWithEveryPromiseKept(t *testing.T) {
	duration, seed := chaosAsked(t)
	m := ownMariaDB(t)
	redis := ownRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	f := startFleetOn(t, sqldb.Config{DSN: m.DefaultDSN()}, redis, "PARLEY_CALL_RING="+chaosRings.String())
	sites := append(f.direct(), f.site)
	gateways := []string{sites[0].connect, sites[1].connect, f.site.connect}

	l := startLoad(t, 1, sites...)
	c := startChurn(t, 1, sites...)
	// nginx asks another gateway again when one does not answer. A change that is
	// made twice may be answered with what the first one did, of which a storm knows
	// only where its own answers were lost: so its people go to a gateway.
	x := startStorm(t, chaosPeople, sites[0], gateways...)
	x.patience = recovers + duration // who confirmed nothing has all of it before him
	k := startCallers(t, sites, gateways...)
	w := newWatch(map[string]func() int64{
		"messages at the first gateway":  func() int64 { return l.count(sites[0]) },
		"messages at the second gateway": func() int64 { return l.count(sites[1]) },
		"messages through nginx":         func() int64 { return l.count(f.site) },
		"changes of groups":              c.answered.Load,
		"messages between sockets":       x.answered.Load,
	})
	calls := newWatch(map[string]func() int64{"what people do about their calls": k.answered.Load})
	w.progress(t, recovers, 20)
	calls.progress(t, recovers, 20)
	before := f.goroutines()

	t.Logf("chaos for %s; repeat it with %s=%d", duration, envChaosSeed, seed)
	fate := newFate(f, m)
	w.begin(t)
	calls.begin(t)
	disasters := plan(seed, duration, f.members)
	for i, d := range disasters {
		// What is owed for a call is also paid when somebody calls the same person
		// again. So nobody does towards the end: the services have to find it.
		if i == max(0, len(disasters)-withoutCalls) {
			k.over.Store(true)
			calls.end()
		}
		pause(t.Context(), d.after)
		fate.befall(d)
	}
	fate.under.Wait()

	began := time.Now()
	w.progress(t, recovers, 20)
	t.Logf("everything goes on %s after the last disaster", time.Since(began).Round(time.Millisecond))
	noneLost(t, func() int64 { return c.lost.Load() + k.lost.Load() })
	t.Logf("no answer is lost any more %s after the last disaster", time.Since(began).Round(time.Millisecond))
	f.isWell()
	w.end()
	for _, kept := range []struct {
		promise string
		verify  func()
	}{
		{"messages are there once", func() { l.verify(100) }},
		{"groups are what was told of them", func() { c.verify(100) }},
		{"devices saw everything in order", x.end},
		{"calls ended as the rules say", k.verify},
		{"processes are calm", func() { f.isCalm(before) }},
	} {
		began := time.Now()
		kept.verify()
		t.Logf("that %s took %s to see", kept.promise, time.Since(began).Round(time.Millisecond))
	}
	t.Logf("what happened: %v", fate.counts)
	t.Logf("requests about calls answered %d, answers lost %d; of groups answered %d, lost %d", k.answered.Load(), k.lost.Load(), c.answered.Load(), c.lost.Load())
	t.Logf("the errors in the logs by where they come from: %v", f.errors())
	t.Logf("the longest times without progress: %v and %v", w.longest, calls.longest)
}

// chaosAsked returns for how long there is to be chaos, and the seed of the plan.
func chaosAsked(t *testing.T) (duration time.Duration, seed uint64) {
	t.Helper()
	text := os.Getenv(envChaos)
	if text == "" {
		t.Skip("takes long; run with: make chaos")
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", envChaos, err)
	}
	seed = rand.Uint64()
	if text := os.Getenv(envChaosSeed); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", envChaosSeed, err)
		}
	}
	return duration, seed
}

// watch knows how far each load has come.
type watch struct {
	counts map[string]func() int64
	// longest are the longest times in which one did not go on.
	longest map[string]time.Duration
	over    chan struct{}
	watches sync.WaitGroup
}

func newWatch(counts map[string]func() int64) *watch {
	return &watch{counts: counts, longest: make(map[string]time.Duration), over: make(chan struct{})}
}

// progress waits until each load has gone on by n.
func (w *watch) progress(t testing.TB, within time.Duration, n int64) {
	t.Helper()
	want := make(map[string]int64)
	for name, count := range w.counts {
		want[name] = count() + n
	}
	for deadline := time.Now().Add(within); len(want) > 0; pause(t.Context(), 10*time.Millisecond) {
		maps.DeleteFunc(want, func(name string, n int64) bool { return w.counts[name]() >= n })
		if len(want) > 0 && time.Now().After(deadline) {
			t.Fatalf("these do not go on within %s: %v", within, slices.Collect(maps.Keys(want)))
		}
	}
}

// noneLost waits until no answer was lost for a while. Breakers let through only a part
// of the requests for ten seconds after it went badly.
func noneLost(t testing.TB, lost func() int64) {
	t.Helper()
	const aWhile = 5 * time.Second
	last, since := lost(), time.Now()
	for deadline := time.Now().Add(recovers); time.Since(since) < aWhile; pause(t.Context(), 10*time.Millisecond) {
		if n := lost(); n != last {
			last, since = n, time.Now()
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d answers were lost, and still more are", last)
		}
	}
}

// begin notes from now on how long each load stands still.
func (w *watch) begin(t testing.TB) {
	w.watches.Go(func() {
		last, since := make(map[string]int64), make(map[string]time.Time)
		for t.Context().Err() == nil {
			for name, count := range w.counts {
				if n := count(); n != last[name] || since[name].IsZero() {
					last[name], since[name] = n, time.Now()
				}
				w.longest[name] = max(w.longest[name], time.Since(since[name]).Round(time.Millisecond))
			}
			select {
			case <-w.over:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

func (w *watch) end() {
	close(w.over)
	w.watches.Wait()
}

// goroutines are how many each process has.
func (f *fleet) goroutines() map[string]float64 {
	f.t.Helper()
	n := make(map[string]float64)
	for _, m := range f.members {
		n[m.name] = m.measures().sum("go_goroutines")
	}
	return n
}

// isWell waits until every process says that it is ready. None has ended by itself.
func (f *fleet) isWell() {
	f.t.Helper()
	deadline := time.Now().Add(recovers)
	for _, m := range f.members {
		for {
			status, body := m.asks("/readyz")
			if status == http.StatusOK {
				break
			}
			if err := (replica{m}).lives(); err != nil || time.Now().After(deadline) {
				f.t.Fatalf("%s should be ready and answers %d %s (%v)", m.name, status, body, err)
			}
			pause(f.t.Context(), 50*time.Millisecond)
		}
	}
}

// isCalm checks what is left when nothing is done any more: the processes have no
// more goroutines than before, and none has ended or said that something in it is
// broken.
func (f *fleet) isCalm(before map[string]float64) {
	f.t.Helper()
	f.isWell()
	deadline := time.Now().Add(recovers)
	for _, m := range f.members {
		most := 1.5*before[m.name] + 100
		for n := m.measures().sum("go_goroutines"); n > most; n = m.measures().sum("go_goroutines") {
			if time.Now().After(deadline) {
				f.t.Errorf("%s has %.0f goroutines, and had %.0f before", m.name, n, before[m.name])
				break
			}
			pause(f.t.Context(), 100*time.Millisecond)
		}
		for _, line := range m.log.linesWith(`"level":"severe"`, "panic", "fatal error:", "DATA RACE") {
			f.t.Errorf("%s says %s", m.name, line)
		}
	}
}

// errors counts the errors that the processes logged, by the lines of code.
func (f *fleet) errors() map[string]int {
	n := make(map[string]int)
	for _, m := range f.members {
		for _, text := range m.log.linesWith(`"level":"error"`) {
			var line struct{ Caller string }
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				f.t.Errorf("%s says %s, which is no line of the log: %v", m.name, text, err)
				continue
			}
			n[line.Caller]++
		}
	}
	return n
}

// linesWith returns the lines that have any of some texts in them.
func (l *logBuffer) linesWith(texts ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for line := range strings.Lines(l.b.String()) {
		if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(line, text) }) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func TestAPlanOfDisastersIsMadeAgainFromItsSeed(t *testing.T) {
	t.Parallel()
	var members []*member
	for _, target := range fleetTargets {
		for i := range 2 {
			members = append(members, &member{name: fmt.Sprint(target, "/", i), target: target})
		}
	}
	first, again, other := plan(1, time.Minute, members), plan(1, time.Minute, members), plan(2, time.Minute, members)
	if fmt.Sprint(first) != fmt.Sprint(again) || fmt.Sprint(first) == fmt.Sprint(other) {
		t.Errorf("the plans of one seed are\n%v\n%v\nand of another one\n%v", first, again, other)
	}
}
