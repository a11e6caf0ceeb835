package e2e

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// gate is a proxy in front of a server, through which only some parts pass; the
// others wait until it opens or their client is gone.
type gate struct {
	url   string
	pass  int64
	parts atomic.Int64 // that came
	open  chan struct{}
}

func newGate(t testing.TB, to site, pass int) *gate {
	t.Helper()
	target, err := url.Parse(to.app)
	must(t, err)
	g := &gate{pass: int64(pass), open: make(chan struct{})}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // by which urls in the local store are made
		},
		ErrorLog: log.New(io.Discard, "", 0), // clients and servers go away
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oss/upload-part" && g.parts.Add(1) > g.pass {
			// Only when the body is read, it is noticed that the client has gone.
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			select {
			case <-g.open:
			case <-r.Context().Done():
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

// someFile makes a file of random bytes.
func someFile(t testing.TB, name string, size int) (file string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size >> 20)}).Read(content)
	file = filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(file, content, 0o600))
	return file, content
}

// parleyPut is a run of parley put, which keeps its state in the user's folder for caches.
func (c *client) parleyPut(cache string, args ...string) (cmd *exec.Cmd, out, errOut *logBuffer) {
	c.t.Helper()
	cmd, out, errOut = c.command("put", args...), new(logBuffer), new(logBuffer)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+cache)
	cmd.Stdout, cmd.Stderr = out, errOut
	return cmd, out, errOut
}

// ends runs a command to its end and wants it to succeed.
func ends(t testing.TB, cmd *exec.Cmd, errOut *logBuffer) {
	t.Helper()
	if err := cmd.Run(); err != nil {
		t.Fatalf("put ends with %v and says %q", err, errOut.tail())
	}
}

func TestALargeFileIsPutAlthoughTheCommandIsKilled(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil, "-data", t.TempDir())
	p.start()
	for _, row := range []struct{ mib, parallel, pass, parts int }{{12, 1, 1, 3}, {40, 4, 3, 8}} {
		t.Run(fmt.Sprintf("%d MiB", row.mib), func(t *testing.T) {
			t.Parallel()
			g := newGate(t, p.site, row.pass)
			alice := newUser(t, p.site)
			alice.site.app = g.url
			file, content := someFile(t, "film.mp4", row.mib<<20)
			cache := t.TempDir()
			args := []string{"-part", "5MiB", "-parallel", fmt.Sprint(row.parallel), file}

			cmd, _, _ := alice.parleyPut(cache, args...)
			must(t, cmd.Start())
			until(t, func() bool { return noted(t, cache) == row.pass && g.parts.Load() > int64(row.pass) })
			beside, out, errOut := alice.parleyPut(cache, args...)
			if beside.Run() == nil || out.tail() != "" || !errOut.has("another process is at this upload") {
				t.Errorf("beside a process that is at it, it prints %q and says %q", out.tail(), errOut.tail())
			}
			must(t, cmd.Process.Kill())
			cmd.Wait() // how it ended is known

			g.parts.Store(0)
			close(g.open)
			cmd, out, errOut = alice.parleyPut(cache, args...)
			ends(t, cmd, errOut)
			if !errOut.has(fmt.Sprintf("goes on: %d of %d parts are there\n", row.pass, row.parts)) || g.parts.Load() != int64(row.parts-row.pass) {
				t.Errorf("it sends %d parts and says %q", g.parts.Load(), errOut.tail())
			}
			url := strings.TrimSuffix(out.tail(), "\n")
			if !strings.HasPrefix(url, g.url+"/") || !strings.HasSuffix(url, "/film.mp4") {
				t.Fatalf("it prints %q", out.tail())
			}
			holds(t, url, content)
			if n := noted(t, cache); n != -1 {
				t.Errorf("a state with %d parts is left", n)
			}
		})
	}
}

// noted is how many parts the only state in a folder for caches has, or -1.
func noted(t testing.TB, cache string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(cache, "parley", "put", "*.json"))
	must(t, err)
	if len(files) == 0 {
		return -1
	}
	text, err := os.ReadFile(files[0])
	must(t, err)
	_, etags, _ := strings.Cut(string(text), `"etags":`)
	return (strings.Count(etags, `"`) - 2*strings.Count(etags, `""`)) / 2
}

func TestAnInterruptEndsAPutAtOnce(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil, "-data", t.TempDir())
	p.start()
	g := newGate(t, p.site, 1)
	alice := newUser(t, p.site)
	alice.site.app = g.url
	file, content := someFile(t, "film.mp4", 11<<20)
	cache := t.TempDir()
	args := []string{"-part", "5MiB", "-parallel", "1", "-key", "film", file}
	cmd, out, errOut := alice.parleyPut(cache, args...)
	must(t, cmd.Start())
	until(t, func() bool { return g.parts.Load() == 2 })
	must(t, cmd.Process.Signal(syscall.SIGINT))
	cmd.Wait() // how it ended is in its state
	if cmd.ProcessState.ExitCode() != 1 || out.tail() != "" || !errOut.has("parley: interrupted: 1 of 3 parts are there: run the same command again") {
		t.Errorf("it ends with %d and says %q, %q", cmd.ProcessState.ExitCode(), out.tail(), errOut.tail())
	}
	cmd, _, errOut = alice.parleyPut(cache, append(args, "-abort")...)
	ends(t, cmd, errOut)
	if !errOut.has("dropped the upload of "+file) || noted(t, cache) != -1 {
		t.Errorf("to drop it says %q", errOut.tail())
	}
	close(g.open)
	cmd, out, errOut = alice.parleyPut(cache, args...)
	ends(t, cmd, errOut)
	holds(t, strings.TrimSuffix(out.tail(), "\n"), content)
}

// The server is killed in the middle, and comes back while the command still tries.
func TestAPutOutlivesTheServer(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil, "-data", t.TempDir())
	p.start()
	g := newGate(t, p.site, 2)
	alice := newUser(t, p.site)
	alice.site.app = g.url
	file, content := someFile(t, "film.mp4", 22<<20)
	cmd, out, errOut := alice.parleyPut(t.TempDir(), "-part", "5MiB", "-parallel", "1", file)
	must(t, cmd.Start())
	until(t, func() bool { return g.parts.Load() == 3 })
	p.kill()
	close(g.open)
	until(t, func() bool { return errOut.has("trying again: ") })
	p.start()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("put ends with %v and says %q", err, errOut.tail())
	}
	holds(t, strings.TrimSuffix(out.tail(), "\n"), content)
}
