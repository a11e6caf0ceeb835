package ops_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/pkg/ops"
)

// logLevel is a log that knows info and error.
type logLevel struct{ atomic.Value }

func (l *logLevel) Level() string { return l.Load().(string) }

func (l *logLevel) SetLevel(name string) error {
	if name != "info" && name != "error" {
		return errors.New("it must be info or error")
	}
	l.Store(name)
	return nil
}

func listen(t *testing.T, pprof bool) *ops.Server {
	t.Helper()
	log := new(logLevel)
	log.Store("info")
	s, err := ops.Listen(ops.Config{Listen: "127.0.0.1:0", Pprof: pprof, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// ask returns the status and the body of an answer.
func ask(t *testing.T, s *ops.Server, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(text))
}

func wants(t *testing.T, s *ops.Server, path string, status int, words ...string) {
	t.Helper()
	got, body := ask(t, s, http.MethodGet, path, "")
	if got != status {
		t.Errorf("%s answers %d, want %d: %s", path, got, status, body)
	}
	for _, w := range words {
		if !strings.Contains(body, w) {
			t.Errorf("%s says %s, want %q in it", path, body, w)
		}
	}
}

var errDown = errors.New("nobody is there")

func works(context.Context) error { return nil }
func fails(context.Context) error { return errDown }

func TestAProcessIsAliveAllItsLifeAndReadyBetween(t *testing.T) {
	t.Parallel()
	s := listen(t, false)
	wants(t, s, "/healthz", 200, "alive")
	wants(t, s, "/readyz", 503, `"starting"`)
	wants(t, s, "/metrics", 200, "parley_ready", "go_goroutines", "process_open_fds")
	s.Started(ops.Check{Name: "database", Needed: true, Ask: works})
	wants(t, s, "/readyz", 200, `"ready"`, `"database"`)
	s.Stopping()
	wants(t, s, "/healthz", 200)
	wants(t, s, "/readyz", 503, `"stopping"`)
	s.Started() // it was told to stop while it started
	wants(t, s, "/readyz", 503, `"stopping"`)
}

func TestWhatIsNeededDecidesAndTheRestIsTold(t *testing.T) {
	t.Parallel()
	s := listen(t, false)
	s.Started(ops.Check{Name: "database", Needed: true, Ask: works}, ops.Check{Name: "redis", Ask: fails})
	wants(t, s, "/readyz", 200, `"ready"`, `"redis"`, errDown.Error())

	without := listen(t, false)
	without.Started(ops.Check{Name: "database", Needed: true, Ask: fails}, ops.Check{Name: "redis", Ask: works})
	wants(t, without, "/readyz", 503, `"not ready"`, `"database"`, errDown.Error())
	wants(t, without, "/healthz", 200)
}

func TestACheckThatHangsIsBounded(t *testing.T) {
	t.Parallel()
	s := listen(t, false)
	s.Started(ops.Check{Name: "database", Needed: true, Ask: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
	wants(t, s, "/readyz", 503, context.DeadlineExceeded.Error())
}

func TestMetricsWaitForNoCheck(t *testing.T) {
	s := listen(t, false) // alone: the metric is that of the whole process
	says := func(metric string) bool {
		_, body := ask(t, s, http.MethodGet, "/metrics", "")
		return strings.Contains(body, "\n"+metric+"\n")
	}
	if !says("parley_ready 0") {
		t.Error("a process that starts is ready")
	}
	var hangs atomic.Bool
	asked, gate := make(chan struct{}), make(chan struct{})
	s.Started(ops.Check{Name: "database", Needed: true, Ask: func(context.Context) error {
		if hangs.CompareAndSwap(true, false) {
			close(asked)
			<-gate
		}
		return nil
	}})
	for began := time.Now(); !says("parley_ready 1"); {
		if time.Since(began) > time.Minute {
			t.Fatal("a process that has started is not ready")
		}
	}
	hangs.Store(true)
	<-asked // within seconds, without anybody asking
	if !says("parley_ready 1") {
		t.Error("while a check hangs, what it said last is not told")
	}
	close(gate)
	s.Stopping()
	if !says("parley_ready 0") {
		t.Error("a process that stops is ready")
	}
}

func TestHoweverManyAskACheckIsMadeOnce(t *testing.T) {
	t.Parallel()
	s := listen(t, false)
	var asked atomic.Int32
	s.Started(ops.Check{Name: "database", Needed: true, Ask: func(context.Context) error { asked.Add(1); return nil }})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { wants(t, s, "/readyz", 200) })
	}
	all.Wait()
	// On a machine that is slow the second may end meanwhile.
	if n := asked.Load(); n < 1 || n > 10 {
		t.Errorf("20 questions at once made %d checks", n)
	}
}

func TestTheLevelOfTheLogIsChanged(t *testing.T) {
	t.Parallel()
	s := listen(t, false)
	wants(t, s, "/log/level", 200, "info")
	if status, body := ask(t, s, http.MethodPut, "/log/level", "error\n"); status != 200 || body != "error" {
		t.Errorf("to set it answers %d %s", status, body)
	}
	wants(t, s, "/log/level", 200, "error")
	for _, word := range []string{"loud", "", strings.Repeat("x", 1000)} {
		if status, body := ask(t, s, http.MethodPut, "/log/level", word); status != 400 || body == "" {
			t.Errorf("the level %.10q answers %d %s, want 400 and why", word, status, body)
		}
	}
	wants(t, s, "/log/level", 200, "error")
}

func TestThereAreProfilesOnlyIfAskedFor(t *testing.T) {
	t.Parallel()
	wants(t, listen(t, false), "/debug/pprof/", 404)
	s := listen(t, true)
	wants(t, s, "/debug/pprof/", 200, "goroutine")
	wants(t, s, "/debug/pprof/goroutine?debug=1", 200, "goroutine profile")
}

func TestAPortThatIsTakenIsNamedWithItsKey(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = ops.Listen(ops.Config{Listen: taken.Addr().String(), Log: new(logLevel)})
	if err == nil || !strings.Contains(err.Error(), "Ops.Listen: "+taken.Addr().String()+" is taken") {
		t.Errorf("the error is %v", err)
	}
}

func TestAskFindsAProcessOfThisMachine(t *testing.T) {
	t.Parallel()
	s := listen(t, false)
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{s.Addr(), ":" + port, "0.0.0.0:" + port} {
		if answer, err := ops.Ask(t.Context(), address, false); err != nil || !json.Valid([]byte(answer)) {
			t.Errorf("at %s it answers %q, error %v", address, answer, err)
		}
	}
	if _, err := ops.Ask(t.Context(), s.Addr(), true); err == nil || !strings.Contains(err.Error(), "starting") {
		t.Errorf("a process that starts is ready, or does not say why not: %v", err)
	}
	s.Started()
	if _, err := ops.Ask(t.Context(), s.Addr(), true); err != nil {
		t.Errorf("a process that has started is not ready: %v", err)
	}
	if _, err := ops.Ask(t.Context(), "", false); err == nil || !strings.Contains(err.Error(), "Ops.Listen is empty") {
		t.Errorf("without an address the error is %v", err)
	}
	s.Close()
	if _, err := ops.Ask(t.Context(), s.Addr(), false); err == nil {
		t.Error("a process that is gone is alive")
	}
}
