package e2e

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"parley/pkg/sqldb/sqldbtest"
)

// asks returns the status and the body of an answer of the operations port, or 0.
func (p *process) asks(path string) (int, string) {
	p.t.Helper()
	res, err := httpClient.Get("http://" + p.ops + path)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(body)
}

// becomes waits until the operations port says at a path what is wanted.
func (p *process) becomes(path string, status int, words string) {
	p.t.Helper()
	until(p.t, func() bool {
		code, body := p.asks(path)
		return code == status && strings.Contains(body, words)
	})
}

// health runs the command that asks the process, and returns its exit code.
func (p *process) health(args ...string) int {
	p.t.Helper()
	_, code := p.beside(append([]string{"health"}, args...)...)
	return code
}

// beside runs a command with the environment of the process, and returns what it prints
// and its exit code.
func (p *process) beside(args ...string) (string, int) {
	p.t.Helper()
	file, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.CommandContext(p.t.Context(), file, args...)
	cmd.Env = p.env
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState == nil {
		p.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestAProcessThatIsToldToStopSaysSoAndServesOnForAWhile(t *testing.T) {
	t.Parallel()
	p := newProcess(t, []string{"PARLEY_STOP_DELAY=2s"}, "-data", t.TempDir())
	if p.health() != 1 {
		t.Error("a process that does not run is alive")
	}
	p.start()
	p.becomes("/readyz", http.StatusOK, `"ready"`)
	if p.health() != 0 || p.health("-ready") != 0 || p.health("-ready", "-ops", p.ops) != 0 {
		t.Error("parley health does not say that the process is ready")
	}
	alice := newUser(t, p.site)

	told := time.Now()
	p.signal(syscall.SIGTERM)
	p.becomes("/readyz", http.StatusServiceUnavailable, `"stopping"`)
	if p.health() != 0 || p.health("-ready") != 1 {
		t.Error("parley health does not say that the process is alive and not ready")
	}
	alice.send(text(string(alice.uid()), "a note")) // who did not notice yet
	if code := p.exit(); code != 0 {
		t.Errorf("it ends with exit code %d", code)
	}
	if took := time.Since(told); took < 2*time.Second {
		t.Errorf("it closed its ports %s after it was told to stop, want 2s at least", took)
	}
}

func TestAProcessWithoutItsDatabaseIsAliveAndNotReady(t *testing.T) {
	t.Parallel()
	if os.Getenv(sqldbtest.EnvMySQL) == "" {
		t.Skip("an embedded database cannot be away")
	}
	cfg, _ := sqldbtest.Config(t)
	address, err := mysql.ParseDSN(cfg.DSN)
	must(t, err)
	database := &cable{t: t, addr: freeAddr(t), to: address.Addr}
	database.plug()
	address.Addr = database.addr
	p := newProcess(t, []string{"PARLEY_DATABASE_DSN=" + address.FormatDSN()}, "-data", t.TempDir())
	p.start()
	p.becomes("/readyz", http.StatusOK, `"ready"`)
	database.cut()
	p.becomes("/readyz", http.StatusServiceUnavailable, `"name":"database","needed":true,"ok":false`)
	if code, body := p.asks("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz says %d %s", code, body)
	}
	database.plug()
	t.Cleanup(database.cut)
	p.becomes("/readyz", http.StatusOK, `"ready"`)
}

func TestAProcessThatWaitsForItsDatabaseSaysThatItStarts(t *testing.T) {
	t.Parallel()
	p := newProcess(t, []string{"PARLEY_DATABASE_DSN=parley:secret@tcp(" + freeAddr(t) + ")/parley"}, "-data", t.TempDir())
	p.run()
	p.becomes("/readyz", http.StatusServiceUnavailable, `"starting"`)
	p.becomes("/healthz", http.StatusOK, "alive")
}

func TestAnOperationsPortThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	newProcess(t, []string{"PARLEY_OPS_LISTEN=" + taken.Addr().String()}, "-data", t.TempDir()).refuses("Ops.Listen", taken.Addr().String(), "is taken")
}

func TestTheLevelOfTheLogIsChangedWhileTheProcessRuns(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil, "-data", t.TempDir())
	p.start()
	alice := newUser(t, p.site)
	lines := func() int { return p.log.count(`"path":"/record/push`) }
	alice.send(text(string(alice.uid()), "told"))
	until(t, func() bool { return lines() == 1 })
	for _, row := range []struct{ ask, is string }{{"", "info"}, {"error", "error"}, {"", "error"}} {
		args := []string{"log", "level"}
		if row.ask != "" {
			args = append(args, row.ask)
		}
		if is, code := p.beside(args...); code != 0 || is != row.is+"\n" {
			t.Errorf("%v prints %q with exit code %d, want %s", args, is, code, row.is)
		}
	}
	if _, code := p.beside("log", "level", "loud"); code != 1 {
		t.Errorf("for a level that is none the exit code is %d, want 1", code)
	}
	alice.send(text(string(alice.uid()), "not told"))
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("it ends with exit code %d", code)
	}
	if n := lines(); n != 1 {
		t.Errorf("the log tells of %d requests, want the one that was made at the level info", n)
	}
}

// count is how often a text is in what a process said.
func (l *logBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.b.Bytes(), []byte(text))
}
