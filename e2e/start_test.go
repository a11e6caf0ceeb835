package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"parley/pkg/fault"
)

// refuses runs a process that must not start, and wants its last words to name
// what the operator can do something about.
func (p *process) refuses(words ...string) {
	p.t.Helper()
	p.run()
	if code := p.exit(); code != 1 {
		p.t.Errorf("it ends with exit code %d, want 1", code)
	}
	said := strings.Split(strings.TrimSpace(p.log.tail()), "\n")
	last := said[len(said)-1]
	for _, w := range words {
		if !strings.Contains(last, w) {
			p.t.Errorf("it says %q, want it to name %q", last, w)
		}
	}
}

func TestASecondProcessOnTheSameDataIsRefused(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := newProcess(t, nil, "-data", data)
	first.start()
	alice := newUser(t, first.site)
	note := alice.send(text(string(alice.uid()), "note"))

	newProcess(t, nil, "-data", data).refuses(data, "used by another process", "-data")

	// The first one does not care, and when it is gone its folder is free.
	alice.send(text(string(alice.uid()), "another note"))
	first.kill()
	second := newProcess(t, nil, "-data", data)
	second.start()
	alice.site = second.site
	if got := alice.sync(0, 10); len(got) != 2 || got[0].logID != note.LogID {
		t.Errorf("the second process has %v, want both notes", got)
	}
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := t.TempDir()
	p := newService(t, nil, "-data", data, "-listen", taken.Addr().String())
	p.refuses(taken.Addr().String(), "address already in use")
	// It has given back what it had taken by then.
	newProcess(t, nil, "-data", data).start()
}

func TestADataFolderThatCannotBeUsedIsNamed(t *testing.T) {
	t.Parallel()
	t.Run("read-only", func(t *testing.T) {
		t.Parallel()
		data := filepath.Join(t.TempDir(), "data")
		if err := os.Mkdir(data, 0o555); err != nil {
			t.Fatal(err)
		}
		p := newProcess(t, nil, "-data", data)
		if os.Geteuid() == 0 {
			// Root may write anywhere, so somebody else has to try.
			const nobody = 65534
			p.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			open(t, data)
		}
		p.refuses(data, "permission denied", "-data")
	})
	t.Run("a file", func(t *testing.T) {
		t.Parallel()
		data := filepath.Join(t.TempDir(), "data")
		if err := os.WriteFile(data, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		newProcess(t, nil, "-data", data).refuses(data, "not a directory", "-data")
		if got, err := os.ReadFile(data); string(got) != "mine" {
			t.Errorf("the file holds %q now, error %v", got, err)
		}
	})
}

// open lets everybody find the way to a folder.
func open(t *testing.T, folder string) {
	t.Helper()
	for at := folder; strings.HasPrefix(at, os.TempDir()) && at != os.TempDir(); at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at, info.Mode()|0o555); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServersThatStayAwayAreNamed(t *testing.T) {
	t.Parallel()
	nobody := freeAddr(t)
	t.Run("database", func(t *testing.T) {
		t.Parallel()
		env := []string{"PARLEY_DATABASE_DSN=parley:secret@tcp(" + nobody + ")/parley", "PARLEY_DATABASE_STARTTIMEOUT=300ms"}
		p := newProcess(t, env, "-data", t.TempDir())
		p.refuses(nobody, "not reached within 300ms", "Database.DSN")
		if p.log.has("secret") {
			t.Error("the password is in the log")
		}
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		env := []string{"PARLEY_REDIS_ADDRS=" + nobody, "PARLEY_REDIS_STARTTIMEOUT=300ms"}
		newProcess(t, env, "-data", t.TempDir()).refuses(nobody, "not reached within 300ms", "Redis.Addrs")
	})
	t.Run("record service", func(t *testing.T) {
		t.Parallel()
		env := []string{"PARLEY_APP_LISTEN=" + freeAddr(t), "PARLEY_RECORD_ENDPOINTS=" + nobody, "PARLEY_RPC_STARTTIMEOUT=300ms"}
		newService(t, env, "-target", "app").refuses("record-rpc", "not reached within 300ms", "Record.Endpoints")
	})
	t.Run("group service", func(t *testing.T) {
		t.Parallel()
		env := []string{"PARLEY_GROUP_LISTEN=" + freeAddr(t), "PARLEY_GROUPSERVICE_ENDPOINTS=" + nobody, "PARLEY_RPC_STARTTIMEOUT=300ms"}
		newService(t, env, "-target", "group").refuses("group-rpc", "not reached within 300ms", "GroupService.Endpoints")
	})
}

// loginBody is what beginLogin leaves out.
const loginBody = `{"connType":0}`

// beginLogin sends a request without its body, and returns when it is being worked on.
func beginLogin(c *client) *rawConn {
	c.t.Helper()
	conn := dial(c.t, c.site.app).write(head("POST /app/user/login HTTP/1.1", "Host: x", "FZM-SIGNATURE: "+c.token(),
		"Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(loginBody)), "Expect: 100-continue"))
	// The server asks for the body once the request is being worked on.
	if line, err := conn.reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		c.t.Fatalf("the server says %q, error %v", line, err)
	}
	if _, err := conn.reader.ReadString('\n'); err != nil {
		c.t.Fatal(err)
	}
	return conn
}

// A request that has begun when the process is told to stop is answered.
func TestARequestInFlightOutlivesTheSignal(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil, "-data", t.TempDir())
	p.start()
	c := beginLogin(newUser(t, p.site))
	p.signal(syscall.SIGTERM)
	until(t, func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.site.app, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	c.write(loginBody).answer().want(t, fault.OK)
	if code := p.exit(); code != 0 {
		t.Errorf("it ends with exit code %d, want 0", code)
	}
}

// In the delay each answer ends its connection, however long ago the request began: nobody
// sends his next one just as the connection is closed.
func TestAnswersEndConnectionsOnceAProcessIsToldToStop(t *testing.T) {
	t.Parallel()
	p := newProcess(t, []string{"PARLEY_STOP_DELAY=1m"}, "-data", t.TempDir())
	p.start()
	alice := newUser(t, p.site)
	before := beginLogin(alice)
	p.signal(syscall.SIGTERM)
	p.becomes("/readyz", http.StatusServiceUnavailable, `"stopping"`)
	for came, conn := range map[string]*rawConn{"before": before, "after": beginLogin(alice)} {
		conn.write(loginBody).answer().want(t, fault.OK)
		if _, err := conn.reader.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("the connection of a request that came %s the signal outlives its answer (%v)", came, err)
		}
	}
}

// Who waits for a server can be told to stop waiting.
func TestASignalEndsTheStart(t *testing.T) {
	t.Parallel()
	p := newProcess(t, []string{"PARLEY_REDIS_ADDRS=" + freeAddr(t)}, "-data", t.TempDir())
	p.run()
	until(t, func() bool { return p.log.has("waiting for") })
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("it ends with exit code %d, want 0", code)
	}
}

// Several may run side by side, each with its own data and port.
func TestSeveralRunSideBySide(t *testing.T) {
	t.Parallel()
	first, second := newProcess(t, nil, "-data", t.TempDir()), newProcess(t, nil, "-data", t.TempDir())
	first.start()
	second.start()
	alice := newUser(t, first.site)
	alice.send(text(string(alice.uid()), "here"))
	alice.site = second.site
	if got := alice.sync(0, 10); len(got) != 0 {
		t.Errorf("the second has %v of the first", got)
	}
}
