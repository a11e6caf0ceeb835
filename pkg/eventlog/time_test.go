package eventlog

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// atTime is a clock that stands still at a time in Unix milliseconds.
func atTime(ms int64) Option {
	return WithClock(func() time.Time { return time.UnixMilli(ms) })
}

func TestTheTimeOfAnEventNeverFallsHoweverFarAClockLiesBehind(t *testing.T) {
	t.Parallel()
	const newest = 1_700_000_000_000
	for _, behind := range []int64{0, 1, 500, 1022, 1023, 1024, 1025, 60_000, 3_600_000, newest} {
		t.Run(fmt.Sprint(behind, " ms"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.append(w.log(atTime(newest)), private("alice", "bob", "m1"))
			late := w.log(atTime(newest - behind))
			for i := range 3 {
				r := w.append(late, private("alice", "bob", fmt.Sprint("late", i)))
				if want := Position(i + 2); r.Pos != want || r.At != newest {
					t.Errorf("position %d at %d, want %d at %d", r.Pos, r.At, want, newest)
				}
			}
			if r := w.append(w.log(atTime(newest+1)), private("alice", "bob", "m2")); r.Pos != 5 || r.At != newest+1 {
				t.Errorf("position %d at %d after the clock went on", r.Pos, r.At)
			}
		})
	}
}

func TestLargePositionsKeepTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const high = 1<<53 - 10
	w.exec("UPDATE log_position SET pos = ?, at = ?", high, 5000)
	r := w.append(w.log(atTime(4900)), private("alice", "bob", "m1"))
	if r.Pos != high+1 || r.At != 5000 {
		t.Errorf("position %d at %d, want %d at 5000", r.Pos, r.At, high+1)
	}
}

func TestTimesRiseWithPositionsOverLogsWithDifferentClocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var logs []*Log
	var ticks atomic.Int64
	for _, offset := range []int64{0, -3_600_000, 700} {
		logs = append(logs, w.log(WithClock(func() time.Time {
			return time.UnixMilli(1_700_000_000_000 + offset + ticks.Add(300))
		})))
	}
	var all sync.WaitGroup
	for n, l := range logs {
		for k := range 4 {
			all.Go(func() {
				for i := range 15 {
					id := fmt.Sprintf("%d-%d-%d", n, k, i)
					if i%5 == 4 {
						err := l.Change(context.Background(), func(tx *Tx) error {
							return tx.Append(1, func(Position, int64) ([]Event, error) {
								return []Event{signal(ToUser("bob"), id)}, nil
							})
						})
						if err != nil {
							t.Errorf("change %s: %v", id, err)
						}
						continue
					}
					if _, err := l.Append(context.Background(), private("alice", "bob", id)); err != nil {
						t.Errorf("append %s: %v", id, err)
					}
				}
			})
		}
	}
	all.Wait()
	stored := w.stored()
	for i, e := range stored {
		if i > 0 && e.At < stored[i-1].At {
			t.Errorf("the event at %d has time %d, the one before it %d", e.Pos, e.At, stored[i-1].At)
		}
	}
	if len(stored) != 3*4*15 || stored[len(stored)-1].Pos != Position(len(stored)) {
		t.Errorf("%d events up to position %d, want %d", len(stored), stored[len(stored)-1].Pos, 3*4*15)
	}
}
