package osstest

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/oss"
)

// life is how long what is signed is good for.
const life = 10 * time.Minute

// binaryType is a content type that no key of the tests implies.
const binaryType = "application/x-parley"

func (w *world) signPut(key oss.Key, contentType string, size int64) oss.Signed {
	w.Helper()
	s, err := w.Provider.SignPut(w.ctx(), oss.Put{Key: key, Size: size, ContentType: contentType, Expires: time.Now().Add(life)})
	if err != nil {
		w.Fatalf("sign the putting of %q: %v", key, err)
	}
	return s
}

func (w *world) put(key oss.Key, contentType string, c content) {
	w.Helper()
	etag, err := w.Carrier.Send(w.ctx(), w.signPut(key, contentType, c.size), c.reader(), c.size)
	if err != nil {
		w.Fatalf("put %q: %v", key, err)
	}
	w.plainETag(etag)
}

func (w *world) plainETag(etag string) {
	w.Helper()
	if etag == "" || strings.ContainsAny(etag, "\" \r\n") {
		w.Errorf("the ETag is %q", etag)
	}
}

func (w *world) start(key oss.Key) string {
	w.Helper()
	upload, err := w.Provider.Start(w.ctx(), key, binaryType)
	if err != nil {
		w.Fatalf("start an upload of %q: %v", key, err)
	}
	if upload == "" || len(upload) > oss.MaxUploadID {
		w.Errorf("the id of an upload is %q", upload)
	}
	return upload
}

func (w *world) signPart(key oss.Key, upload string, number int32, size int64) oss.Signed {
	w.Helper()
	s, err := w.Provider.SignPart(w.ctx(), oss.PutPart{
		Key: key, Upload: upload, Number: number, Size: size, Expires: time.Now().Add(life),
	})
	if err != nil {
		w.Fatalf("sign part %d of %q: %v", number, key, err)
	}
	return s
}

// tryPart sends a part that may be refused.
func (w *world) tryPart(key oss.Key, upload string, number int32, c content) (oss.Part, error) {
	w.Helper()
	s := w.signPart(key, upload, number, c.size)
	etag, err := w.Carrier.Send(w.ctx(), s, c.reader(), c.size)
	w.tellsNothing(err, s)
	return oss.Part{Number: number, ETag: etag}, err
}

func (w *world) part(key oss.Key, upload string, number int32, c content) oss.Part {
	w.Helper()
	p, err := w.tryPart(key, upload, number, c)
	if err != nil {
		w.Fatalf("send part %d of %q: %v", number, key, err)
	}
	w.plainETag(p.ETag)
	return p
}

func (w *world) complete(key oss.Key, upload string, parts ...oss.Part) {
	w.Helper()
	if err := w.Provider.Complete(w.ctx(), key, upload, parts); err != nil {
		w.Fatalf("complete %q of %d parts: %v", key, len(parts), err)
	}
}

func (w *world) completeFails(want error, key oss.Key, upload string, parts ...oss.Part) {
	w.Helper()
	if err := w.Provider.Complete(w.ctx(), key, upload, parts); !errors.Is(err, want) {
		w.Errorf("completing %q: %v, want %v", key, err, want)
	}
}

func (w *world) abort(key oss.Key, upload string) {
	w.Helper()
	if err := w.Provider.Abort(w.ctx(), key, upload); err != nil {
		w.Errorf("abort an upload of %q: %v", key, err)
	}
}

// holds checks that everybody reads the contents, one after another, as the
// object, and that the provider describes them.
func (w *world) holds(key oss.Key, contentType string, contents ...content) {
	w.Helper()
	w.holdsSum(key, contentType, join(contents...))
}

func (w *world) holdsSum(key oss.Key, contentType string, want sum) {
	w.Helper()
	response := w.Get(w, key)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		w.Fatalf("reading %q has status %d", key, response.StatusCode)
	}
	if got := response.Header.Get("Content-Type"); got != contentType {
		w.Errorf("the content type of %q is %q, want %q", key, got, contentType)
	}
	if got := response.Header.Get("Content-Length"); got != strconv.FormatInt(want.size, 10) {
		w.Errorf("the Content-Length of %q is %q, want %d", key, got, want.size)
	}
	got, err := sumOf(response.Body)
	if err != nil {
		w.Fatalf("read %q: %v", key, err)
	}
	if got != want {
		w.Errorf("%q has %d bytes with SHA-256 %x, want %d with %x", key, got.size, got.sha256[:4], want.size, want.sha256[:4])
	}
	stat, err := w.Provider.Stat(w.ctx(), key)
	if err != nil {
		w.Fatalf("describe %q: %v", key, err)
	}
	if stat.Size != want.size {
		w.Errorf("%q is described with %d bytes, want %d", key, stat.Size, want.size)
	}
	if age := time.Since(stat.Modified); age < -time.Minute || age > time.Hour {
		w.Errorf("%q is described as %v old", key, age)
	}
}

// isAbsent checks that there is no such object.
func (w *world) isAbsent(key oss.Key) {
	w.Helper()
	if stat, err := w.Provider.Stat(w.ctx(), key); !errors.Is(err, oss.ErrNoObject) {
		w.Errorf("%q is described as %+v, %v, but is not there", key, stat, err)
	}
	response := w.Get(w, key)
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	// Some providers do not tell strangers what is not there.
	if response.StatusCode != http.StatusNotFound && response.StatusCode != http.StatusForbidden {
		w.Errorf("reading %q, which is not there, has status %d", key, response.StatusCode)
	}
}

// refused checks that the provider said no, and said it well.
func (w *world) refused(err error) {
	w.Helper()
	var refusal *oss.ProviderError
	if !errors.As(err, &refusal) {
		w.Fatalf("the error is %v, not the provider's", err)
	}
	if refusal.Provider == "" || refusal.Op == "" || refusal.Status < 400 || refusal.Status > 499 || refusal.Code == "" || refusal.Temporary() {
		w.Errorf("the refusal says %+v", refusal)
	}
}

// failed checks that err is a failure of the provider after which trying again
// may help, and none of the answers that end an upload.
func (w *world) failed(what string, err error) {
	w.Helper()
	var failure *oss.ProviderError
	if !errors.As(err, &failure) {
		w.Errorf("%s: %v, which is not an error of the provider", what, err)
		return
	}
	if failure.Provider == "" || failure.Op == "" || !failure.Temporary() {
		w.Errorf("%s: the failure says %+v", what, failure)
	}
	for _, answer := range []error{oss.ErrNoObject, oss.ErrNoUpload, oss.ErrWrongPart, oss.ErrPartTooSmall} {
		if errors.Is(err, answer) {
			w.Errorf("%s: %v, which is an answer", what, err)
		}
	}
}

// tellsNothing checks that an error, which will be logged, has nothing in it of
// what makes a signed request good.
func (w *world) tellsNothing(err error, s oss.Signed) {
	w.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	u, parseErr := url.Parse(s.URL)
	if parseErr != nil {
		w.Fatal("what was signed has no URL")
	}
	if strings.Contains(text, s.URL) || u.RawQuery != "" && strings.Contains(text, u.RawQuery) {
		w.Error("an error tells the signed URL")
	}
	values := []string{s.Header["Authorization"]}
	for name, of := range u.Query() {
		if name = strings.ToLower(name); strings.Contains(name, "signature") || strings.Contains(name, "token") {
			values = append(values, of...)
		}
	}
	for _, v := range values {
		if v != "" && (strings.Contains(text, v) || strings.Contains(text, url.QueryEscape(v))) {
			w.Error("an error tells a signature")
		}
	}
}
