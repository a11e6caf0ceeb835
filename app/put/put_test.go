package put

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/pkg/auth"
	"parley/pkg/fault"
)

const partSize = 1000

// world is a file, a server and a user who uploads.
type world struct {
	t       *testing.T
	server  *fakeServer
	options Options
	content string
	said    said
}

// said is what was said. It may be read while more is.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) has(words string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), words)
}

func newWorld(t *testing.T, size int) *world {
	t.Helper()
	key, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	w := &world{t: t, server: newServer(t)}
	w.options = Options{
		Key: key, File: filepath.Join(folder, `an "odd" name.bin`), URL: w.server.url + "/", App: "dtalk", Type: "minio", Object: "a/file",
		Part: partSize, Parallel: 1, State: filepath.Join(folder, "state", "of.json"), Err: &w.said,
		pause: func(int) time.Duration { return 0 },
	}
	w.write(size)
	return w
}

// write makes the file anew.
func (w *world) write(size int) {
	w.t.Helper()
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	w.content = string(content)
	if err := os.WriteFile(w.options.File, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// put uploads the file, which has to succeed.
func (w *world) put() {
	w.t.Helper()
	url, err := Run(w.t.Context(), w.options)
	if err != nil || url != w.server.url+"/a/file" {
		w.t.Fatalf("the upload comes to %q, %v; it said\n%s", url, err, w.said.text.String())
	}
	w.arrived()
}

// arrived wants the object to be there, and nothing else to be left.
func (w *world) arrived() {
	w.t.Helper()
	if got := w.server.has.objects["a/file"]; got != w.content {
		w.t.Errorf("the object has %d bytes that are not the %d of the file", len(got), len(w.content))
	}
	w.keepsNothing()
}

// keepsNothing wants the folder of the state to be empty.
func (w *world) keepsNothing() {
	w.t.Helper()
	left, err := os.ReadDir(filepath.Dir(w.options.State))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	for _, f := range left {
		w.t.Errorf("%s is left behind", f.Name())
	}
}

// fails runs an upload that has to fail with some words.
func (w *world) fails(words ...string) {
	w.t.Helper()
	url, err := Run(w.t.Context(), w.options)
	for _, want := range words {
		if err == nil || url != "" || !strings.Contains(err.Error(), want) {
			w.t.Errorf("the upload comes to %q, %v, want an error that says %q", url, err, want)
		}
	}
}

// stop runs an upload whose process ends at the nth request, before or after the
// server has done what it asks for.
func (w *world) stop(n int, after bool) error {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	ends := func(now int, _ string) spoil {
		if now < n {
			return 0
		}
		cancel()
		return dies
	}
	w.server.before, w.server.after = ends, nil
	if after {
		w.server.before, w.server.after = nil, ends
	}
	_, err := Run(ctx, w.options)
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	w.server.before, w.server.after = nil, nil
	return err
}

func TestAFileOfAnySizeArrives(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, partSize - 1, partSize, partSize + 1, 2 * partSize, 7*partSize + 7} {
		for _, parallel := range []int{1, 4, 16} {
			w := newWorld(t, size)
			w.options.Parallel = parallel
			w.put()
			want := map[string]int{"upload": 1}
			if size == 0 || size > partSize {
				want = map[string]int{"init-multipart-upload": 1, "complete-multipart-upload": 1}
				if size > 0 {
					want["upload-part"] = (size + partSize - 1) / partSize
				}
			}
			if !maps.Equal(w.server.count, want) {
				t.Errorf("%d bytes took the requests %v, want %v", size, w.server.count, want)
			}
		}
	}
}

func TestWhatFailsForAMomentIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]spoil{
		"the connection dies": dies, "busy": spoil(fault.Busy), "too many requests": http.StatusTooManyRequests,
		"unavailable": http.StatusServiceUnavailable, "a bad gateway": http.StatusBadGateway,
	} {
		for _, size := range []int{0, 700, 3*partSize + 1} {
			for _, done := range []bool{false, true} {
				w := newWorld(t, size)
				w.options.Parallel = 2
				failed := make(map[string]int)
				fails := func(n int, route string) spoil {
					if n%2 == 1 { // every other request
						failed[route]++
						return how
					}
					return 0
				}
				if w.server.before = fails; done {
					w.server.before, w.server.after = nil, fails
				}
				w.put()
				if len(failed) == 0 || !w.said.has("trying again: ") {
					t.Errorf("%s: %v failed, and it said %q", name, failed, w.said.text.String())
				}
			}
		}
	}
}

func TestARefusalIsToldAndNotRepeated(t *testing.T) {
	t.Parallel()
	for route, says := range map[string]string{
		"init-multipart-upload":     "Permission denied (-1019)",
		"upload-part":               "part 1: Permission denied (-1019); 0 of 4 parts are there: run the same command again to go on, or with -abort to drop them",
		"complete-multipart-upload": "Permission denied (-1019); 4 of 4 parts are there",
		"upload":                    "Permission denied (-1019)",
	} {
		w := newWorld(t, 3*partSize+5)
		if route == "upload" {
			w.write(5)
		}
		w.server.before = func(_ int, r string) spoil {
			if r == route {
				return spoil(fault.Forbidden)
			}
			return 0
		}
		w.fails(says)
		if n := w.server.counted(route); n != 1 {
			t.Errorf("%s was sent %d times", route, n)
		}
		w.server.before = nil
		w.put()
	}
	w := newWorld(t, 5)
	w.server.before = func(int, string) spoil { return http.StatusNotFound }
	w.fails("/oss/upload is answered 404 Not Found and is no Parley API")
	if w.server.all != 1 {
		t.Errorf("%d requests were sent", w.server.all)
	}
}

func TestTryingComesToAnEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2*partSize)
	w.server.before = func(_ int, route string) spoil {
		if route == "upload-part" {
			return spoil(fault.Busy)
		}
		return 0
	}
	w.fails("part 1: after 10 tries: The server is busy", "0 of 2 parts are there")
	if n := w.server.counted("upload-part"); n != maxTries {
		t.Errorf("the part was sent %d times", n)
	}
}

func TestWhatStandsStillIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, size := range []int{5, partSize + 1} {
		w := newWorld(t, size)
		w.options.patience = 200 * time.Millisecond
		hung := make(map[string]bool)
		w.server.before = func(_ int, route string) spoil {
			// What has ten minutes to complete is not waited for here.
			if hung[route] || route == "complete-multipart-upload" {
				return 0
			}
			hung[route] = true
			return hangs
		}
		w.put()
		if !w.said.has(": nothing moves") {
			t.Errorf("it says %q", w.said.text.String())
		}
	}
}

func TestWordsOfTheServerCannotMoveTheCursor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"result":-1009,"message":"no\u001b[2J","data":null}`)
	}))
	defer server.Close()
	w.options.URL = server.URL
	w.fails(`no\x1b[2J (-1009)`)
}

func TestThePausesGrow(t *testing.T) {
	t.Parallel()
	for n := 1; n < 100; n++ {
		full := min(firstPause<<min(n-1, 20), maxPause)
		if p := pauseAfter(n); p > full || p < full/2 {
			t.Errorf("pause %d is %v, of up to %v", n, p, full)
		}
	}
}

func TestAPartThatIsTooLargeForTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	if err := os.Truncate(w.options.File, 40<<20); err != nil {
		t.Fatal(err)
	}
	w.content = strings.Repeat("\x00", 40<<20)
	w.options.Part = 20 << 20
	w.server.before = func(_ int, route string) spoil {
		if route == "upload-part" {
			return spoil(fault.FileTooLarge)
		}
		return 0
	}
	w.fails("part 1: 20 MiB at once: The file is too large (-10202); servers take 16 MiB by default: choose a smaller -part")
	w.options.Part = 64 << 20
	w.server.before = func(int, string) spoil { return spoil(fault.FileTooLarge) }
	state := w.options.State
	w.options.State += "2"
	w.fails("40 MiB at once: The file is too large (-10202); servers take 16 MiB by default: choose a smaller -part")
	w.server.before, w.options.State = nil, state
	w.options.Part = 8 << 20
	w.put()
	if n := w.server.counted("upload-part"); n != 6 {
		t.Errorf("%d parts were sent, want the refused one and 5", n)
	}
}

func TestPartsGrowWithTheFile(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ size, wanted, want int64 }{
		{0, 8 << 20, 8 << 20},
		{1, 8 << 20, 8 << 20},
		{10_000 * 8 << 20, 8 << 20, 8 << 20},
		{10_000*8<<20 + 1, 8 << 20, 9 << 20},
		{10_000 * 16 << 20, 5 << 20, 16 << 20},
		{1 << 40, 5 << 20, 105 << 20},
	} {
		got := planned(row.size, row.wanted)
		if got != row.want || countOf(row.size, got) > 10_000 {
			t.Errorf("%d bytes go in parts of %d, want %d", row.size, got, row.want)
		}
	}
	u := &upload{size: 10_000*16<<20 + 1}
	if got, want := u.smallest(), ", but a file of 156.3 GiB needs at least 17 MiB"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

func TestWhatIsNoFileIsNotUploaded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	for file, says := range map[string]string{t.TempDir(): "is no regular file", w.options.File + "s": "no such file", os.DevNull: "is no regular file"} {
		w.options.File = file
		w.fails(says)
	}
	w = newWorld(t, 5)
	for _, key := range []string{"/a", "a/../b", `a\b`, " ", "a\n", strings.Repeat("a", 1025)} {
		w.options.Object = key
		w.fails("not allowed", "choose another with -key")
	}
	for _, url := range []string{"", "localhost:8888", "ftp://localhost", "http://"} {
		w.options.URL = url
		w.fails("is not an address such as http://localhost:8888")
	}
	if w.server.all != 0 {
		t.Errorf("%d requests were sent", w.server.all)
	}
}

func TestTheDefaultKeyHasTheDayAndTheName(t *testing.T) {
	t.Parallel()
	day := time.Date(2022, 6, 5, 0, 0, 0, 0, time.UTC)
	first, second := defaultObject("/some/where/cat.png", day), defaultObject("cat.png", day)
	var word string
	if n, err := fmt.Sscanf(first, "2022/06/05/%8s/cat.png", &word); n != 1 || err != nil || !strings.HasSuffix(first, "/cat.png") {
		t.Errorf("the key is %s", first)
	}
	if first == second {
		t.Error("two files have the same key")
	}
}
