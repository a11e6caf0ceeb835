package put

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"parley/pkg/auth"
	"parley/pkg/fault"
	"parley/pkg/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/app/put.") }

// storage is what a server has: objects, and uploads by their ids.
type storage struct {
	objects map[string]string
	uploads map[string]begun
}

// begun is an upload in parts.
type begun struct {
	key   string
	parts map[int]string
	over  string // the parts that it was completed with, "" before
}

// clone copies a storage, whose uploads are replaced and never changed.
func (s storage) clone() storage { return storage{maps.Clone(s.objects), maps.Clone(s.uploads)} }

// fakeServer behaves like the routes of object storage.
type fakeServer struct {
	t        *testing.T
	verifier *auth.Verifier
	url      string

	mu    sync.Mutex
	has   storage
	count map[string]int // requests of a route
	all   int

	// before and after are called around the nth request, from 1, with the lock held.
	// They return how it is spoilt, or 0.
	before, after func(n int, route string) spoil
}

// spoil is what becomes of a request: an HTTP status without an envelope, a code of
// the API, or a connection that dies or stands still.
type spoil int

const (
	dies  spoil = 1
	hangs spoil = 2 // until its client goes away
)

func newServer(t *testing.T) *fakeServer {
	s := &fakeServer{
		t: t, verifier: auth.NewVerifier(auth.Config{}), count: make(map[string]int),
		has: storage{make(map[string]string), make(map[string]begun)},
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// ServeHTTP implements http.Handler. One request is served at a time, from when its
// body has come.
func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route := strings.TrimPrefix(r.URL.Path, "/oss/")
	if r.ContentLength < 0 {
		s.t.Errorf("%s comes without its length", route)
	}
	if _, err := s.verifier.Verify(r.Header.Get("FZM-SIGNATURE")); err != nil {
		s.t.Errorf("%s comes with a token that is refused: %v", route, err)
	}
	asked, ok := s.parse(r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all++
	s.count[route]++
	n := s.all
	if s.before != nil && s.spoilt(w, r, s.before(n, route)) {
		return
	}
	data, code := s.answer(route, asked)
	if s.after != nil && s.spoilt(w, r, s.after(n, route)) {
		return
	}
	reply(w, code, data)
}

func (s *fakeServer) spoilt(w http.ResponseWriter, r *http.Request, how spoil) bool {
	switch {
	case how == 0:
		return false
	case how == dies:
		panic(http.ErrAbortHandler)
	case how == hangs:
		<-r.Context().Done()
	case how < 0:
		reply(w, fault.Code(how), nil)
	default:
		w.WriteHeader(int(how))
		fmt.Fprint(w, "<html>")
	}
	return true
}

func reply(w http.ResponseWriter, code fault.Code, data any) {
	json.NewEncoder(w).Encode(map[string]any{"result": code, "message": code.Error(), "data": data})
}

// request is what any route is asked.
type request struct {
	App    string `json:"appId"`
	Type   string `json:"ossType"`
	Key    string `json:"key"`
	Upload string `json:"uploadId"`
	Parts  []part `json:"parts"`
	number int
	file   string
}

// parse reads a request, unless its client goes away meanwhile. The fields of a form
// must come before the file.
func (s *fakeServer) parse(r *http.Request) (q request, ok bool) {
	if r.Header.Get("Content-Type") == "application/json" {
		return q, json.NewDecoder(r.Body).Decode(&q) == nil
	}
	form, err := r.MultipartReader()
	if err != nil {
		s.t.Errorf("%s is no form: %v", r.URL.Path, err)
		return q, false
	}
	fields := make(map[string]string)
	for {
		p, err := form.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return q, false
		}
		if _, behind := fields["file"]; behind {
			s.t.Errorf("the field %s comes behind the file", p.FormName())
		}
		if (p.FormName() == "file") != (p.FileName() != "") || p.Header.Get("Content-Type") != "" {
			s.t.Errorf("the header of a field is %v", p.Header)
		}
		text, err := io.ReadAll(p)
		if err != nil {
			return q, false
		}
		fields[p.FormName()] = string(text)
	}
	q = request{App: fields["appId"], Type: fields["ossType"], Key: fields["key"], Upload: fields["uploadId"], file: fields["file"]}
	q.number, _ = strconv.Atoi(fields["partNumber"])
	return q, true
}

// answer does what a route does.
func (s *fakeServer) answer(route string, q request) (data any, code fault.Code) {
	if q.App != "dtalk" || q.Type != "minio" || q.Key == "" {
		s.t.Errorf("%s names %+v", route, q)
	}
	at := map[string]string{"url": s.url + "/" + q.Key, "uri": "/" + q.Key}
	u, known := s.has.uploads[q.Upload]
	open := known && u.over == "" && u.key == q.Key
	switch {
	case route == "upload" && q.file != "":
		s.has.objects[q.Key] = q.file
		return at, fault.OK
	case route == "init-multipart-upload":
		id := fmt.Sprintf("upload-%d", len(s.has.uploads)+1)
		s.has.uploads[id] = begun{key: q.Key}
		return map[string]string{"uploadId": id, "key": q.Key}, fault.OK
	case route == "abort-multipart-upload":
		if open {
			delete(s.has.uploads, q.Upload)
		}
		return struct{}{}, fault.OK
	case route == "upload-part" && !open:
		return nil, fault.NotFound
	case route == "upload-part" && q.file != "" && q.number > 0:
		u.parts = maps.Clone(u.parts)
		if u.parts == nil {
			u.parts = make(map[int]string)
		}
		u.parts[q.number] = q.file
		s.has.uploads[q.Upload] = u
		return part{etag(q.file), q.number}, fault.OK
	case route == "complete-multipart-upload":
		return at, s.complete(q, u, known)
	}
	return nil, fault.BadRequest
}

func (s *fakeServer) complete(q request, u begun, known bool) fault.Code {
	list := fmt.Sprint("parts ", q.Parts)
	switch {
	case !known:
		return fault.NotFound
	case u.key != q.Key, u.over != "" && u.over != list:
		return fault.BadRequest
	case u.over == list:
		return fault.OK
	}
	var whole bytes.Buffer
	for i, p := range q.Parts {
		content, ok := u.parts[p.Number]
		if !ok || etag(content) != p.ETag || i > 0 && q.Parts[i-1].Number >= p.Number {
			return fault.BadRequest
		}
		whole.WriteString(content)
	}
	u.over = list
	s.has.uploads[q.Upload] = u
	s.has.objects[q.Key] = whole.String()
	return fault.OK
}

func etag(content string) string {
	sum := md5.Sum([]byte(content))
	return hex.EncodeToString(sum[:])
}

// counted is how many requests of a route have come.
func (s *fakeServer) counted(route string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[route]
}
