package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage there may be before the collector runs. Go counts it as a share
// of what lives, which suits neither end here: little lives long in a process that
// only forwards, and then a small heap is collected all the time; and one that holds
// thousands of idle sockets keeps as much memory again for nothing. So it follows
// from how much the process allocates.
const (
	// leastGarbage and mostGarbage are bytes.
	leastGarbage = 4 << 20
	mostGarbage  = 48 << 20
	// smallHeap is a heap, in bytes, that is left at mostPercent.
	smallHeap = 16 << 20
	// leastPercent and mostPercent bound it as GOGC says it.
	leastPercent = 10
	mostPercent  = 300
	// weighEvery is how often the heap is weighed.
	weighEvery = time.Second
)

// weigh sets, until ctx ends, how much garbage there may be.
func weigh(ctx context.Context) {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
	}
	ticker := time.NewTicker(weighEvery)
	defer ticker.Stop()
	var allocated uint64
	garbage, set := uint64(mostGarbage), 0
	for {
		metrics.Read(samples)
		total, live := samples[0].Value.Uint64(), uint64(0)
		for _, s := range samples[1:] { // as the collector counts it
			live += s.Value.Uint64()
		}
		garbage = garbageFor(total-allocated, garbage)
		allocated = total
		// Setting it stops the world for a moment.
		if percent := percentFor(garbage, live); set == 0 || percent < set*9/10 || percent > set*11/10 {
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

// garbageFor is half of what was allocated since the last time, so that the
// collector runs about twice a second, and not much less than it was before.
func garbageFor(allocated, before uint64) uint64 {
	return min(mostGarbage, max(leastGarbage, allocated/2, before*9/10))
}

// percentFor says it as GOGC does, where so much lives. Of a small heap there is
// nothing to save, and a burst should not find it collected all the time.
func percentFor(garbage, live uint64) int {
	if live <= smallHeap {
		return mostPercent
	}
	return int(min(mostPercent, max(leastPercent, garbage*100/max(live, 1))))
}
