package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// garbage is how much the heap may grow over what lives in it before the
	// collector runs, in bytes. Little lives long in a process that only
	// forwards, so this spares a tenth of the work for a message; a process that
	// holds thousands of sockets has no use for a multiple of them.
	garbage = 48 << 20
	// leastPercent and mostPercent bound that as GOGC would say it.
	leastPercent = 50
	mostPercent  = 300
	// weighEvery is how often the heap is weighed.
	weighEvery = time.Second
)

// weigh sets, until ctx ends, how much garbage there may be, by what lives and the
// stacks, as the collector counts them.
func weigh(ctx context.Context) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	ticker := time.NewTicker(weighEvery)
	defer ticker.Stop()
	set := 0
	for {
		metrics.Read(samples)
		var live uint64
		for _, s := range samples {
			live += s.Value.Uint64()
		}
		// Setting it stops the world for a moment.
		if percent := percentFor(live); set == 0 || percent < set*9/10 || percent > set*11/10 {
			debug.SetGCPercent(percent)
			set = percent
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func percentFor(live uint64) int {
	return int(min(mostPercent, max(leastPercent, garbage*100/max(live, 1))))
}
