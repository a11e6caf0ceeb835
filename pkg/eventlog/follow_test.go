package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"

	"parley/pkg/redisx/redistest"
)

// followed is what a follower was handed.
type followed struct {
	mu      sync.Mutex
	changed *sync.Cond
	events  []Event
	through Position
}

// follow starts to follow a log after a position until the test ends.
func (w *world) follow(l *Log, after Position) *followed {
	f := &followed{}
	f.changed = sync.NewCond(&f.mu)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Follow(ctx, after, f.take(w)) }()
	w.Cleanup(func() {
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			w.Errorf("following ended with %v", err)
		}
	})
	return f
}

func (f *followed) take(w *world) func([]Event, Position) {
	return func(events []Event, through Position) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, e := range events {
			if e.Pos <= f.through || e.Pos > through {
				w.Errorf("event %d comes after everything up to %d, in what reaches to %d", e.Pos, f.through, through)
			}
		}
		f.events = append(f.events, events...)
		f.through = through
		f.changed.Broadcast()
	}
}

// upTo waits until everything up to a position was handed out.
func (f *followed) upTo(p Position) []Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.through < p {
		f.changed.Wait()
	}
	return slices.Clone(f.events)
}

// same fails unless the follower was handed what is in the log after a position.
func (f *followed) same(w *world, l *Log, after Position) {
	w.Helper()
	head := w.head(l)
	got := f.upTo(head)
	want, err := l.Range(context.Background(), after, head, 1_000_000)
	if err != nil {
		w.Fatal(err)
	}
	equal := slices.EqualFunc(got, want, func(a, b Event) bool {
		same := bytes.Equal(a.Body, b.Body)
		a.Body, b.Body = nil, nil
		return same && fmt.Sprint(a) == fmt.Sprint(b)
	})
	if !equal {
		w.Errorf("the follower was handed\n%v, in the log are\n%v", got, want)
	}
}

func TestAFollowerIsHandedEverythingInOrderWhoeverCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := redistest.New(t)
	logs := append(w.logs(2, WithStream(client)), w.log()) // the last one tells nobody
	before := w.append(logs[0], private("alice", "bob", "before"))
	followers := map[*followed]Position{
		w.follow(logs[0], 0):          0,
		w.follow(logs[1], before.Pos): before.Pos,
		w.follow(logs[2], 0):          0,
	}
	w.group(logs[0], 1, "alice")
	var writing sync.WaitGroup
	for n, l := range logs {
		writing.Go(func() {
			for i := range 100 {
				w.append(l, private("alice", "bob", fmt.Sprintf("%d-%d", n, i)))
			}
		})
		writing.Go(func() {
			for i := range 20 {
				w.change(l, func(tx *Tx) error {
					return tx.Append(2, func(Position, int64) ([]Event, error) {
						return []Event{signal(ToGroup(1), fmt.Sprintf("%d-%d", n, i)), signal(ToUser("bob"), "x")}, nil
					})
				})
			}
		})
	}
	writing.Wait()
	for f, after := range followers {
		f.same(w, logs[0], after)
	}
}

func TestAnEventTooLargeForTheStreamIsReadFromTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := redistest.New(t)
	logs := w.logs(2, WithStream(client))
	f := w.follow(logs[1], 0)
	for n := range 3 {
		e := private("alice", "bob", fmt.Sprint(n))
		e.Body = bytes.Repeat([]byte{byte(n)}, maxPayload)
		w.append(logs[0], e)
	}
	f.same(w, logs[0], 0)
}

func TestAFollowerLivesWithARedisThatLosesEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := redistest.New(t)
	logs := w.logs(2, WithStream(client))
	f := w.follow(logs[1], 0)
	for n := range 20 {
		w.append(logs[0], private("alice", "bob", fmt.Sprint(n)))
		if n%5 == 4 {
			key, err := logs[0].stream.key(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Del(context.Background(), key).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.same(w, logs[0], 0)
}

func TestAReaderHearsAStreamThatCountsFromBelow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := redistest.New(t)
	logs := w.logs(2, WithStream(client))
	key, err := logs[0].stream.key(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	offered, polled := make(chan []Event, 1), make(chan struct{}, 100)
	ctx, stop := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	reading.Go(func() {
		logs[1].stream.read(ctx, func(events []Event) { offered <- events }, func() { polled <- struct{}{} })
	})
	defer reading.Wait()
	defer stop()
	polls := func(why string) {
		t.Helper()
		select {
		case <-polled:
		case <-time.After(10 * time.Second):
			t.Fatalf("the reader does not look into the log %s", why)
		}
	}
	polls("at the beginning")
	ahead := &redis.XAddArgs{Stream: key, ID: fmt.Sprintf("%d-0", time.Now().Add(time.Hour).UnixMilli()), Values: []any{"other", "x"}}
	if err := client.XAdd(ctx, ahead).Err(); err != nil {
		t.Fatal(err)
	}
	polls("after what is no batch")
	if err := client.Del(ctx, key).Err(); err != nil {
		t.Fatal(err)
	}
	polls("when the stream has begun anew")
	w.append(logs[0], private("alice", "bob", "m"))
	select {
	case events := <-offered:
		if events[0].ID != "m" {
			t.Errorf("offered are %v", events)
		}
	case <-time.After(10 * time.Second):
		t.Error("the reader hears nothing")
	}
}

// A batch that is larger than an entry of the stream is told of in several, so that
// nobody who follows has to read it from the log.
func TestALargeBatchIsToldOfInSeveralEntries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := redistest.New(t)
	l := w.log(WithStream(client))
	events := make([]Event, maxBatch)
	for i := range events {
		events[i] = private("alice", "bob", fmt.Sprint(i))
		events[i].Pos, events[i].Body = Position(100+i), bytes.Repeat([]byte{byte(i)}, 1000)
	}
	events[50].Body = bytes.Repeat([]byte{1}, maxPayload+1)
	ctx := context.Background()
	if err := l.stream.tell(ctx, events); err != nil {
		t.Fatal(err)
	}
	key, err := l.stream.key(ctx)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := client.XRange(ctx, key, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	var told []Event
	untold := 0
	for _, entry := range entries {
		if n := len(entry.Values["batch"].(string)); n > maxPayload {
			t.Errorf("an entry has %d bytes", n)
		}
		decoded, err := decodeBatch(entry)
		if err != nil {
			t.Fatal(err)
		}
		if decoded == nil {
			untold++
		}
		told = append(told, decoded...)
	}
	if untold != 1 {
		t.Errorf("of %d entries %d have no events, want 1", len(entries), untold)
	}
	if want := slices.Delete(slices.Clone(events), 50, 51); fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("told are\n%v, want\n%v", told, want)
	}
}

func TestEntriesAreOrderedByNumbers(t *testing.T) {
	t.Parallel()
	order := []string{"0", "1-0", "1-1", "1-9", "1-10", "9-3", "10-0"}
	for i, a := range order {
		for j, b := range order {
			if got := before(a, b); got != (i < j) {
				t.Errorf("%s before %s: %v", a, b, got)
			}
		}
	}
}

func TestWhatIsNoBatchIsPassedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := redistest.New(t)
	logs := w.logs(2, WithStream(client))
	f := w.follow(logs[1], 0)
	key, err := logs[0].stream.key(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range [][]any{{"batch", "\xff"}, {"other", "x"}, {"batch", "\x08\x01\x10\x05\x1a\x00"}, {"batch", "\x1a\x00\x10\x01"}} {
		if err := client.XAdd(context.Background(), &redis.XAddArgs{Stream: key, Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
		w.append(logs[0], private("alice", "bob", fmt.Sprintf("%x", values)))
	}
	f.same(w, logs[0], 0)
}

func TestTombstonesAndHolesAreNotHandedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	first := w.append(l, private("alice", "bob", "m1"))
	w.change(l, func(tx *Tx) error { _, err := tx.Erase(first.Pos); return err })
	if _, err := l.Advance(context.Background(), 40); err != nil {
		t.Fatal(err)
	}
	f := w.follow(l, 0)
	last := w.append(l, private("alice", "bob", "m2"))
	if got := f.upTo(last.Pos); last.Pos != 41 || len(got) != 1 || got[0].ID != "m2" {
		t.Errorf("handed out were %v", got)
	}
}

func TestWhatIsHeardTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	f := &follower{log: newWorld(t).log(), next: 1, each: func([]Event, Position) {}, early: make(map[Position][]Event), wake: make(chan struct{}, 1)}
	late, first := []Event{{Pos: 2}, {Pos: 3}}, []Event{{Pos: 1}}
	f.offer(late)
	f.offer(late)
	f.offer(first)
	f.offer(late)
	if gap, _ := f.deliver(); gap || f.count != 0 || f.next != 4 {
		t.Errorf("next is %d, %d are counted, a gap: %v", f.next, f.count, gap)
	}
}

func TestWhatIsTooMuchIsLeftToTheLog(t *testing.T) {
	t.Parallel()
	f := &follower{early: make(map[Position][]Event), wake: make(chan struct{}, 1), count: maxEarly}
	f.offer([]Event{{Pos: 7}})
	if !f.due || len(f.early) != 0 {
		t.Errorf("a look into the log is due: %v, kept are %v", f.due, f.early)
	}
}
