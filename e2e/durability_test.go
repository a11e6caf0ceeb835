package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/sqldb/sqldbtest"
)

// TestNothingThatWasAnsweredIsLost kills the process at random moments while
// people write, who send again what was not answered. In the end each message
// that was answered is there once, with the logId that the answer had, and
// nothing else is.
func TestNothingThatWasAnsweredIsLost(t *testing.T) {
	t.Parallel()
	const (
		writers = 8
		kills   = 5
	)
	p := newProcess(t, serverEnv(t), "-data", t.TempDir())
	p.start()

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	reader := newUser(t, p.site)
	var wg sync.WaitGroup
	results := make([]*writer, writers)
	for i := range results {
		w := &writer{client: newUser(t, p.site), target: reader.uid(), answered: make(map[string]sent)}
		results[i] = w
		wg.Go(func() { w.run(ctx) })
	}
	for range kills {
		// Random on purpose: between any two lines is where it has to hold.
		pause(t, time.Duration(100+rand.IntN(500))*time.Millisecond)
		p.kill()
		p.start()
	}
	stop()
	wg.Wait()

	stored := make(map[string]int64)
	for _, e := range reader.syncAll(0, 500) {
		if _, twice := stored[e.message.MsgId]; twice {
			t.Errorf("the message %s is stored twice", e.message.MsgId)
		}
		stored[e.message.MsgId] = e.logID
	}
	answered := 0
	for _, w := range results {
		answered += len(w.answered)
		for id, s := range w.answered {
			if stored[id] != s.LogID {
				t.Errorf("the message %s was answered with logId %d and is stored at %d", id, s.LogID, stored[id])
			}
			delete(stored, id)
		}
		// The last message may have been stored without its answer.
		delete(stored, w.last)
	}
	if len(stored) > 0 {
		t.Errorf("%d messages are stored that nobody sent: %v", len(stored), stored)
	}
	if answered < kills {
		t.Fatalf("only %d messages were answered: the test shows nothing", answered)
	}
}

// writer sends one message after the other, each until it is answered.
type writer struct {
	*client
	target   id.UID
	answered map[string]sent
	last     string
}

func (w *writer) run(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		m := text(string(w.target), fmt.Sprint(n))
		w.last = m.MsgId
		body := encode(&wirev1.Proto{Body: encode(m)})
		for ctx.Err() == nil {
			s, err := w.try(ctx, body)
			if err == nil {
				w.answered[m.MsgId] = s
				break
			}
			if errors.Is(err, errRefused) {
				w.t.Errorf("a message was refused: %v", err)
				return
			}
		}
	}
}

var errRefused = errors.New("refused")

// try sends once. Whatever a dying server does is an error and no failure.
func (w *writer) try(ctx context.Context, body []byte) (sent, error) {
	part, contentType := filePart(w.t, "message", body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.site.url("/record/push"), part)
	if err != nil {
		return sent{}, err
	}
	req.Header.Set("FZM-SIGNATURE", w.token())
	req.Header.Set("Content-Type", contentType)
	a, err := do(req)
	if err != nil {
		return sent{}, err
	}
	switch a.Result {
	case fault.OK:
		var s sent
		a.into(w.t, &s)
		return s, nil
	case fault.Busy:
		return sent{}, a.Result
	}
	return sent{}, fmt.Errorf("%w with %d %q", errRefused, a.Result, a.Message)
}

// pause lets the load run for a while before something is broken; nothing is
// waited for by it.
func pause(t testing.TB, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// serverEnv configures a process for the servers of this run, if there are any:
// a database of its own on the MySQL server.
func serverEnv(t testing.TB) []string {
	t.Helper()
	if os.Getenv(sqldbtest.EnvMySQL) == "" {
		return nil
	}
	cfg, _ := sqldbtest.Config(t)
	return []string{"PARLEY_DATABASE_DSN=" + cfg.DSN}
}
