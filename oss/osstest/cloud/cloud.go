// Package cloud is what the fakes of object storage clouds have in common: one
// bucket that anybody may read, the rules of uploads in parts, and faults that a
// test can order. Objects are files in a folder of the test, so that large ones do
// not fill the memory. How requests are signed is the vendor's own: a fake of it
// gives a Vendor.
//
// It is no object storage for production: it forgets all when the test ends.
package cloud

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Vendor is what a cloud does in its own way.
type Vendor struct {
	// Prefix is that of its headers, such as "x-oss-".
	Prefix string
	// Namespace is that of its XML answers, or "".
	Namespace string
	// ETag writes the MD5 of an object or part.
	ETag func(md5 []byte) string
	// MinPart is the least size in bytes of a part that is not the last.
	MinPart int64
	// MaxKey is the longest key of an object in bytes.
	MaxKey int
	// Verify finds the key that a request was signed with, or returns an *Error when
	// the signature is not that of the request. A request without any signature has
	// no key and no error.
	Verify func(r *http.Request, t Target) (*Key, *Error)
	// Explain puts an error into the header of an answer that has no body.
	Explain func(h http.Header, e *Error, xml []byte)
}

// Target is what a request is about.
type Target struct {
	Bucket  string
	Key     string
	Escaped string // Key as it came in the URL
}

// Server is a cloud with one bucket.
type Server struct {
	// Faults are those of every request, except what is asked of Open and Place.
	Faults *Faults
	// Keys are the access keys that it knows.
	Keys *Keyring

	vendor Vendor
	bucket string
	dir    string
	addr   string

	mu      sync.Mutex
	objects map[string]Object
	uploads map[string]*upload
}

// Start starts a cloud that ends with the test. It listens on the loopback address.
func Start(t testing.TB, bucket string, keys *Keyring, v Vendor) *Server {
	t.Helper()
	s := &Server{
		Keys: keys, vendor: v, bucket: bucket, dir: t.TempDir(),
		objects: map[string]Object{}, uploads: map[string]*upload{},
	}
	s.Faults = NewFaults(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, &Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: "Please try again later."})
	})
	s.addr = s.Faults.Serve(t, s)
	return s
}

// Addr returns host and port of the cloud: 127.0.0.1 and a free port.
func (s *Server) Addr() string { return s.addr }

// Port returns the port of the cloud.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.addr)
	return port
}

// PublicURL is where anybody reads the bucket, in path style: an address that needs
// no name.
func (s *Server) PublicURL() string { return "http://" + s.addr + "/" + s.bucket }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e := s.serve(w, r); e != nil {
		s.refuse(w, r, e)
	}
}

// serve does what a request asks for, once it is known who asks.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) *Error {
	t, e := target(r)
	if e != nil {
		return e
	}
	op := operationOf(r, t)
	key, e := s.vendor.Verify(r, t)
	switch {
	case e != nil:
		return e
	case key == nil && !op.public:
		return denied("A request without a signature may only read an object.")
	case key != nil && !key.may(op.action, t.Key):
		return denied("The key may not do this.")
	case t.Bucket != s.bucket:
		return &Error{Status: http.StatusNotFound, Code: "NoSuchBucket", Message: "The specified bucket does not exist."}
	case len(t.Key) > s.vendor.MaxKey:
		return &Error{Status: http.StatusBadRequest, Code: "InvalidObjectName", Message: "The length of the key is not valid."}
	case op.body && r.ContentLength < 0:
		return &Error{Status: http.StatusLengthRequired, Code: "MissingContentLength", Message: "You must provide the Content-Length HTTP header."}
	}
	w.Header().Set(s.vendor.Prefix+"request-id", requestID())
	return op.do(s, w, r, t)
}

// target reads bucket and key from host and path. Both ways to name a bucket are
// understood: bucket.host/key, and host/bucket/key where the host is an IP address or
// has no dot.
func target(r *http.Request) (Target, *Error) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	t := Target{Escaped: path}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if first, _, ok := strings.Cut(host, "."); ok && net.ParseIP(host) == nil {
		t.Bucket = first
	} else {
		t.Bucket, t.Escaped, _ = strings.Cut(path, "/")
	}
	key, err := url.PathUnescape(t.Escaped)
	if err != nil {
		return t, &Error{Status: http.StatusBadRequest, Code: "InvalidURI", Message: "The path is not escaped well."}
	}
	t.Key = key
	return t, nil
}

// operation is one of the requests that a cloud knows.
type operation struct {
	action Action
	public bool // may be asked for without a signature
	body   bool // comes with one, whose length must be known
	do     func(*Server, http.ResponseWriter, *http.Request, Target) *Error
}

func operationOf(r *http.Request, t Target) operation {
	q := r.URL.Query()
	switch {
	case t.Key == "" && r.Method == http.MethodGet:
		return operation{action: List, do: unsupported}
	case t.Key == "":
		return operation{do: unsupported}
	case r.Method == http.MethodPut && q.Has("uploadId"):
		return operation{action: Write, body: true, do: (*Server).putPart}
	case r.Method == http.MethodPut:
		return operation{action: Write, body: true, do: (*Server).putObject}
	case r.Method == http.MethodPost && q.Has("uploads"):
		return operation{action: Write, do: (*Server).startUpload}
	case r.Method == http.MethodPost && q.Has("uploadId"):
		return operation{action: Write, body: true, do: (*Server).completeUpload}
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		return operation{action: Abort, do: (*Server).abortUpload}
	case r.Method == http.MethodDelete:
		return operation{action: Delete, do: unsupported}
	case r.Method == http.MethodGet && q.Has("uploadId"):
		return operation{action: List, do: unsupported}
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return operation{action: Read, public: true, do: (*Server).getObject}
	}
	return operation{do: unsupported}
}

func unsupported(*Server, http.ResponseWriter, *http.Request, Target) *Error {
	return &Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "This cloud cannot do it."}
}
