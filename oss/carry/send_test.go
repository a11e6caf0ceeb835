package carry

import (
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"parley/oss"
)

func TestTheBytesGoOutAsTheyWereSigned(t *testing.T) {
	t.Parallel()
	type seen struct {
		request *http.Request
		body    string
	}
	requests := make(chan seen, 1)
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		requests <- seen{r, string(body)}
		w.Header().Set("ETag", `"`+etag+`"`)
	})
	s := signed(at + "/bucket/key")
	s.Header = map[string]string{"host": "bucket.example.com", "content-type": "image/png", "Content-Length": "5", "x-oss-meta": "1"}
	got, err := send(t.Context(), t, open(t), s, strings.NewReader("bytes"), 5)
	if err != nil || got != etag {
		t.Fatalf("the ETag is %q, %v", got, err)
	}
	saw := <-requests
	if saw.body != "bytes" || saw.request.ContentLength != 5 || len(saw.request.TransferEncoding) > 0 {
		t.Errorf("%q arrived with length %d, %v", saw.body, saw.request.ContentLength, saw.request.TransferEncoding)
	}
	if saw.request.Method != http.MethodPut || saw.request.Proto != "HTTP/1.1" || saw.request.Host != "bucket.example.com" {
		t.Errorf("the request is %s %s to %s", saw.request.Method, saw.request.Proto, saw.request.Host)
	}
	header := saw.request.Header
	if header.Get("Content-Type") != "image/png" || header.Get("X-Oss-Meta") != "1" || len(header) != 3 { // with the length
		t.Errorf("the header is %v", header)
	}
}

func TestAURLGoesOutByteForByte(t *testing.T) {
	t.Parallel()
	targets := make(chan string, 1)
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		targets <- r.RequestURI
		w.Header().Set("ETag", etag)
	})
	h := open(t)
	for _, target := range []string{
		"/bucket/a%20b%2Bc%24%25/%C3%BC", "/bucket/a%20b+c$%25/%c3%bc", "/bucket/a+b", "/bucket/a%2Fb", "/bucket/a%252Fb",
		"/bucket/a//b", "/bucket/a/", "/bucket/%2E%2E/b", "/bucket/a;b,c:d@e!f*g'h(i)", "/bucket/[1]{2}|3^4`5\"6<7>",
		"/bucket/ü", "/bucket/a%3Fb%23c", "/bucket/~a_b-c.d", "/bucket/a:b/c",
	} {
		s := signed("")
		for _, query := range []string{"", "?", "?uploadId=a%2Fb+c%20d&partNumber=1&X-Amz-Signature=" + secret, "?a&&b=%c3%BC;ü=?/"} {
			s.URL = at + target + query
			if _, err := send(t.Context(), t, h, s, strings.NewReader("b"), 1); err != nil {
				t.Errorf("%s: %v", target, err)
				continue
			}
			if got := <-targets; got != target+query {
				t.Errorf("%s went out as %s", target+query, got)
			}
		}
	}
}

func TestWhatIsNoSignedURLIsNotSent(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	at := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	address := strings.TrimPrefix(at, "http://")
	for _, text := range []string{
		"", "ftp://" + address + "/a", "/a", "http:///a", at, at + "?a", "http://u:p@" + address + "/a",
		at + "/a b", at + "/a\r\nX: 1", at + "/a\x00", at + "/a\x7f", at + "/a#b", at + "/%zz", "http://" + address + ":x/a",
	} {
		s := signed("")
		s.URL = text + query
		if got, err := send(t.Context(), t, open(t), s, strings.NewReader("b"), 1); err == nil {
			t.Errorf("%q was sent: %q", text, got)
		}
	}
	if n := requests.Load(); n > 0 {
		t.Errorf("the server had %d requests", n)
	}
}

func TestAnotherSizeThanWasSignedIsNotSent(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	at := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	s := signed(at + "/a")
	s.Header = map[string]string{"Content-Length": "10"}
	for _, size := range []int64{9, 11, 0, -1} {
		if _, err := send(t.Context(), t, open(t), s, long(max(size, 0)), size); err == nil {
			t.Errorf("%d bytes were sent", size)
		}
	}
	if n := requests.Load(); n > 0 {
		t.Errorf("the server had %d requests", n)
	}
}

func TestABodyOfNoBytesHasALength(t *testing.T) {
	t.Parallel()
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 || r.Header.Get("Content-Length") != "0" {
			t.Errorf("the length is %d, %q", r.ContentLength, r.Header.Get("Content-Length"))
		}
		w.Header().Set("ETag", etag)
	})
	if _, err := send(t.Context(), t, open(t), signed(at+"/a"), strings.NewReader(""), 0); err != nil {
		t.Error(err)
	}
	if _, err := send(t.Context(), t, open(t), signed(at+"/a"), strings.NewReader("x"), 0); err == nil {
		t.Error("a byte was dropped")
	}
}

// counting counts the writes to a connection.
type counting struct {
	net.Conn
	writes *atomic.Int64
}

// Write implements net.Conn.
func (c counting) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

func TestSmallReadsBecomeLargeWrites(t *testing.T) {
	t.Parallel()
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); n != 16*mib || err != nil {
			t.Errorf("%d bytes arrived, %v", n, err)
		}
		w.Header().Set("ETag", etag)
	})
	var writes atomic.Int64
	h := New(func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		return counting{c, &writes}, err
	})
	t.Cleanup(h.Close)
	body := iotest.HalfReader(io.LimitReader(fours{}, 16*mib))
	if _, err := send(t.Context(), t, h, signed(at+"/a"), body, 16*mib); err != nil {
		t.Fatal(err)
	}
	if n := writes.Load(); n > 16*mib/(32<<10)+4 {
		t.Errorf("16 MiB took %d writes", n)
	}
}

// fours has 4 KiB at a time, as the parts of forms do.
type fours struct{ endless }

// Read implements io.Reader.
func (f fours) Read(p []byte) (int, error) { return f.endless.Read(p[:min(len(p), 4<<10)]) }

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	connections := map[string]bool{}
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		connections[r.RemoteAddr] = true
		mu.Unlock()
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", etag)
		if r.URL.Path == "/refused" {
			http.Error(w, "<Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
		}
	})
	h := open(t)
	for range 20 {
		if _, err := send(t.Context(), t, h, signed(at+"/a"), long(100_000), 100_000); err != nil {
			t.Fatal(err)
		}
		if _, err := send(t.Context(), t, h, signed(at+"/refused"), long(100), 100); err == nil {
			t.Fatal("a refusal went well")
		}
	}
	if len(connections) != 1 {
		t.Errorf("40 requests took %d connections", len(connections))
	}
}

func TestManyGoAtOnce(t *testing.T) {
	t.Parallel()
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if n != r.ContentLength || err != nil {
			t.Errorf("%d of %d bytes arrived, %v", n, r.ContentLength, err)
		}
		w.Header().Set("ETag", r.URL.Path[1:])
	})
	h := open(t)
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			want := strings.Repeat("e", 1+i)
			got, err := send(t.Context(), t, h, signed(at+"/"+want), long(mib+int64(i)), mib+int64(i))
			if err != nil || got != want {
				t.Errorf("the ETag is %q, %v, want %q", got, err, want)
			}
		})
	}
	group.Wait()
}

func TestItSpeaksTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			http.Error(w, "<Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
			return
		}
		if n, err := io.Copy(io.Discard, r.Body); n != mib || err != nil {
			t.Errorf("%d bytes arrived, %v", n, err)
		}
		w.Header().Set("ETag", r.Proto)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of the certificate that is refused
	s.StartTLS()
	t.Cleanup(s.Close)
	h := open(t)
	if _, err := send(t.Context(), t, h, signed(s.URL+"/a"), long(mib), mib); err == nil {
		t.Error("a certificate that nobody vouches for is good enough")
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.RootCAs, config.NextProtos = pool, nil
	h = open(t)
	h.transport.TLSClientConfig = config
	if got, err := send(t.Context(), t, h, signed(s.URL+"/a"), long(mib), mib); got != "HTTP/1.1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for range 10 {
		_, err := send(t.Context(), t, h, signed(s.URL+"/refused"), long(64*mib), 64*mib)
		isRefusal(t, err, oss.ProviderError{Provider: oss.Minio, Op: op, Status: 403, Code: "AccessDenied"})
	}
}
