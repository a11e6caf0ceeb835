package app

import "testing"

func TestGarbageFollowsWhatIsAllocated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ allocated, before, want uint64 }{
		{0, leastGarbage, leastGarbage},
		{0, 20 << 20, 18 << 20}, // it falls slowly
		{60 << 20, leastGarbage, 30 << 20},
		{1 << 30, leastGarbage, mostGarbage},
	} {
		if got := garbageFor(c.allocated, c.before); got != c.want {
			t.Errorf("with %d MB allocated after %d MB of garbage there may be %d MB, want %d", c.allocated>>20, c.before>>20, got>>20, c.want>>20)
		}
	}
	for _, c := range []struct {
		garbage, live uint64
		want          int
	}{
		{mostGarbage, 0, 300}, {leastGarbage, 16 << 20, 300}, {mostGarbage, 48 << 20, 100},
		{leastGarbage, 20 << 20, 20}, {leastGarbage, 1 << 30, 10},
	} {
		if got := percentFor(c.garbage, c.live); got != c.want {
			t.Errorf("%d MB of garbage beside %d MB that live are %d %%, want %d", c.garbage>>20, c.live>>20, got, c.want)
		}
	}
}
