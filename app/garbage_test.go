package app

import "testing"

func TestALargerHeapMayHaveLessGarbageForItsSize(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: 300, 8 << 20: 300, 16 << 20: 300, 24 << 20: 200, 48 << 20: 100, 96 << 20: 50, 8 << 30: 50} {
		if got := percentFor(live); got != want {
			t.Errorf("with %d MB it is %d %%, want %d", live>>20, got, want)
		}
	}
}
