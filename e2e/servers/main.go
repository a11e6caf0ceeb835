// Servers runs a command with a private MariaDB, Redis and server of S3 and stops
// them again:
//
//	go run ./e2e/servers -- go test ./...
//
// The command finds them in PARLEY_TEST_MYSQL, a DSN, PARLEY_TEST_REDIS, an
// address, and PARLEY_TEST_S3, a URL with the keys as user and password. Servers says nothing of its own unless something fails, and exits
// with the command's exit code.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"parley/e2e/servers/fixture"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
	}
	os.Exit(code)
}

// failed is the exit code when the command was not run at all.
const failed = 125

func run(args []string) (code int, err error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return failed, errors.New("usage: go run ./e2e/servers -- command [argument ...]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go cancelWithParent(ctx, cancel)

	mariadb, err := fixture.StartMariaDB(ctx)
	if err != nil {
		return failed, err
	}
	defer func() { err = errors.Join(err, mariadb.Stop()) }()
	redis, err := fixture.StartRedis(ctx)
	if err != nil {
		return failed, err
	}
	defer func() { err = errors.Join(err, redis.Stop()) }()
	s3, err := fixture.StartS3(ctx)
	if err != nil {
		return failed, err
	}
	defer func() { err = errors.Join(err, s3.Stop()) }()

	return command(ctx, args, append(os.Environ(),
		"PARLEY_TEST_MYSQL="+mariadb.DefaultDSN(),
		"PARLEY_TEST_REDIS="+redis.Addr,
		"PARLEY_TEST_S3="+s3.URL()))
}

// cancelWithParent ends ctx when the process that started this one is gone.
// `go run` does not pass on the signal that ends it.
func cancelWithParent(ctx context.Context, cancel context.CancelFunc) {
	parent := os.Getppid()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for os.Getppid() == parent {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
	cancel()
}

// grace is how long the command may take to end when it is asked to.
const grace = 10 * time.Second

// command runs args in a process group of its own until it ends, or ctx does:
// then the whole group is asked to end, and made to after grace.
func command(ctx context.Context, args, env []string) (int, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace

	err := cmd.Run()
	if cmd.Process == nil {
		return failed, fmt.Errorf("run %s: %w", args[0], err)
	}
	// What the command left behind in its group would lose its servers now.
	if e := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); e != nil && !errors.Is(e, syscall.ESRCH) {
		return failed, fmt.Errorf("end what %s left behind: %w", args[0], e)
	}
	if ctx.Err() != nil {
		return failed, fmt.Errorf("run %s: %w", args[0], context.Cause(ctx))
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return status.ExitStatus(), nil
}
