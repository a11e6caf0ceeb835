package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// load is people who write to one reader, whatever happens to the servers: each
// sends a message again, with the same msgId, until it is answered.
type load struct {
	t       testing.TB
	reader  *client
	writers []*writer
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

// writer sends one message after the other.
type writer struct {
	*client
	target   id.UID
	answered map[string]sent
	last     string
	// count is how many were answered by now.
	count atomic.Int64
}

// startLoad lets n people write at each of the sites. A person stays at his
// site.
func startLoad(t testing.TB, n int, sites ...site) *load {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &load{t: t, reader: newUser(t, sites[0]), stop: stop}
	for _, s := range sites {
		for range n {
			l.add(ctx, s)
		}
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) add(ctx context.Context, s site) {
	w := &writer{client: newUser(l.t, s), target: l.reader.uid(), answered: make(map[string]sent)}
	l.writers = append(l.writers, w)
	l.wg.Go(func() { w.run(ctx) })
}

// end lets everybody finish what he is sending.
func (l *load) end() {
	l.stop()
	l.wg.Wait()
}

// count is how many messages were answered at a site by now.
func (l *load) count(at site) int64 {
	var n int64
	for _, w := range l.writers {
		if w.site == at {
			n += w.count.Load()
		}
	}
	return n
}

// progress waits until n more messages were answered at a site.
func (l *load) progress(at site, n int64) {
	l.t.Helper()
	before := l.count(at)
	until(l.t, func() bool { return l.count(at) >= before+n })
}

// verify ends the load and compares what was answered with what there is: each
// message that was answered is there once, with the logId that the answer had,
// and nothing else is.
func (l *load) verify(atLeast int) {
	l.t.Helper()
	l.end()
	stored := make(map[string]int64)
	for _, e := range l.reader.syncAll(0, 1000) {
		if _, twice := stored[e.message.MsgId]; twice {
			l.t.Errorf("the message %s is stored twice", e.message.MsgId)
		}
		stored[e.message.MsgId] = e.logID
	}
	answered := 0
	for _, w := range l.writers {
		answered += len(w.answered)
		for id, s := range w.answered {
			if stored[id] != s.LogID {
				l.t.Errorf("the message %s was answered with logId %d and is stored at %d", id, s.LogID, stored[id])
			}
			delete(stored, id)
		}
		// The last message may have been stored without its answer.
		delete(stored, w.last)
	}
	if len(stored) > 0 {
		l.t.Errorf("%d messages are stored that nobody sent: %v", len(stored), stored)
	}
	if answered < atLeast {
		l.t.Errorf("only %d messages were answered: the test shows nothing", answered)
	}
	l.t.Logf("%d messages were answered", answered)
}

func (w *writer) run(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		m := text(string(w.target), fmt.Sprint(n))
		w.last = m.MsgId
		s, err := w.insist(ctx, m)
		switch {
		case err == nil:
			w.answered[m.MsgId] = s
			w.count.Add(1)
		case errors.Is(err, errRefused):
			w.t.Errorf("a message was refused: %v", err)
			return
		}
	}
}

// insist sends a message until it is answered, or refused, or ctx ends.
func (c *client) insist(ctx context.Context, m *wirev1.Common) (sent, error) {
	body := encode(&wirev1.Proto{Body: encode(m)})
	for {
		s, err := c.try(ctx, body)
		if err == nil || errors.Is(err, errRefused) {
			return s, err
		}
		if pause(ctx, 5*time.Millisecond); ctx.Err() != nil {
			return sent{}, ctx.Err()
		}
	}
}

var errRefused = errors.New("refused")

// try sends once. Whatever a dying server does is an error and no failure.
func (c *client) try(ctx context.Context, body []byte) (sent, error) {
	part, contentType := filePart(c.t, "message", body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.site.url("/record/push"), part)
	if err != nil {
		return sent{}, err
	}
	req.Header.Set("FZM-SIGNATURE", c.token())
	req.Header.Set("Content-Type", contentType)
	a, err := do(req)
	if err != nil {
		return sent{}, err
	}
	switch a.Result {
	case fault.OK:
		var s sent
		a.into(c.t, &s)
		return s, nil
	case fault.Busy:
		return sent{}, a.Result
	}
	return sent{}, fmt.Errorf("%w with %d %q", errRefused, a.Result, a.Message)
}

// pause lets time pass: for a load before something is broken at a random
// moment, for one who tries again. No condition is waited for by it.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// moment is a random time within which a load goes on. Random on purpose:
// between any two lines is where it has to hold.
func moment() time.Duration { return time.Duration(50+rand.IntN(400)) * time.Millisecond }
