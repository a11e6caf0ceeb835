package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"parley/app"
)

// A soak is a storm in which nothing dies. What a process keeps must not grow with
// the time that it runs, only up to what its caches may take.

// envSoak says how long the soak takes, as 10m. Without it, it is short, which
// shows little more than that it works.
const (
	envSoak   = "PARLEY_TEST_SOAK"
	shortSoak = 8 * time.Second
)

// asMeasured makes the test binary behave as parley that tells at an address what
// it keeps.
const asMeasured = "PARLEY_TEST_AS_MEASURED"

// kept is what a process keeps: the bytes on its heap that are in use, and its
// goroutines.
type kept struct{ Heap, Goroutines float64 }

// measured is parley's main beside a server that answers with what is kept.
func measured(addr string) int {
	go http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		runtime.GC()
		runtime.GC() // the first one may have left what finalizers hold
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		json.NewEncoder(w).Encode(kept{float64(m.HeapAlloc), float64(runtime.NumGoroutine())})
	}))
	return app.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
}

// keeps asks a measured process.
func keeps(t testing.TB, url string) kept {
	t.Helper()
	res, err := httpClient.Get(url)
	if err != nil {
		t.Fatalf("ask what the process keeps: %v", err)
	}
	defer res.Body.Close()
	var k kept
	if err := json.NewDecoder(res.Body).Decode(&k); err != nil {
		t.Fatal(err)
	}
	return k
}

// calmest returns the least of samples. What is under way comes and goes, by more
// the busier the machine is; what is kept for ever is there at the calmest moment too.
func calmest(samples []kept) kept {
	least := samples[0]
	for _, k := range samples[1:] {
		least = kept{Heap: min(least.Heap, k.Heap), Goroutines: min(least.Goroutines, k.Goroutines)}
	}
	return least
}

func (k kept) String() string {
	return fmt.Sprintf("%.2f MB and %.0f goroutines", k.Heap/1e6, k.Goroutines)
}

const (
	soakPeople  = 80
	soakSamples = 30 // after the warm-up, which is a third of that time
	// ringFills is how long a gateway's recent events become more, by some MB.
	ringFills = 2 * time.Minute
)

func TestNothingGrowsForEver(t *testing.T) {
	t.Parallel()
	duration := shortSoak
	if text := os.Getenv(envSoak); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", envSoak, err)
		}
	}
	addr := freeAddr(t)
	p := newProcess(t, append(serverEnv(t), asMeasured+"="+addr), "-data", t.TempDir())
	p.file = os.Args[0]
	p.start()
	x := startStorm(t, soakPeople, p.site)
	every := duration / (soakSamples * 4 / 3)
	pause(t.Context(), soakSamples/3*every)
	var samples []kept
	for range soakSamples {
		pause(t.Context(), every)
		samples = append(samples, keeps(t, "http://"+addr))
	}
	first, last := calmest(samples[:soakSamples/3]), calmest(samples[2*soakSamples/3:])
	t.Logf("after %s of warm-up it keeps at least %s in the first third and %s in the last third of %s", soakSamples/3*every, first, last, soakSamples*every)
	most := kept{Heap: 1.1*first.Heap + 1e6, Goroutines: 1.2*first.Goroutines + 50}
	if duration < ringFills {
		most.Heap += 2e6
	}
	if last.Heap > most.Heap || last.Goroutines > most.Goroutines {
		t.Errorf("what it keeps grows: %v", samples)
	}
	x.patience += duration // who confirmed nothing has all of it before him
	x.end()
}
