package cloud

import (
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// maxPart is the highest number of a part.
const maxPart = 10000

// maxList is the most bytes of the list of parts that are read: 10,000 parts have
// about 1 MB.
const maxList = 4 << 20

// upload is an object that is being written in parts.
type upload struct {
	key         string
	contentType string
	parts       map[int]part
}

type part struct {
	blob
	etag string
}

// Unfinished returns how many uploads in parts are neither completed nor aborted.
func (s *Server) Unfinished() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

// find returns an upload. The caller has the lock.
func (s *Server) find(r *http.Request, t Target) (id string, u *upload, e *Error) {
	id = r.URL.Query().Get("uploadId")
	u, ok := s.uploads[id]
	if !ok || u.key != t.Key {
		return id, nil, &Error{Status: http.StatusNotFound, Code: "NoSuchUpload", Message: "The specified upload does not exist."}
	}
	return id, u, nil
}

func (s *Server) startUpload(w http.ResponseWriter, r *http.Request, t Target) *Error {
	id := random(16)
	s.mu.Lock()
	s.uploads[id] = &upload{key: t.Key, contentType: r.Header.Get("Content-Type"), parts: map[int]part{}}
	s.mu.Unlock()
	return s.answer(w, struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		XMLNS    string   `xml:"xmlns,attr,omitempty"`
		Bucket   string
		Key      string
		UploadID string `xml:"UploadId"`
	}{XMLNS: s.vendor.Namespace, Bucket: s.bucket, Key: t.Key, UploadID: id})
}

func (s *Server) putPart(w http.ResponseWriter, r *http.Request, t Target) *Error {
	number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if err != nil || number < 1 || number > maxPart {
		return &Error{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: "partNumber must be a number from 1 to 10000."}
	}
	s.mu.Lock()
	_, _, e := s.find(r, t)
	s.mu.Unlock()
	if e != nil {
		return e
	}
	b, e := s.receive(r)
	if e != nil {
		return e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, u, e := s.find(r, t)
	if e != nil { // it was completed or aborted meanwhile
		_ = os.Remove(b.path)
		return e
	}
	if old, ok := u.parts[number]; ok {
		_ = os.Remove(old.path)
	}
	etag := s.vendor.ETag(b.md5)
	u.parts[number] = part{blob: b, etag: etag}
	w.Header().Set("ETag", `"`+etag+`"`)
	return nil
}

func (s *Server) abortUpload(w http.ResponseWriter, r *http.Request, t Target) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, u, e := s.find(r, t)
	if e != nil {
		return e
	}
	delete(s.uploads, id)
	u.drop()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// drop removes the files of the parts.
func (u *upload) drop() {
	for _, p := range u.parts {
		_ = os.Remove(p.path)
	}
}

// listed is a part in the list of whoever completes an upload.
type listed struct {
	PartNumber int
	ETag       string
}

func (s *Server) completeUpload(w http.ResponseWriter, r *http.Request, t Target) *Error {
	var list struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Part    []listed
	}
	if err := xml.NewDecoder(io.LimitReader(r.Body, maxList)).Decode(&list); err != nil || len(list.Part) == 0 {
		return &Error{Status: http.StatusBadRequest, Code: "MalformedXML", Message: "The list of parts cannot be read or has none."}
	}
	u, parts, e := s.take(r, t, list.Part)
	if e != nil {
		return e
	}
	defer u.drop()
	b, etag, err := s.join(parts)
	if err != nil {
		return &Error{Status: http.StatusInternalServerError, Code: "InternalError", Message: err.Error()}
	}
	s.publish(t.Key, u.contentType, b, etag)
	return s.answer(w, struct {
		XMLName  xml.Name `xml:"CompleteMultipartUploadResult"`
		XMLNS    string   `xml:"xmlns,attr,omitempty"`
		Location string
		Bucket   string
		Key      string
		ETag     string
	}{XMLNS: s.vendor.Namespace, Location: s.PublicURL() + "/" + t.Escaped, Bucket: s.bucket, Key: t.Key, ETag: `"` + etag + `"`})
}

// take checks the list of parts and takes the upload away, so that it is completed
// once.
func (s *Server) take(r *http.Request, t Target, list []listed) (*upload, []part, *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, u, e := s.find(r, t)
	if e != nil {
		return nil, nil, e
	}
	parts := make([]part, 0, len(list))
	for i, l := range list {
		p, ok := u.parts[l.PartNumber]
		switch {
		case i > 0 && list[i-1].PartNumber >= l.PartNumber:
			return nil, nil, &Error{Status: http.StatusBadRequest, Code: "InvalidPartOrder", Message: "The list of parts was not in ascending order."}
		case !ok || strings.Trim(l.ETag, `"`) != p.etag:
			return nil, nil, &Error{Status: http.StatusBadRequest, Code: "InvalidPart", Message: "One or more of the specified parts could not be found or have another ETag."}
		}
		parts = append(parts, p)
	}
	for _, p := range parts[:len(parts)-1] {
		if p.size < s.vendor.MinPart {
			return nil, nil, &Error{Status: http.StatusBadRequest, Code: "EntityTooSmall", Message: "A part that is not the last is too small."}
		}
	}
	delete(s.uploads, id)
	return u, parts, nil
}

// join writes the parts into one file. The ETag is the MD5 of their MD5s and their
// number, as all these clouds have it.
func (s *Server) join(parts []part) (blob, string, error) {
	sums := md5.New()
	files := make([]io.Reader, 0, len(parts))
	for _, p := range parts {
		_, _ = sums.Write(p.md5)
		files = append(files, &lazyFile{path: p.path})
	}
	b, err := s.write(io.MultiReader(files...))
	return b, fmt.Sprintf("%s-%d", s.vendor.ETag(sums.Sum(nil)), len(parts)), err
}

// lazyFile opens a file when it is first read and closes it at its end: there may be
// more parts than a process can have open.
type lazyFile struct {
	path string
	file *os.File
}

// Read implements io.Reader.
func (l *lazyFile) Read(p []byte) (int, error) {
	if l.file == nil {
		f, err := os.Open(l.path)
		if err != nil {
			return 0, err
		}
		l.file = f
	}
	n, err := l.file.Read(p)
	if err != nil {
		_ = l.file.Close()
	}
	return n, err
}

// answer writes an XML answer.
func (s *Server) answer(w http.ResponseWriter, v any) *Error {
	body, err := xml.Marshal(v)
	if err != nil {
		return &Error{Status: http.StatusInternalServerError, Code: "InternalError", Message: err.Error()}
	}
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(append([]byte(xml.Header), body...))
	return nil
}
