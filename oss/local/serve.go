package local

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"parley/oss"
)

// Path is below which a Store serves objects: what follows is the bucket's name, a
// slash, and the key.
const Path = "/oss/objects/"

var _ http.Handler = (*Store)(nil)

// leastRate is how slowly a client may read an object, in bytes a second.
const leastRate = 64 << 10

// readTime is how long it may take to read an object of size bytes.
func readTime(size int64) time.Duration {
	return time.Minute + time.Duration(size/leastRate)*time.Second
}

// runs reports whether a browser might run scripts in what it shows of a content
// type: not in pictures, but SVG, in sound, films and PDF, whose viewers show nothing
// in a sandbox.
func runs(contentType string) bool {
	kind, rest, _ := strings.Cut(strings.ToLower(contentType), "/")
	switch kind {
	case "audio", "video":
		return false
	case "image":
		return strings.HasPrefix(rest, "svg")
	}
	return kind != "application" || rest != "pdf"
}

// ServeHTTP answers GET and HEAD of objects. Anybody may read them, from any
// page. They come from strangers, but have the origin of the API: the browser is
// told to guess no type and to run no script. How long a client may take depends on
// how much there is to read.
//
// It must get paths as they came: a mux that cleans them cannot find a key like
// "a//b".
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		answer(w, http.StatusMethodNotAllowed, "only GET and HEAD are allowed")
		return
	}
	bucket, key, ok := parsePath(r.URL.Path)
	if !ok {
		answer(w, http.StatusNotFound, oss.ErrNoObject.Error())
		return
	}
	f, l, err := openLabelled(s.root(bucket).object(key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		answer(w, http.StatusNotFound, oss.ErrNoObject.Error())
		return
	case err != nil:
		s.failed(broken("read an object", err))
		answer(w, http.StatusInternalServerError, "the object cannot be read")
		return
	}
	defer func() { _ = f.Close() }()
	if l.ContentType == "" {
		l.ContentType = key.ContentType()
	}
	if !runs(l.ContentType) {
		h.Del("Content-Security-Policy")
	}
	// A writer that knows no deadlines needs none.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(readTime(l.Size)))
	h.Set("Content-Type", l.ContentType)
	h.Set("ETag", `"`+l.ETag+`"`)
	// The owner may overwrite the object: caches keep it, but ask whether it is
	// still the same, which costs no more than an answer without a body.
	h.Set("Cache-Control", "public, no-cache")
	http.ServeContent(fileWriter{w}, r, "", l.modified(), &content{f, l.Size})
}

// answer is what there is to say when there is no object to send. It is not for
// caches: the object may come.
func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, text, status)
}

// content is the content of a file without its label. Its offset is the file's.
// Read goes on into the label: ServeContent does not, as it reads no more than
// Seek told it there is.
type content struct {
	*os.File
	size int64
}

var _ io.ReadSeeker = (*content)(nil)

// Seek implements io.Seeker, with the end where the content has it.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		offset, whence = offset+c.size, io.SeekStart
	}
	return c.File.Seek(offset, whence)
}

// fileWriter shows the file within a content to the writer beneath: the kernel
// sends files to sockets by itself (sendfile), but only what it knows for a file.
type fileWriter struct{ http.ResponseWriter }

// Unwrap lets http.ResponseController through.
func (w fileWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ReadFrom implements io.ReaderFrom.
func (w fileWriter) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if c, ok := limited.R.(*content); ok {
			r = &io.LimitedReader{R: c.File, N: limited.N}
		}
	}
	return io.Copy(w.ResponseWriter, r)
}

const hexDigits = "0123456789abcdef"

// segment returns the name of a bucket for a path. Letters, digits, "-" and "_"
// are themselves, "." is but at the beginning, and any other byte is "~" and its
// two hexadecimal digits: percent signs and dots would not come through every
// proxy and browser as they are.
func segment(bucket string) string {
	var b strings.Builder
	for i := range len(bucket) {
		c := bucket[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'~', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

// parseSegment is the inverse of segment.
func parseSegment(s string) (bucket string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '~' {
			if i+2 >= len(s) {
				return "", false
			}
			high, low := strings.IndexByte(hexDigits, s[i+1]), strings.IndexByte(hexDigits, s[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			c = byte(high<<4 | low)
			i += 2
		}
		b.WriteByte(c)
	}
	bucket = b.String()
	return bucket, validBucket(bucket) && segment(bucket) == s
}

// parsePath takes the path of an object apart, which has been unescaped once.
// Whatever is in it, it leads to no file but objects: their names are hashes.
func parsePath(path string) (bucket string, key oss.Key, ok bool) {
	rest, ok := strings.CutPrefix(path, Path)
	if !ok {
		return "", "", false
	}
	s, name, ok := strings.Cut(rest, "/")
	if !ok {
		return "", "", false
	}
	key = oss.Key(name)
	bucket, ok = parseSegment(s)
	return bucket, key, ok && key.Check() == nil
}
