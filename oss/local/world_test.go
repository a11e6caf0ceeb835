package local_test

import (
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/oss"
	"parley/oss/local"
)

// world is a store with a bucket and a server, for one test.
type world struct {
	testing.TB
	folder string
	store  *local.Store
	bucket oss.Provider
	origin string
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, folder: t.TempDir()}
	w.store = open(t, w.folder)
	w.bucket = w.store.Bucket("dtalk", "")
	w.origin = serve(t, w.store)
	return w
}

func signPut(t testing.TB, b oss.Provider, key oss.Key, contentType string, size int) oss.Signed {
	t.Helper()
	s, err := b.SignPut(t.Context(), oss.Put{
		Key: key, Size: int64(size), ContentType: contentType, Expires: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) put(key oss.Key, contentType, body string) {
	w.Helper()
	s := signPut(w, w.bucket, key, contentType, len(body))
	if _, err := w.store.Send(w.Context(), s, strings.NewReader(body), int64(len(body))); err != nil {
		w.Fatal(err)
	}
}

func (w *world) start(key oss.Key) string {
	w.Helper()
	id, err := w.bucket.Start(w.Context(), key, "text/plain")
	if err != nil {
		w.Fatal(err)
	}
	return id
}

func (w *world) signPart(key oss.Key, id string, number int32, size int) oss.Signed {
	w.Helper()
	s, err := w.bucket.SignPart(w.Context(), oss.PutPart{
		Key: key, Upload: id, Number: number, Size: int64(size), Expires: time.Now().Add(time.Hour),
	})
	if err != nil {
		w.Fatal(err)
	}
	return s
}

func (w *world) tryPart(key oss.Key, id string, number int32, body io.Reader, size int) (oss.Part, error) {
	w.Helper()
	etag, err := w.store.Send(w.Context(), w.signPart(key, id, number, size), body, int64(size))
	return oss.Part{Number: number, ETag: etag}, err
}

func (w *world) part(key oss.Key, id string, number int32, body string) oss.Part {
	w.Helper()
	p, err := w.tryPart(key, id, number, strings.NewReader(body), len(body))
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// read returns what everybody reads of an object, and "" with false when it is
// not there.
func (w *world) read(key oss.Key) (string, bool) {
	w.Helper()
	response := w.get(key, nil)
	if response.StatusCode == http.StatusNotFound {
		return "", false
	}
	if response.StatusCode != http.StatusOK {
		w.Fatalf("reading %q has status %d", key, response.StatusCode)
	}
	return response.body, true
}

// reply is a response that was read to its end.
type reply struct {
	*http.Response
	body string
}

func (w *world) get(key oss.Key, header http.Header) reply {
	w.Helper()
	return w.do(http.MethodGet, w.bucket.Host(w.origin)+"/"+key.Escape(), header)
}

func (w *world) do(method, url string, header http.Header) reply {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), method, url, nil)
	if err != nil {
		w.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var b bytes.Buffer
	if _, err := io.Copy(&b, response.Body); err != nil {
		w.Fatal(err)
	}
	return reply{response, b.String()}
}

// files are the store's, by their paths below the bucket's folder.
func files(t testing.TB, folder string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(folder, path)
		_, below, _ := strings.Cut(filepath.ToSlash(rel), "/")
		paths = append(paths, below)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
