package cloud

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/pkg/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/oss/osstest/cloud") }

// open starts a cloud that takes the Authorization header for the id of a key.
func open(t *testing.T) *Server {
	t.Helper()
	keys := &Keyring{}
	keys.Add(Key{ID: "all"})
	keys.Add(Key{ID: "writer", Grant: &Grant{Actions: []Action{Write}, Prefix: "in/"}})
	return Start(t, "bucket", keys, Vendor{
		Prefix: "x-test-", ETag: hex.EncodeToString, MinPart: 10, MaxKey: 100,
		Verify: func(r *http.Request, _ Target) (*Key, *Error) {
			id := r.Header.Get("Authorization")
			if id == "" {
				return nil, nil
			}
			key, ok := keys.Find(id)
			if !ok {
				return nil, denied("unknown")
			}
			return &key, nil
		},
		Explain: func(h http.Header, e *Error, _ []byte) { h.Set("x-test-code", e.Code) },
	})
}

var all = map[string]string{"Authorization": "all", "Content-Type": "text/plain"}

func ask(t *testing.T, s *Server, method, path, body string) Answer {
	t.Helper()
	return Ask(t, method, s.PublicURL()+"/"+path, all, body)
}

// start starts an upload in parts and returns its id.
func start(t *testing.T, s *Server, key string) string {
	t.Helper()
	a := ask(t, s, http.MethodPost, key+"?uploads", "")
	_, rest, _ := strings.Cut(a.Body, "<UploadId>")
	id, _, ok := strings.Cut(rest, "<")
	if !ok || a.Status != http.StatusOK {
		t.Fatalf("an upload is started with status %d: %s", a.Status, a.Body)
	}
	return id
}

func complete(t *testing.T, s *Server, key, id string, parts ...string) Answer {
	t.Helper()
	var b strings.Builder
	for _, p := range parts {
		number, etag, _ := strings.Cut(p, " ")
		b.WriteString("<Part><PartNumber>" + number + "</PartNumber><ETag>" + etag + "</ETag></Part>")
	}
	return ask(t, s, http.MethodPost, key+"?uploadId="+id, "<CompleteMultipartUpload>"+b.String()+"</CompleteMultipartUpload>")
}

func TestPartsBecomeAnObjectByTheRulesOfClouds(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := start(t, s, "a")
	etags := map[int]string{}
	for number, body := range map[int]string{1: "0123456789", 2: "012345678", 3: "0123456789", 10000: "x"} {
		a := ask(t, s, http.MethodPut, "a?partNumber="+strconv.Itoa(number)+"&uploadId="+id, body)
		if a.Status != http.StatusOK {
			t.Fatalf("part %d has status %d, %s", number, a.Status, a.Body)
		}
		etags[number] = strconv.Itoa(number) + " " + a.Header.Get("ETag")
	}
	for _, number := range []string{"0", "10001", "-1", "x", ""} {
		if a := ask(t, s, http.MethodPut, "a?partNumber="+number+"&uploadId="+id, "x"); a.Code != "InvalidArgument" {
			t.Errorf("part %q: %d, %q", number, a.Status, a.Code)
		}
	}
	for _, c := range []struct {
		name, key, id string
		parts         []string
		code          string
	}{
		{"no part", "a", id, nil, "MalformedXML"},
		{"a part that was not sent", "a", id, []string{etags[1], "4 " + etags[1][2:]}, "InvalidPart"},
		{"the ETag of another", "a", id, []string{"1 " + etags[2][2:]}, "InvalidPart"},
		{"out of order", "a", id, []string{etags[3], etags[1]}, "InvalidPartOrder"},
		{"a part twice", "a", id, []string{etags[1], etags[1]}, "InvalidPartOrder"},
		{"too small a part", "a", id, []string{etags[2], etags[3]}, "EntityTooSmall"},
		{"another upload", "a", "ABC", []string{etags[1]}, "NoSuchUpload"},
		{"another key", "b", id, []string{etags[1]}, "NoSuchUpload"},
		{"small at its end", "a", id, []string{etags[1], etags[3], etags[10000]}, ""},
		{"once more", "a", id, []string{etags[1], etags[3], etags[10000]}, "NoSuchUpload"},
	} {
		if a := complete(t, s, c.key, c.id, c.parts...); a.Code != c.code {
			t.Errorf("%s: status %d, code %q, want %q", c.name, a.Status, a.Code, c.code)
		}
	}
	a := Ask(t, http.MethodGet, s.PublicURL()+"/a", nil, "")
	if a.Body != "01234567890123456789x" || a.Header.Get("Content-Type") != "text/plain" || !strings.HasSuffix(a.Header.Get("ETag"), `-3"`) {
		t.Errorf("the object is %q, %v", a.Body, a.Header)
	}
	if n := s.Unfinished(); n != 0 {
		t.Errorf("%d uploads are unfinished", n)
	}
}

func TestAnUploadThatIsAbortedIsGone(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := start(t, s, "a")
	if n := s.Unfinished(); n != 1 {
		t.Errorf("%d uploads are unfinished", n)
	}
	if a := ask(t, s, http.MethodDelete, "a?uploadId="+id, ""); a.Status != http.StatusNoContent {
		t.Errorf("status %d", a.Status)
	}
	if a := ask(t, s, http.MethodDelete, "a?uploadId="+id, ""); a.Code != "NoSuchUpload" || a.Status != http.StatusNotFound {
		t.Errorf("once more: status %d, %q", a.Status, a.Code)
	}
	if a := ask(t, s, http.MethodPut, "a?partNumber=1&uploadId="+id, "x"); a.Code != "NoSuchUpload" {
		t.Errorf("a part of it: status %d, %q", a.Status, a.Code)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	s := open(t)
	if err := s.Place("in/there", "text/plain", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who, method, path string
		status            int
	}{
		{"", http.MethodGet, "bucket/in/there", 200},
		{"", http.MethodHead, "bucket/in/there", 200},
		{"", http.MethodPut, "bucket/in/a", 403},
		{"", http.MethodGet, "bucket/", 403},
		{"", http.MethodGet, "bucket/in/there?uploadId=a", 403},
		{"nobody", http.MethodGet, "bucket/in/there", 403},
		{"writer", http.MethodPut, "bucket/in/a", 200},
		{"writer", http.MethodPut, "bucket/out", 403},
		{"writer", http.MethodGet, "bucket/in/there", 403},
		{"writer", http.MethodDelete, "bucket/in/there", 403},
		{"writer", http.MethodDelete, "bucket/in/there?uploadId=a", 403},
		{"writer", http.MethodGet, "bucket/", 403},
		{"all", http.MethodPut, "bucket/a", 200},
		{"all", http.MethodPut, "other/a", 404},
		{"all", http.MethodPut, "bucket/" + strings.Repeat("k", 100), 200},
		{"all", http.MethodPut, "bucket/" + strings.Repeat("k", 101), 400},
		{"all", http.MethodPatch, "bucket/a", 501},
	} {
		a := Ask(t, c.method, "http://"+s.Addr()+"/"+c.path, map[string]string{"Authorization": c.who}, "")
		if a.Status != c.status {
			t.Errorf("%q, %s %s: status %d, want %d: %s", c.who, c.method, c.path, a.Status, c.status, a.Body)
		}
		if a.Header.Get("x-test-request-id") == "" {
			t.Errorf("%q, %s %s: no request id", c.who, c.method, c.path)
		}
	}
	a := Ask(t, http.MethodHead, s.PublicURL()+"/nothing", nil, "")
	if a.Status != http.StatusNotFound || a.Header.Get("x-test-code") != "NoSuchKey" {
		t.Errorf("the head of nothing: %d, %v", a.Status, a.Header)
	}
}

func TestABodyIsWhatItsHeaderSays(t *testing.T) {
	t.Parallel()
	s := open(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.PublicURL()+"/a", struct{ io.Reader }{strings.NewReader("hello")})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "all")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusLengthRequired {
		t.Errorf("in chunks: status %d", response.StatusCode)
	}
	for digest, status := range map[string]int{"XUFAKrxLKna5cZ2REBfFkg==": 200, "AAAAAAAAAAAAAAAAAAAAAA==": 400} {
		a := Ask(t, http.MethodPut, s.PublicURL()+"/b", map[string]string{"Authorization": "all", "Content-MD5": digest}, "hello")
		if a.Status != status {
			t.Errorf("with the digest %s: status %d, want %d", digest, a.Status, status)
		}
	}
}

func TestFaultsHappenAsOrdered(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.Faults.Fail(2)
	for i, want := range []int{503, 503, 200} {
		if a := ask(t, s, http.MethodPut, "a", "hello"); a.Status != want {
			t.Errorf("request %d has status %d, want %d", i, a.Status, want)
		}
	}
	s.Faults.Cut(1)
	if a := Ask(t, http.MethodGet, s.PublicURL()+"/a", nil, ""); a.Body != "hello" {
		t.Errorf("a request without a body was cut: %d", a.Status)
	}
	if err := try(t, s, &http.Client{}); err == nil {
		t.Error("a request with a body was not cut")
	}
	if a := ask(t, s, http.MethodGet, "a", ""); a.Body != "hello" {
		t.Errorf("after the cut the object is %q", a.Body)
	}
	const delay = 30 * time.Millisecond
	s.Faults.Slow(delay)
	began := time.Now()
	if a := ask(t, s, http.MethodGet, "a", ""); a.Status != 200 || time.Since(began) < delay {
		t.Errorf("a slow answer has status %d and comes after %v", a.Status, time.Since(began))
	}
	s.Faults.Heal()
	s.Faults.Hang()
	before := s.Faults.Requests()
	err := try(t, s, &http.Client{Timeout: delay})
	var timeout interface{ Timeout() bool }
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a request that hangs: %v", err)
	}
	if n := s.Faults.Requests() - before; n != 1 {
		t.Errorf("%d requests were counted", n)
	}
	s.Faults.Heal()
	if a := ask(t, s, http.MethodGet, "a", ""); a.Body != "hello" {
		t.Errorf("what hung was done: %q", a.Body)
	}
}

// try overwrites the object a.
func try(t *testing.T, s *Server, client *http.Client) error {
	t.Helper()
	client.Transport = &http.Transport{DisableKeepAlives: true}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.PublicURL()+"/a", bytes.NewReader([]byte("other")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "all")
	response, err := client.Do(r)
	if err == nil {
		_ = response.Body.Close()
	}
	return err
}
