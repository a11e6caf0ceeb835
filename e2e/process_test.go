package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is parley, built once for all tests that need a process of its own.
var binary = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "parley-e2e-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "parley")
	cmd := exec.Command("go", "build", "-tags", "no_k8s", "-o", file, "parley")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build parley: %w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if built {
		if file, err := binary(); err == nil {
			os.RemoveAll(filepath.Dir(file))
		}
	}
	os.Exit(code)
}

// built is set by the first test that needs the binary, so that TestMain does
// not build it only to remove it.
var built bool

// process is a parley that a test may kill.
type process struct {
	t    testing.TB
	args []string
	env  []string
	site site

	cmd    *exec.Cmd
	output *bytes.Buffer
}

// newProcess returns a process that runs parley with args on a port that was
// free, with the environment env added.
func newProcess(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	addr := freeAddr(t)
	p := &process{t: t, env: env, site: oneAddress("http://" + addr), args: append(args, "-listen", addr)}
	t.Cleanup(p.kill)
	return p
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs the process and waits until it answers.
func (p *process) start() {
	p.t.Helper()
	built = true
	file, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	p.output = new(bytes.Buffer)
	p.cmd = exec.Command(file, p.args...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	if err := answers(ctx, p.site.app+"/ping"); err != nil {
		p.kill()
		p.t.Fatalf("parley does not answer: %v\n%s", err, p.output)
	}
}

// answers waits until a url answers with 200.
func answers(ctx context.Context, url string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
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
		last = err
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w; the last try: %w", ctx.Err(), last)
		}
	}
}

// kill ends the process as a power failure would.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.cmd = nil
}

// signal sends a signal to the process.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}
