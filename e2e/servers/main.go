// Servers runs a command with a private MariaDB, Redis, etcd and server of S3 and stops
// them again:
//
//	go run ./e2e/servers [-database tidb] [-redis cluster] -- go test ./...
//
// The command finds them in PARLEY_TEST_MYSQL, a DSN, PARLEY_TEST_REDIS, an
// address, PARLEY_TEST_ETCD, another one, and PARLEY_TEST_S3, a URL with the keys as
// user and password. With -database tidb there is a TiDB instead of the MariaDB, and
// with -redis cluster there are several Redis clusters of three
// instead of a Redis, for packages that are tested one after the other (go test -p 1).
// Servers says nothing of its own unless something fails, and exits with the command's
// exit code.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

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
	flags := flag.NewFlagSet("servers", flag.ContinueOnError)
	engine := flags.String("database", "mariadb", "a `kind` of database: mariadb or tidb")
	kind := flags.String("redis", "server", "a `kind` of Redis: server, or cluster for some clusters of three")
	if err := flags.Parse(args); err != nil {
		return failed, err
	}
	args = flags.Args()
	if len(args) == 0 || *kind != "server" && *kind != "cluster" {
		return failed, errors.New("usage: go run ./e2e/servers [-database mariadb|tidb] [-redis server|cluster] -- command [argument ...]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go cancelWithParent(ctx, cancel)

	sql, err := startDatabase(ctx, *engine)
	if err != nil {
		return failed, err
	}
	defer func() { err = errors.Join(err, sql.Stop()) }()
	redis, stopRedis, err := startRedis(ctx, *kind)
	if err != nil {
		return failed, err
	}
	defer func() { err = errors.Join(err, stopRedis()) }()
	etcd, err := fixture.StartEtcd(ctx)
	if err != nil {
		return failed, err
	}
	defer func() { err = errors.Join(err, etcd.Stop()) }()
	s3, err := fixture.StartS3(ctx)
	if err != nil {
		return failed, err
	}
	defer func() { err = errors.Join(err, s3.Stop()) }()

	return command(ctx, args, append(os.Environ(),
		"PARLEY_TEST_MYSQL="+sql.DefaultDSN(),
		"PARLEY_TEST_REDIS="+redis,
		"PARLEY_TEST_ETCD="+etcd.Addr,
		"PARLEY_TEST_S3="+s3.URL()))
}

// database is a server of MySQL's protocol.
type database interface {
	DefaultDSN() string
	Stop() error
}

func startDatabase(ctx context.Context, name string) (database, error) {
	switch name {
	case "mariadb":
		return fixture.StartMariaDB(ctx)
	case "tidb":
		return fixture.StartTiDB(ctx)
	}
	return nil, fmt.Errorf("there is no database %q; there are mariadb and tidb", name)
}

// clusters is one Redis cluster for the processes of tests, and as many as tests run at
// a time, twice over.
const clusters = 9

// startRedis returns what is to be told about the Redis of a kind.
func startRedis(ctx context.Context, kind string) (told string, stop func() error, err error) {
	if kind == "server" {
		redis, err := fixture.StartRedis(ctx)
		if err != nil {
			return "", nil, err
		}
		return redis.Addr, redis.Stop, nil
	}
	started := make([]*fixture.RedisCluster, clusters)
	stop = func() (all error) {
		for _, c := range started {
			if c != nil {
				all = errors.Join(all, c.Stop())
			}
		}
		return all
	}
	var starting errgroup.Group
	for i := range started {
		starting.Go(func() (err error) {
			started[i], err = fixture.StartRedisCluster(ctx)
			return err
		})
	}
	if err := starting.Wait(); err != nil {
		return "", nil, errors.Join(err, stop())
	}
	addrs := make([]string, clusters)
	for i, c := range started {
		addrs[i] = strings.Join(c.Addrs(), ",")
	}
	return strings.Join(addrs, ";"), stop, nil
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
