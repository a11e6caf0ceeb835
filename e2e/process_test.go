package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// binary is parley, built once for all tests that need a process of its own.
var binary = sync.OnceValues(func() (string, error) {
	built.Store(true)
	folder, err := os.MkdirTemp("", "parley-e2e-")
	if err != nil {
		return "", err
	}
	// Whoever a test runs parley as must be able to.
	if err := os.Chmod(folder, 0o755); err != nil {
		return "", err
	}
	file := filepath.Join(folder, "parley")
	cmd := exec.Command("go", "build", "-tags", "no_k8s", "-o", file, "parley")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build parley: %w\n%s", err, out)
	}
	return file, nil
})

// built is set with the first use of binary, so that TestMain does not build it
// only to remove it.
var built atomic.Bool

func TestMain(m *testing.M) {
	if addr := os.Getenv(asMeasured); addr != "" {
		os.Exit(measured(addr))
	}
	code := m.Run()
	if built.Load() {
		if file, err := binary(); err == nil {
			os.RemoveAll(filepath.Dir(file))
		}
	}
	os.Exit(code)
}

// process is a parley that a test may kill.
type process struct {
	t    testing.TB
	file string // the program; "" is parley
	args []string
	env  []string
	// attr says as whom it runs; nil is as the test.
	attr *syscall.SysProcAttr
	// site is where it answers; the zero site is a process without a gateway.
	site site
	// ops is its operations port.
	ops string

	cmd    *exec.Cmd
	log    *logBuffer
	exited chan struct{} // closed when it has ended
}

// newProcess returns a process that will serve every route on a port that is
// free, with the environment env added.
func newProcess(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	addr := freeAddr(t)
	p := newService(t, env, append(args, "-listen", addr)...)
	p.site = oneAddress("http://" + addr)
	return p
}

// newService returns a process whose ports are in its environment.
func newService(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, args: args, log: new(logBuffer), ops: freeAddr(t)}
	p.env = append([]string{"PARLEY_OPS_LISTEN=" + p.ops}, env...)
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("parley %s said:\n%s", strings.Join(p.args, " "), p.log.tail())
		}
	})
	return p
}

// freeAddr returns an address that nobody listens on. Its port lies below those
// of outgoing connections, so that none of them takes it while a process is
// down.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(22000)))
		if err != nil {
			continue
		}
		defer l.Close()
		// Whoever got it before may not listen yet.
		if _, given := givenAddrs.LoadOrStore(l.Addr().String(), true); given {
			continue
		}
		return l.Addr().String()
	}
	t.Fatal("there is no free port")
	return ""
}

// givenAddrs are the addresses that tests got from freeAddr.
var givenAddrs sync.Map

// start runs the process and waits until it answers.
func (p *process) start() {
	p.t.Helper()
	p.run()
	p.ready()
}

// run runs the process.
func (p *process) run() {
	p.t.Helper()
	file := p.file
	if file == "" {
		var err error
		if file, err = binary(); err != nil {
			p.t.Fatal(err)
		}
	}
	p.cmd = exec.Command(file, p.args...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = p.attr
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		cmd.Wait() // how it ended is in its state
		close(exited)
	}(p.cmd, p.exited)
}

// ready waits until the process answers.
func (p *process) ready() {
	p.t.Helper()
	p.readyAt(slices.Collect(maps.Values(p.site.gateways()))...)
}

// readyAt waits until the process answers at each of some addresses that is not "".
func (p *process) readyAt(addrs ...string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 60*time.Second)
	defer cancel()
	go func(exited chan struct{}) {
		select {
		case <-exited:
			cancel()
		case <-ctx.Done():
		}
	}(p.exited)
	for _, addr := range addrs {
		if addr == "" {
			continue
		}
		if err := answers(ctx, addr+"/ping"); err != nil {
			p.t.Fatalf("parley %s does not answer: %v", strings.Join(p.args, " "), err)
		}
	}
}

// answers waits until a url answers with 200.
func answers(ctx context.Context, url string) error {
	var last error
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := httpClient.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("status %d", res.StatusCode)
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		}
	}
}

// kill ends the process as a power failure would.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Kill()
	<-p.exited
	p.cmd = nil
}

// signal sends a signal to the process.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits for the end of the process and returns its exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(60 * time.Second):
		p.t.Fatalf("parley %s does not end", strings.Join(p.args, " "))
	}
	code := p.cmd.ProcessState.ExitCode()
	p.cmd = nil
	return code
}

// logBuffer is what a process said. It may be read while the process writes.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.b.Bytes(), []byte(text))
}

// tail is the end of it, for a test that failed.
func (l *logBuffer) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.b.Bytes()
	return string(b[max(0, len(b)-8000):])
}
