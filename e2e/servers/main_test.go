package main

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/e2e/servers/fixture"
)

// asServers makes the test binary behave as the command itself.
const asServers = "PARLEY_TEST_AS_SERVERS"

func TestMain(m *testing.M) {
	if os.Getenv(asServers) != "" {
		main()
	}
	os.Exit(m.Run())
}

func servers(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"--"}, args...)...)
	cmd.Env = append(os.Environ(), asServers+"=1")
	return cmd
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

func TestTheExitCodeIsTheCommands(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	for command, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -9 $$": 137} {
		out, err := servers("sh", "-c", command).CombinedOutput()
		if got := exitCode(err); got != want {
			t.Errorf("%s: exit code %d, want %d", command, got, want)
		}
		if len(out) > 0 {
			t.Errorf("%s: it says %q", command, out)
		}
	}
}

func TestACommandThatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	out, err := servers("no-such-command").CombinedOutput()
	if exitCode(err) != failed || !strings.Contains(string(out), "no-such-command") {
		t.Errorf("exit code %d: %s", exitCode(err), out)
	}
}

func TestAServerThatDoesNotExistIsAnError(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-database", "db2", "--", "true")
	cmd.Env = append(os.Environ(), asServers+"=1")
	out, err := cmd.CombinedOutput()
	if exitCode(err) != failed || !strings.Contains(string(out), "mariadb and tidb") {
		t.Errorf("exit code %d: %s", exitCode(err), out)
	}
}

// The command tells where its servers and itself are and then stays.
const tellAndStay = `echo "$PARLEY_TEST_REDIS"; echo "$PARLEY_TEST_MYSQL"; echo "$PARLEY_TEST_S3"; echo $$; exec sleep 600`

func TestTheServersGoHoweverItEnds(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			cmd := servers("sh", "-c", tellAndStay)
			cmd.Env = append(cmd.Env, "TMPDIR="+shortTempDir(t)) // for what SIGKILL leaves behind
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			var told []string
			for len(told) < 4 && lines.Scan() {
				told = append(told, lines.Text())
			}
			if len(told) < 4 {
				t.Fatal("the command did not run")
			}
			pid, err := strconv.Atoi(told[3])
			if err != nil {
				t.Fatal(err)
			}
			defer syscall.Kill(pid, syscall.SIGKILL)
			redis := told[0]
			_, mariadb, _ := strings.Cut(told[1], "(")
			mariadb, _, _ = strings.Cut(mariadb, ")")
			_, s3, _ := strings.Cut(told[2], "@")
			for _, addr := range []string{redis, mariadb, s3} {
				if !listens(addr) {
					t.Errorf("nobody listens at %s while the command runs", addr)
				}
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("the exit code is 0")
			}
			if sig != syscall.SIGKILL && syscall.Kill(pid, 0) == nil { // nobody could end it then
				t.Error("the command still runs")
			}
			deadline := time.Now().Add(20 * time.Second)
			for listens(redis) || listens(mariadb) || listens(s3) {
				if time.Now().After(deadline) {
					t.Fatal("a server is still there")
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
}

// shortTempDir is t.TempDir with a path that leaves room for the name of a
// socket, which may have about a hundred characters.
func shortTempDir(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "servers-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	return folder
}

func listens(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
