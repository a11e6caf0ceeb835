package cloud

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"time"
)

// blob is bytes in a file.
type blob struct {
	path string
	size int64
	md5  []byte
}

// Object is an object of the bucket.
type Object struct {
	Size        int64 // in bytes
	ETag        string
	ContentType string
	Modified    time.Time

	path string
}

// Open returns an object and its bytes, or false. The caller closes them.
func (s *Server) Open(key string) (Object, io.ReadSeekCloser, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	if !ok {
		return Object{}, nil, false
	}
	f, err := os.Open(o.path)
	if err != nil {
		return Object{}, nil, false
	}
	return o, f, true
}

// Place makes an object as if somebody else than Parley had written it.
func (s *Server) Place(key, contentType string, data []byte) error {
	b, err := s.write(bytes.NewReader(data))
	if err != nil {
		return err
	}
	s.publish(key, contentType, b, s.vendor.ETag(b.md5))
	return nil
}

// write writes a file of the bucket.
func (s *Server) write(r io.Reader) (b blob, err error) {
	f, err := os.CreateTemp(s.dir, "")
	if err != nil {
		return blob{}, err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	sum := md5.New()
	n, err := io.Copy(io.MultiWriter(f, sum), r)
	return blob{path: f.Name(), size: n, md5: sum.Sum(nil)}, err
}

// publish makes an object of a blob, in place of one that is there.
func (s *Server) publish(key, contentType string, b blob, etag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.objects[key]; ok {
		_ = os.Remove(old.path) // who reads it has it open
	}
	s.objects[key] = Object{Size: b.size, ETag: etag, ContentType: contentType, Modified: time.Now(), path: b.path}
}

// receive takes the body of a request, which must be as long as it was said to be,
// and have the digest that the request names, if it does (RFC 1864).
func (s *Server) receive(r *http.Request) (blob, *Error) {
	b, err := s.write(r.Body)
	if err != nil || b.size != r.ContentLength {
		_ = os.Remove(b.path)
		return blob{}, &Error{Status: http.StatusBadRequest, Code: "IncompleteBody", Message: "The body is not as long as Content-Length says."}
	}
	if digest := r.Header.Get("Content-MD5"); digest != "" && digest != base64.StdEncoding.EncodeToString(b.md5) {
		_ = os.Remove(b.path)
		return blob{}, &Error{Status: http.StatusBadRequest, Code: "InvalidDigest", Message: "The body has another Content-MD5."}
	}
	return b, nil
}

func (s *Server) putObject(w http.ResponseWriter, r *http.Request, t Target) *Error {
	b, e := s.receive(r)
	if e != nil {
		return e
	}
	etag := s.vendor.ETag(b.md5)
	s.publish(t.Key, r.Header.Get("Content-Type"), b, etag)
	w.Header().Set("ETag", `"`+etag+`"`)
	return nil
}

func (s *Server) getObject(w http.ResponseWriter, r *http.Request, t Target) *Error {
	o, f, ok := s.Open(t.Key)
	if !ok {
		return &Error{Status: http.StatusNotFound, Code: "NoSuchKey", Message: "The specified key does not exist."}
	}
	defer func() { _ = f.Close() }()
	h := w.Header()
	h.Set("ETag", `"`+o.ETag+`"`)
	h.Set("Content-Type", o.ContentType)
	http.ServeContent(w, r, "", o.Modified, f) // knows ranges and conditions
	return nil
}
