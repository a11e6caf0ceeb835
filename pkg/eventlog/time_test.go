package eventlog

import (
	"context"
	"fmt"
	"strings"
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

// slowAllocation holds the first statement that allocates for longer than the
// log takes for a stuck writer, and calls waited when that is over.
func slowAllocation(t testing.TB, waited func()) *tap {
	var once sync.Once
	return &tap{statement: func(_ context.Context, query string) error {
		if strings.HasPrefix(query, "UPDATE log_position") {
			once.Do(func() {
				until(t, "the wait is a long one", longWait())
				waited()
			})
		}
		return nil
	}}
}

// longWait is a condition that begins to hold when more than stuck is over.
func longWait() func() bool {
	began := time.Now()
	return func() bool { return time.Since(began) > stuck }
}

func TestAfterALongWaitForThePositionTheTimeIsTakenAgain(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name                string
		newest, asked, then int64 // the times of the log, and of the clock before and after the wait
		want                int64
	}{
		{"the clock went on", 1000, 2000, 9000, 9000},
		{"the log is ahead of the clock, and then behind", 8000, 2000, 9000, 9000},
		{"the log is ahead of the clock all the time", 10_000, 2000, 9000, 10_000},
		{"the clock was set back meanwhile", 1000, 9000, 2000, 9000},
	} {
		for how, write := range map[string]func(*world, *Log) Receipt{
			"an event": func(w *world, l *Log) Receipt { return w.append(l, private("alice", "bob", "late")) },
			"a change": func(w *world, l *Log) (r Receipt) {
				w.change(l, func(tx *Tx) error {
					return tx.Append(1, func(first Position, at int64) ([]Event, error) {
						r = Receipt{Pos: first, At: at}
						return []Event{signal(ToUser("bob"), "late")}, nil
					})
				})
				return r
			},
		} {
			t.Run(row.name+", "+how, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.append(w.log(atTime(row.newest)), private("alice", "bob", "newest"))
				var clock atomic.Int64
				clock.Store(row.asked)
				l := w.log(slowAllocation(t, func() { clock.Store(row.then) }).onWrites(w),
					WithClock(func() time.Time { return time.UnixMilli(clock.Load()) }))
				if r := write(w, l); r.Pos != 2 || r.At != row.want {
					t.Errorf("position %d at %d, want 2 at %d", r.Pos, r.At, row.want)
				}
				if stored := w.stored(); stored[1].At != row.want {
					t.Errorf("it is stored with time %d, want %d", stored[1].At, row.want)
				}
				// The log knows of it: who comes next does not fall below.
				if r := w.append(w.log(atTime(0)), private("alice", "bob", "next")); r.Pos != 3 || r.At != row.want {
					t.Errorf("the next one is at %d with time %d, want 3 with %d", r.Pos, r.At, row.want)
				}
			})
		}
	}
}

func TestWithoutAWaitTheTimeIsTakenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var said, asked atomic.Int64
	l := w.log((&tap{statement: func(_ context.Context, query string) error {
		if strings.Contains(query, "log_position") {
			said.Add(1)
		}
		return nil
	}}).onWrites(w), WithClock(func() time.Time { return time.UnixMilli(asked.Add(1)) }))
	const events = 20
	for i := range events {
		w.append(l, private("alice", "bob", fmt.Sprint("m", i)))
	}
	// A machine that is busy with other things may well make us wait a few times.
	if n := said.Load(); n > events*3/2 || n < events {
		t.Errorf("%d events took %d statements about the position, want one each", events, n)
	}
}

func TestAMessageBehindAStuckWriterHasTheTimeOfItsPlace(t *testing.T) {
	onServer(t, func(w *world) {
		ctx := context.Background()
		l := w.log()
		w.append(l, private("alice", "bob", "m1"))
		other := w.log()
		stuckTx, err := w.db.WriterSQL().BeginTx(ctx, nil)
		if err != nil {
			t.Fatalf("begin: %v", err)
		}
		defer stuckTx.Rollback()
		if _, err := other.allocate(ctx, stuckTx, 1); err != nil {
			t.Fatalf("allocate: %v", err)
		}
		receipt := make(chan Receipt)
		go func() {
			r, err := l.Append(ctx, private("alice", "bob", "m2"))
			if err != nil {
				t.Errorf("append behind a stuck writer: %v", err)
			}
			receipt <- r
		}()
		until(t, "the message waits for the position", func() bool { return w.db.WriterSQL().Stats().InUse >= 2 })
		for range 3 { // for longer, by far, than the time may be wrong
			until(t, "the writer was stuck for long", longWait())
		}
		released := time.Now().UnixMilli()
		if err := stuckTx.Rollback(); err != nil {
			t.Fatalf("roll back: %v", err)
		}
		if r := <-receipt; r.At < released-stuck.Milliseconds() {
			t.Errorf("it has a time %d ms before the lock was free", released-r.At)
		}
	})
}

func TestThePositionBeforeATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	if p, err := l.Before(t.Context(), time.UnixMilli(99), 0); err != nil || p != 0 {
		t.Errorf("before a time in an empty log: %d, %v", p, err)
	}
	// Positions 1 to 3 at 100, a hole up to 1000, then one every 10 ms.
	now := int64(100)
	ticking := w.log(WithClock(func() time.Time { return time.UnixMilli(now) }))
	for n := range 3 {
		w.append(ticking, private("alice", "bob", fmt.Sprint("early", n)))
	}
	w.exec("UPDATE log_position SET pos = 1000")
	for n := range 10 {
		now = int64(200 + 10*n)
		w.append(ticking, private("alice", "bob", fmt.Sprint("late", n)))
	}
	for ms, want := range map[int64]Position{0: 0, 100: 0, 101: 1000, 200: 1000, 201: 1001, 250: 1005, 251: 1006, 291: 1010, 9999: 1010} {
		if p, err := l.Before(t.Context(), time.UnixMilli(ms), 1010); err != nil || p != want {
			t.Errorf("before %d ms: %d (%v), want %d", ms, p, err, want)
		}
	}
	if p, err := l.Before(t.Context(), time.UnixMilli(9999), 1003); err != nil || p != 1003 {
		t.Errorf("before a time below another head: %d, %v", p, err)
	}
}
