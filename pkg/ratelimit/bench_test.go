package ratelimit_test

import (
	"strconv"
	"sync/atomic"
	"testing"

	"parley/pkg/ratelimit"
	"parley/pkg/redisx/redistest"
)

// BenchmarkTake is what one question costs where many ask at once, each for a user of
// his own, for a few users, or for one who has too many. With PARLEY_TEST_REDIS it
// measures a real server.
func BenchmarkTake(b *testing.B) {
	for _, users := range []int{1, 16, 10_000} {
		for _, rate := range []ratelimit.Rate{{PerSecond: ratelimit.MaxPerSecond, Burst: ratelimit.MaxBurst}, {PerSecond: 1, Burst: 1}} {
			name := "users-" + strconv.Itoa(users) + "/allowed"
			if rate.Burst == 1 {
				name = "users-" + strconv.Itoa(users) + "/denied"
			}
			b.Run(name, func(b *testing.B) {
				l := ratelimit.New(redistest.New(b), "test", rate, patient)
				var next atomic.Int64
				b.SetParallelism(32)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						l.Take(strconv.Itoa(int(next.Add(1)) % users))
					}
				})
			})
		}
	}
}
