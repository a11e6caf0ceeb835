package redis

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/go-redis/redis/v8"

	"parley/app/call"
)

// loser loses the answers to scripts that Redis has run.
type loser struct {
	// lose is how many.
	lose atomic.Int64
	// lost is called in between, when it is done and not known.
	lost func()
}

// losing returns a store on the Redis of w whose answers get lost.
func (w *world) losing(l *loser) *Store {
	w.Helper()
	options := *w.redis.(interface{ Options() *redis.Options }).Options()
	dial := options.Dialer
	options.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return &losingConn{Conn: conn, loser: l}, err
	}
	options.MaxRetries = 1
	client := redis.NewClient(&options)
	w.Cleanup(func() { client.Close() })
	return New(client, keep)
}

type losingConn struct {
	net.Conn
	loser *loser
	asked bool
}

func (c *losingConn) Write(b []byte) (int, error) {
	c.asked = bytes.Contains(b, []byte("evalsha")) && c.loser.lose.Add(-1) >= 0
	return c.Conn.Write(b)
}

func (c *losingConn) Read(b []byte) (int, error) {
	if !c.asked {
		return c.Conn.Read(b)
	}
	// The answer is there, so it was done.
	if _, err := c.Conn.Read(b); err != nil {
		return 0, err
	}
	if c.loser.lost != nil {
		c.loser.lost()
	}
	return 0, io.EOF
}

// knowScript has Redis know the script, so that it is run when it is first sent.
func (w *world) knowScript() {
	w.Helper()
	if err := commitScript.Load(context.Background(), w.redis).Err(); err != nil {
		w.Fatalf("load the script: %v", err)
	}
}

func TestAnAnswerThatIsLostIsFoundInWhatIsStored(t *testing.T) {
	w := newWorld(t)
	w.knowScript()
	w.put(start, ringing(1, 11, "a", "b"), ringing(2, 12, "a", "c"))
	var l loser
	l.lose.Store(1)
	runs := 0
	err := w.losing(&l).Update(context.Background(), start, func(tx call.Tx) error {
		runs++
		for i := range call.ID(2) {
			if err := changeIn(tx, i+1, func(c *call.Session) { c.Count++ }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || runs != 1 || l.lose.Load() >= 0 {
		t.Errorf("after %d runs, %d answers yet to lose: %v", runs, l.lose.Load(), err)
	}
	for i := range call.ID(2) {
		if got := w.session(i + 1).Count; got != 2 {
			t.Errorf("call %d was changed %d times, want once", i+1, got-1)
		}
	}
}

func TestAfterALostAnswerAndAnotherChangeAnUpdateFindsWhatItDid(t *testing.T) {
	w := newWorld(t)
	w.knowScript()
	w.put(start, ringing(1, 11, "a", "b"))
	l := loser{lost: func() { w.change(start, 1, func(c *call.Session) { c.Count += 10 }) }}
	l.lose.Store(1)
	var found []int
	err := w.losing(&l).Update(context.Background(), start, func(tx call.Tx) error {
		return changeIn(tx, 1, func(c *call.Session) {
			found = append(found, c.Count)
			c.Count++
		})
	})
	if want := []int{1, 12}; err != nil || !slices.Equal(found, want) {
		t.Errorf("it found %v, want %v: %v", found, want, err)
	}
}

func TestAnUpdateWhoseAnswersAreAllLostFails(t *testing.T) {
	w := newWorld(t)
	w.knowScript()
	var l loser
	l.lose.Store(1_000)
	err := w.losing(&l).Update(context.Background(), start, func(tx call.Tx) error {
		tx.Put(ringing(1, 11, "a", "b"))
		return nil
	})
	if err == nil {
		t.Error("it says that it is done, and cannot know")
	}
}
