package rpc

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestATenthOfCallsMayBeCutShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b budget
		taken := func(most int) (n int) {
			for range most {
				if b.take() {
					n++
				}
			}
			return n
		}
		if n := taken(100); n != budgetMost {
			t.Errorf("at first %d may be cut short, want %d", n, budgetMost)
		}
		for range 55 {
			b.earn()
		}
		if n := taken(100); n != 5 {
			t.Errorf("after 55 calls %d may be cut short, want 5", n)
		}
		time.Sleep(3 * time.Second)
		if n := taken(100); n != 3 {
			t.Errorf("after 3 s without calls %d may be cut short, want 3", n)
		}
		time.Sleep(time.Hour)
		if n := taken(100); n != budgetMost {
			t.Errorf("after an hour %d may be cut short, want %d", n, budgetMost)
		}
	})
}
