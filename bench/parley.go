package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 20 * time.Second
)

// build builds Parley as it is released, and returns the size of the program.
// Profiles need the names that a release leaves out.
func build(ctx context.Context, binary string, names bool) (size int64, err error) {
	flags := "-s -w"
	if names {
		flags = ""
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "no_k8s", "-ldflags", flags, "-o", binary, "parley")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build parley: %w\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// parley is a running Parley.
type parley struct {
	address string
	ops     string // its operations port
	log     string
	cmd     *exec.Cmd
	// startup is how long it took from its start to its first answer.
	startup time.Duration
}

// startParley starts a Parley with its own data folder below folder, and
// returns when it answers.
func startParley(ctx context.Context, binary, folder string, args ...string) (*parley, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return startTarget(ctx, binary, folder, address, append([]string{"-listen", address}, args...)...)
}

// startTarget starts a Parley that will answer at address.
func startTarget(ctx context.Context, binary, folder, address string, args ...string) (*parley, error) {
	began := time.Now()
	p, err := startService(ctx, binary, folder, args...)
	if err != nil {
		return nil, err
	}
	p.address = address
	if err := p.await(ctx, began); err != nil {
		err = fmt.Errorf("start parley: %w\n%s", err, p.logTail())
		return nil, errors.Join(err, p.cmd.Process.Kill(), p.reap())
	}
	p.startup = time.Since(began)
	return p, nil
}

// startService starts a Parley that does not answer over HTTP.
func startService(ctx context.Context, binary, folder string, args ...string) (*parley, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder for parley: %w", err)
	}
	ops, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &parley{ops: ops, log: filepath.Join(folder, "log")}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("make a log for parley: %w", err)
	}
	defer log.Close()
	p.cmd = exec.CommandContext(ctx, binary, append([]string{"-data", filepath.Join(folder, "data")}, args...)...)
	// Several processes run at once.
	p.cmd.Env = append(os.Environ(), "PARLEY_OPS_LISTEN="+ops)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start parley: %w", err)
	}
	return p, nil
}

func (p *parley) await(ctx context.Context, began time.Time) error {
	for {
		res, err := http.Get("http://" + p.address + "/ping")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New("/ping says " + res.Status)
		}
		if time.Since(began) > startTimeout {
			return err
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return err
		}
	}
}

func (p *parley) pid() int { return p.cmd.Process.Pid }

// stop ends the process in order.
func (p *parley) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop parley: %w", err)
	}
	late := time.AfterFunc(stopTimeout, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	return p.reap()
}

// reap waits for the end of the process. How it ended does not matter.
func (p *parley) reap() error {
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("wait for the end of parley: %w", err)
	}
	return nil
}

// logTail is the end of what Parley said, without the lines about requests.
func (p *parley) logTail() []byte {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	var said []byte
	for line := range bytes.Lines(text) {
		if !bytes.Contains(line, []byte(`"content":"request"`)) {
			said = append(said, line...)
		}
	}
	return bytes.TrimSpace(said[max(0, len(said)-4000):])
}

// metric asks a process for one of its metrics, one without labels.
func (p *parley) metric(ctx context.Context, name string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.ops+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask for metrics: %w", err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, errors.Join(fmt.Errorf("the metrics of parley do not have %s", name), lines.Err())
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("look for a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// ask sends one request and returns the body of its answer.
func ask(address string, request []byte) ([]byte, error) {
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	return c.do(request)
}
