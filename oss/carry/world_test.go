package carry

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parley/oss"
	"parley/pkg/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/oss/carry") }

// secret is in every URL of the tests, and must be in no error.
const secret = "5ignature"

const query = "?X-Amz-Signature=" + secret

const (
	mib  = 1 << 20
	etag = "d41d8cd98f00b204e9800998ecf8427e"
)

func open(t testing.TB) *HTTP {
	t.Helper()
	h := New(nil)
	t.Cleanup(h.Close)
	return h
}

// serve returns the address of a server that ends with the test.
func serve(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// wire returns the address of a server that has each connection as it is. It
// closes it when talk returns.
func wire(t testing.TB, talk func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			talk(c.(*net.TCPConn))
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-over
	})
	return "http://" + l.Addr().String()
}

func signed(url string) oss.Signed {
	return oss.Signed{Provider: oss.Minio, Method: http.MethodPut, URL: url + query}
}

// send sends and checks that no error tells what was signed.
func send(ctx context.Context, t testing.TB, h *HTTP, s oss.Signed, body io.Reader, size int64) (string, error) {
	t.Helper()
	got, err := h.Send(ctx, s, body, size)
	if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "://")) {
		t.Errorf("the error tells the signed URL: %v", err)
	}
	return got, err
}

// long is a body of so many bytes, which is not in any buffer as a whole.
func long(size int64) io.Reader { return io.LimitReader(endless{}, size) }

type endless struct{}

// Read implements io.Reader.
func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{'x'}, len(p))), nil }

// broken fails where its bytes would end.
type broken struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}

// within fails the test when f takes longer than anything here should.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s takes too long", what)
	}
}
