package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/app"
	"parley/pkg/fault"
)

// ask sends a request line as it is, and returns what is answered.
func (w *rawConn) ask(method, path string) (*http.Response, []byte) {
	w.t.Helper()
	w.write(head(method+" "+path+" HTTP/1.1", "Host: x", "Content-Length: 0", "Connection: close"))
	res, err := http.ReadResponse(w.reader, nil)
	if err != nil {
		w.t.Fatalf("%s %q: %v", method, path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%s %q: %v", method, path, err)
	}
	return res, body
}

func TestNoPathLeadsOutOfTheObjects(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		mark := "content that shows that it was found"
		alice.store(inDtalk("dir/there"), []byte(mark))
		if res, body := dial(t, w.site.oss).ask("GET", "/oss/objects/dtalk/dir/there"); res.StatusCode != http.StatusOK || string(body) != mark {
			t.Fatalf("the object is answered with %d and %q", res.StatusCode, body)
		}
		for _, path := range []string{
			"", "dtalk", "dtalk/", "dtalk/dir", "dtalk/dir/", "dtalk/dir/there/", "dtalk/dir/there/.", "dtalk//dir/there", "/dtalk/dir/there", "dtalk/./dir/there",
			"dtalk/dir/../dir/there", "dtalk/dir/%2e%2e/dir/there", "dtalk/dir/%2E./dir/there", "dtalk/dir/..%2fdir%2fthere", "dtalk/dir/..%5cdir%5cthere",
			`dtalk/dir\there`, "dtalk/dir/there%00", "dtalk/dir/there%00.png", "dtalk/dir/there%0a", "dtalk/dir/there%20", "DTALK/dir/there", "dtalk/dir/THERE",
			"~64talk/dir/there", "./dtalk/dir/there", "../objects/dtalk/dir/there", "%2e%2e/objects/dtalk/dir/there",
			"../../../../../../etc/passwd", "%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd", "dtalk/../../../../../../etc/passwd", "dtalk/..%2f..%2f..%2fparley.db", "..%2fparley.db",
			"~2e~2e/parley.db", "~2e~2e~2f/lock", "~/x", "~2/x", "~2E/x", "~zz/x", "%2e/dtalk/dir/there", "dtalk/uploads", "dtalk/objects", "other/dir/there",
			"dtalk/%ff%fe", "dtalk/" + long(1025), long(255) + "/x", long(4000) + "/" + long(4000), "dtalk/%252e%252e/x", "dtalk/dir/there?versions", "?list-type=2", "dtalk?list-type=2",
		} {
			res, body := dial(t, w.site.oss).ask("GET", "/oss/objects/"+path)
			if strings.Contains(path, "there?") {
				if string(body) != mark {
					t.Errorf("a query makes a difference: %d %q", res.StatusCode, body)
				}
				continue
			}
			if res.StatusCode < 400 || res.StatusCode >= 500 || bytes.Contains(body, []byte(mark)) || bytes.Contains(body, []byte("root:")) {
				t.Errorf("%.80q is answered with status %d and %.80q", path, res.StatusCode, body)
			}
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "PROPFIND"} {
			if res, body := dial(t, w.site.oss).ask(method, "/oss/objects/dtalk/dir/there"); res.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s is answered with status %d and %.80q", method, res.StatusCode, body)
			}
		}
		holds(t, hostOf(alice, "")+"/dir/there", []byte(mark))
	})
}

// endless is a multipart body that goes on for ever in a field, with a part of the
// file before or behind it if there are texts.
func endless(c *client, path, start string) *answer {
	c.t.Helper()
	conn := dial(c.t, c.site.oss).write(head("POST "+path+" HTTP/1.1", "Host: x", "FZM-SIGNATURE: "+c.token(),
		"Content-Type: "+multipartType, "Transfer-Encoding: chunked"))
	conn.write(fmt.Sprintf("%x\r\n%s\r\n", len(start), start))
	go func() {
		piece := fmt.Sprintf("%x\r\n%s\r\n", 64*kib, long(64*kib))
		for { // until the server hangs up, or the test
			if _, err := io.WriteString(conn, piece); err != nil {
				return
			}
		}
	}()
	return conn.answer()
}

func TestABodyWithoutAnEndIsCutOff(t *testing.T) {
	config := app.Default()
	config.OssService.MaxFile, config.Oss.MaxBody = 2*mib, 3*mib
	everyStoreWith(t, keepers, config, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		field := func(name string) string {
			return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n"
		}
		_, whole := inApp("endless").encode(verbatim)
		texts := strings.TrimSuffix(string(whole), "--"+boundary+"--\r\n")
		for name, start := range map[string]string{
			"a file before its fields": field("file"), "a file behind its fields": texts + field("file"), "a field that nobody knows": field("unknown"),
		} {
			if a := endless(alice, "/oss/upload", start); a.Result != fault.FileTooLarge || a.status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s without an end is answered with status %d and %d %q", name, a.status, a.Result, a.Message)
			}
		}
		// A field that is known is held in memory, and so has a limit of its own; before
		// the first boundary nobody writes lines without an end.
		for name, start := range map[string]string{"a key": field("key"), "a preamble": "nobody reads this\r\n"} {
			if a := endless(alice, "/oss/upload", start); a.Result != fault.BadRequest {
				t.Errorf("%s without an end is answered with status %d and %d %q", name, a.status, a.Result, a.Message)
			}
		}
		alice.multipart("/oss/upload", parts{textPart("appId", "dtalk"), textPart("key", long(mib+1)), file("file", "x")}).want(t, fault.BadRequest)
		isGone(t, hostOf(alice, "")+"/endless")
		alice.store(inDtalk("endless"), []byte("and yet it is free"))
	})
}

// A body whose closing boundary has come is whole, whatever its length was said to
// be; any other leaves nothing.
func TestALengthThatIsWrongMakesNoHalfObject(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		for _, size := range []int{kib, 200 * kib, 5 * mib} {
			for name, change := range map[string]int{"a byte too short": -1, "too short for the boundary": -40, "half": -size / 2, "a byte too long": 1, "too long": 1000} {
				key := fmt.Sprint(name, size)
				content := blob(size, 30)
				contentType, body := inApp(key, file("file", string(content))).encode(verbatim)
				conn := dial(t, w.site.oss).write(head("POST /oss/upload HTTP/1.1", "Host: x", "FZM-SIGNATURE: "+alice.token(),
					"Content-Type: "+contentType, fmt.Sprint("Content-Length: ", len(body)+change))).write(string(body))
				if change > 0 {
					conn.end()
				}
				a := conn.answer()
				at := hostOf(alice, "") + "/" + strings.ReplaceAll(key, " ", "%20")
				if closed := change >= -len("\r\n"); closed && a.Result == fault.OK {
					holds(t, at, content)
					continue
				}
				if a.Result != fault.BadRequest {
					t.Errorf("%d bytes, %s: answered with status %d and %d %q", size, name, a.status, a.Result, a.Message)
				}
				isGone(t, at)
			}
		}
	})
}

func TestASlowUploadIsHungUpOn(t *testing.T) {
	t.Parallel()
	config := app.Default()
	// On one address the longest one holds.
	config.App.ReadTimeout, config.Group.ReadTimeout, config.Oss.ReadTimeout = time.Second, time.Second, time.Second
	for name, make := range keepers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// How services are called makes no difference to connections.
			w := storingIn(t, config, startTogether, make(t))
			alice := w.user()
			old := alice.store(inDtalk("slow"), []byte("old"))
			for size, rest := range map[int]int{10 * kib: 5 * kib, mib: mib / 2} {
				conn, text := halfOf(w, alice, "slow", size)
				select {
				case <-conn.drip(text[:rest]):
				case <-time.After(30 * time.Second):
					t.Errorf("an upload of %d bytes that does not end keeps its connection for half a minute", size)
				}
			}
			holds(t, old.URL, []byte("old"))
			holds(t, alice.store(inDtalk("slow"), []byte("new")).URL, []byte("new"))
		})
	}
}

func TestAFullScratchFolderIsAnsweredAsOverload(t *testing.T) {
	config := app.Default()
	config.Oss.ScratchSize = mib
	everyStoreWith(t, keepers, config, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		fileFirst := func(key string, size int) *answer {
			return alice.multipart("/oss/upload", append(parts{file("file", string(blob(size, 31)))}, inApp(key)...))
		}
		overloaded := func(what string, a *answer) {
			t.Helper()
			if a.status != http.StatusServiceUnavailable || a.Result != fault.Busy {
				t.Errorf("%s is answered with status %d and %d, want 503 and %d", what, a.status, a.Result, fault.Busy)
			}
		}
		overloaded("a file that is larger than the folder", fileFirst("large", mib+1))
		isGone(t, hostOf(alice, "")+"/large")
		// Several together are larger.
		accepted := 0
		for i, a := range together(12, func(i int) *answer { return fileFirst(fmt.Sprint("together/", i), 300*kib) }) {
			if a.Result == fault.OK {
				accepted++
				holds(t, hostOf(alice, "")+fmt.Sprint("/together/", i), blob(300*kib, 31))
			} else {
				overloaded("a file too many", a)
			}
		}
		if accepted == 0 {
			t.Error("of several files at once none is accepted")
		}
		// Afterwards it is empty again, and what flows needs none of it.
		fileFirst("afterwards", mib).want(t, fault.OK)
		holds(t, hostOf(alice, "")+"/afterwards", blob(mib, 31))
		flowing := blob(4*mib, 32)
		holds(t, alice.store(inDtalk("flowing"), flowing).URL, flowing)
	})
}

func TestAThousandKeysThatAreNeverFinishedDoNoHarm(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		eve, bob := w.user(), w.user()
		const count, workers = 1000, 20
		var wg sync.WaitGroup
		for i := range workers {
			wg.Go(func() {
				for n := i; n < count; n += workers {
					eve.initiate(inDtalk(fmt.Sprint("taken/", n))).want(t, fault.OK)
				}
			})
		}
		wg.Wait()
		bob.put(inDtalk("taken/17"), []byte("x")).want(t, fault.Forbidden)
		holds(t, bob.store(inDtalk("free"), []byte("bob's")).URL, []byte("bob's"))
		o := inDtalk("in parts")
		upload := bob.begin(o)
		holds(t, bob.completed(o, upload, bob.inParts(o, upload, []byte("bob's"))).URL, []byte("bob's"))
	})
}

// streamed uploads a part of which the bytes are not copied.
func (c *client) streamed(o object, upload string, number int, content []byte) *answer {
	c.t.Helper()
	contentType, body := o.texts(textPart("uploadId", upload), textPart("partNumber", strconv.Itoa(number)), file("file", "")).encode(verbatim)
	at := bytes.LastIndex(body, []byte("\r\n--"+boundary+"--"))
	reader := io.MultiReader(bytes.NewReader(body[:at]), bytes.NewReader(content), bytes.NewReader(body[at:]))
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.site.url("/oss/upload-part"), reader)
	if err != nil {
		c.t.Fatal(err)
	}
	req.ContentLength = int64(len(body) + len(content))
	req.Header.Set("FZM-SIGNATURE", c.token())
	req.Header.Set("Content-Type", contentType)
	a, err := do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// A thousand parts at once are all taken, and memory does not grow with them.
func TestAThousandPartsAtOnceAreAllTaken(t *testing.T) {
	t.Parallel()
	if onTiDB(t) {
		t.Skip("each part is two transactions on the row of the upload, and a TiDB takes longer for two thousand than clients wait")
	}
	p := newProcess(t, serverEnv(t), "-data", t.TempDir())
	p.env = append(p.env, storesLocally)
	p.start()
	alice := newUser(t, p.site)
	o := inDtalk("a thousand")
	upload := alice.begin(o)
	const count = 1000
	content := blob(600*kib, 33)
	before := p.peakMemory()
	list := make([]etag, count)
	for i, a := range together(count, func(i int) *answer { return alice.streamed(o, upload, i+1, content[i:]) }) {
		a.want(t, fault.OK).into(t, &list[i])
	}
	grown := p.peakMemory() - before
	t.Logf("it grew by %d MiB from %d MiB", grown/mib, before/mib)
	if grown > 300*mib { // of 586 MiB that were sent
		t.Errorf("it grew by %d MiB", grown/mib)
	}
	alice.complete(o, upload, list).want(t, fault.PartTooSmall)
	l := alice.completed(o, upload, list[count-1:])
	holds(t, l.URL, content[count-1:])
}

// peakMemory is the most memory that the process has had, in bytes.
func (p *process) peakMemory() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "kB")
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		p.t.Fatalf("the peak of memory is not to be read: %v", err)
	}
	return n * kib
}
