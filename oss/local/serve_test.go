package local_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"parley/oss"
	"parley/oss/local"
)

func TestAnObjectIsServedAsBrowsersAskForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const key, text = "a/page.html", "0123456789"
	w.put(key, "text/html; charset=utf-8", text)
	whole := w.get(key, nil)
	etag, modified := whole.Header.Get("ETag"), whole.Header.Get("Last-Modified")
	if etag != `"781e5e245d69b566979b86e28d23f2c7"` { // md5sum of the text
		t.Errorf("the ETag is %s", etag)
	}
	at, err := http.ParseTime(modified)
	if err != nil || time.Since(at) > time.Minute || time.Since(at) < -time.Second {
		t.Errorf("Last-Modified is %q", modified)
	}
	before := at.Add(-time.Second).Format(http.TimeFormat)
	for _, c := range []struct {
		name, header, value string
		status              int
		body, contentRange  string
	}{
		{"whole", "", "", 200, text, ""},
		{"the beginning", "Range", "bytes=0-2", 206, "012", "bytes 0-2/10"},
		{"the middle", "Range", "bytes=3-5", 206, "345", "bytes 3-5/10"},
		{"from somewhere on", "Range", "bytes=7-", 206, "789", "bytes 7-9/10"},
		{"the end, without the label", "Range", "bytes=-3", 206, "789", "bytes 7-9/10"},
		{"more than there is", "Range", "bytes=8-1000", 206, "89", "bytes 8-9/10"},
		{"behind the end, where the label is", "Range", "bytes=10-", 416, "", "bytes */10"},
		{"a range that is none", "Range", "bytes=x", 416, "", ""},
		{"the same as is known", "If-None-Match", etag, 304, "", ""},
		{"the same as is known weakly", "If-None-Match", "W/" + etag, 304, "", ""},
		{"another than is known", "If-None-Match", `"1"`, 200, text, ""},
		{"not changed since", "If-Modified-Since", modified, 304, "", ""},
		{"changed since", "If-Modified-Since", before, 200, text, ""},
		{"of another version", "If-Match", `"1"`, 412, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			if c.header != "" {
				header.Set(c.header, c.value)
			}
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				got := w.do(method, w.bucket.Host(w.origin)+"/"+oss.Key(key).Escape(), header)
				if got.StatusCode != c.status {
					t.Errorf("%s has status %d, want %d", method, got.StatusCode, c.status)
				}
				body := c.body
				if method == http.MethodHead {
					body = ""
				}
				if c.status < 300 && got.body != body {
					t.Errorf("%s has the body %q, want %q", method, got.body, body)
				}
				if c.contentRange != "" && got.Header.Get("Content-Range") != c.contentRange {
					t.Errorf("%s has the range %q, want %q", method, got.Header.Get("Content-Range"), c.contentRange)
				}
				if c.status < 300 && got.ContentLength != int64(len(c.body)) {
					t.Errorf("%s has length %d, want %d", method, got.ContentLength, len(c.body))
				}
			}
		})
	}
}

func TestARangeIsOfTheVersionThatWasMeant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("film.mp4", "video/mp4", "first")
	etag := w.get("film.mp4", nil).Header.Get("ETag")
	ranged := http.Header{"Range": {"bytes=1-2"}, "If-Range": {etag}}
	if got := w.get("film.mp4", ranged); got.StatusCode != 206 || got.body != "ir" {
		t.Errorf("a range of the same version has status %d and body %q", got.StatusCode, got.body)
	}
	w.put("film.mp4", "video/mp4", "second")
	if got := w.get("film.mp4", ranged); got.StatusCode != 200 || got.body != "second" {
		t.Errorf("a range of a version that was overwritten has status %d and body %q", got.StatusCode, got.body)
	}
}

func TestSeveralRangesComeInOneAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("film.mp4", "video/mp4", "0123456789")
	got := w.get("film.mp4", http.Header{"Range": {"bytes=0-1,8-9"}})
	if got.StatusCode != 206 || !strings.Contains(got.body, "\r\n\r\n01\r\n") || !strings.Contains(got.body, "\r\n\r\n89\r\n") {
		t.Errorf("two ranges have status %d and body %q", got.StatusCode, got.body)
	}
}

// safe are the headers that keep an object from acting in the name of the API.
func safe(t *testing.T, r reply) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox",
		"Access-Control-Allow-Origin": "*", "Content-Disposition": "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("the header %s is %q, want %q", name, got, want)
		}
	}
}

func TestAnObjectOfAStrangerCannotAct(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("evil.html", "text/html", "<script>alert(1)</script>")
	w.put("plain", "", "<script>alert(1)</script>")
	html, plain := w.get("evil.html", nil), w.get("plain", nil)
	safe(t, html)
	safe(t, plain)
	if got := plain.Header.Get("Content-Type"); got != "application/octet-stream" {
		t.Errorf("an object without a content type has %q", got)
	}
	if got := html.Header.Get("Cache-Control"); got != "public, no-cache" {
		t.Errorf("Cache-Control is %q", got)
	}
}

func TestWhatIsNoObjectIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("a/b", "text/plain", "text")
	w.put("secret", "text/plain", "text")
	id := w.start("a/b")
	w.part("a/b", id, 1, "a part")
	paths := []string{
		"", "/", "/a", "/a/", "/a//b", "/A/b", "//a/b", "/a/./b", "/./a/b", "/c/../a/b", "/%2e%2e/dtalk/a/b",
		"/a%00b", "/a/b%00", "/a%5Cb", "/%2Fa/b", "/..%2f..%2fetc%2fpasswd", "/../../../../../../etc/passwd",
		"/%c0%ae%c0%ae/a", "/" + strings.Repeat("k", oss.MaxKey+1), "/%20", "/uploads/" + id + "/00001", "/a/b.done",
		"/a%2525b", "x/a/b", "/../dtalk/a/b",
	}
	for _, path := range paths {
		got := w.do(http.MethodGet, w.origin+local.Path+"dtalk"+path, nil)
		if got.StatusCode != http.StatusNotFound || got.body != "there is no such object\n" {
			t.Errorf("%q has status %d and body %q", path, got.StatusCode, got.body)
		}
		if got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("that %q is not there may be kept", path)
		}
		safe(t, got)
	}
	for _, path := range []string{"/", "/oss/objects", "/oss/objects/", "/oss/objects//a/b", "/oss/objects/~64talk/a/b", "/oss/objects/~6/a", "/oss/objects/~zz/a", "/oss/objects/DTALK/a/b", "/oss/objects/./dtalk/a/b"} {
		if got := w.do(http.MethodGet, w.origin+path, nil); got.StatusCode != http.StatusNotFound {
			t.Errorf("%q has status %d", path, got.StatusCode)
		}
	}
	if text, ok := w.read("a/b"); !ok || text != "text" {
		t.Errorf("the object reads %q, %v", text, ok)
	}
}

func TestObjectsAreOnlyRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("a", "text/plain", "text")
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, "PROPFIND"} {
		got := w.do(method, w.bucket.Host(w.origin)+"/a", nil)
		if got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s has status %d and allows %q", method, got.StatusCode, got.Header.Get("Allow"))
		}
		safe(t, got)
	}
}

func TestAHostIsWhatWasConfiguredOrWhereTheClientCame(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	for _, c := range []struct{ bucket, publicURL, want string }{
		{"dtalk", "", "http://192.0.2.1:8888/oss/objects/dtalk"},
		{"dtalk", "https://files.example.com/x", "https://files.example.com/x"},
		{"..", "", "http://192.0.2.1:8888/oss/objects/~2e."},
		{"a b/应", "", "http://192.0.2.1:8888/oss/objects/a~20b~2f~e5~ba~94"},
	} {
		if got := s.Bucket(c.bucket, c.publicURL).Host("http://192.0.2.1:8888"); got != c.want {
			t.Errorf("the host of %q is %q, want %q", c.bucket, got, c.want)
		}
	}
}

func TestBucketsDoNotShareObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("a", "text/plain", "text")
	other := w.store.Bucket("other", "")
	if _, err := other.Stat(t.Context(), "a"); err != oss.ErrNoObject {
		t.Errorf("an object of another bucket is described: %v", err)
	}
	id := w.start("a")
	if err := other.Abort(t.Context(), "a", id); err != nil {
		t.Error(err)
	}
	w.part("a", id, 1, "still there")
}

func TestWhoReadsAnObjectThatIsOverwrittenReadsTheOldOneToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := strings.Repeat("old", 8<<20)
	w.put("a", "text/plain", old)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.bucket.Host(w.origin)+"/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	w.put("a", "text/plain", "new")
	if b, err := io.ReadAll(response.Body); err != nil || string(b) != old {
		t.Errorf("the reader got %d bytes: %v", len(b), err)
	}
	if text, _ := w.read("a"); text != "new" {
		t.Errorf("the next one got %q", text)
	}
}

// kernelWriter stands for the writer of net/http, which has the kernel send what
// is a file with a limit.
type kernelWriter struct {
	*httptest.ResponseRecorder
	files int
}

// ReadFrom implements io.ReaderFrom.
func (w *kernelWriter) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if _, ok := limited.R.(*os.File); ok {
			w.files++
		}
	}
	return io.Copy(w.ResponseRecorder, r)
}

func TestAnObjectIsSentByTheKernel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("a", "text/plain", "0123456789")
	for header, want := range map[string]string{"": "0123456789", "bytes=2-4": "234", "bytes=-1": "9"} {
		r := httptest.NewRequest(http.MethodGet, w.bucket.Host("http://h")+"/a", nil)
		if header != "" {
			r.Header.Set("Range", header)
		}
		reply := &kernelWriter{ResponseRecorder: httptest.NewRecorder()}
		w.store.ServeHTTP(reply, r)
		if reply.files != 1 || reply.Body.String() != want {
			t.Errorf("the range %q was sent from %d files and reads %q", header, reply.files, reply.Body.String())
		}
	}
}
