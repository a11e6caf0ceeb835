package carry

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/oss"
)

var errClient = errors.New("the client hung up")

func TestOfABodyThatFailsTheProviderNeverHasAll(t *testing.T) {
	t.Parallel()
	const size = 3*mib + 7
	for name, c := range map[string]struct {
		body io.Reader
		want error // in the chain, or nil for any
	}{
		"at once":             {broken{strings.NewReader(""), errClient}, errClient},
		"in the middle":       {broken{long(mib), errClient}, errClient},
		"before the last":     {broken{long(size - 1), errClient}, errClient},
		"instead of its end":  {broken{long(size), errClient}, errClient},
		"with its last bytes": {&together{long(size), size, errClient}, errClient},
		"ends early":          {long(size - 1), io.ErrUnexpectedEOF},
		"has no bytes":        {long(0), io.ErrUnexpectedEOF},
		"goes on":             {long(size + 1), nil},
		"does not end":        {endless{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ends := make(chan error, 1)
			at := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, err := io.Copy(io.Discard, r.Body)
				ends <- err
				w.Header().Set("ETag", etag)
			})
			got, err := send(t.Context(), t, open(t), signed(at+"/a"), c.body, size)
			if err == nil {
				t.Fatalf("it went well, with ETag %q", got)
			}
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v in it", err, c.want)
			}
			var provider *oss.ProviderError
			if errors.As(err, &provider) {
				t.Errorf("the provider is blamed: %v", err)
			}
			select {
			case end := <-ends:
				if end == nil {
					t.Error("the provider had a whole request")
				}
			case <-time.After(20 * time.Second):
				// The header need not have left before the body failed.
				if name != "at once" && name != "has no bytes" {
					t.Error("the provider still waits")
				}
			}
		})
	}
}

// together fails together with the last of its bytes.
type together struct {
	io.Reader
	left int64
	err  error
}

// Read implements io.Reader.
func (b *together) Read(p []byte) (n int, err error) {
	n, _ = b.Reader.Read(p)
	if b.left -= int64(n); b.left == 0 {
		err = b.err
	}
	return n, err
}

func TestAConnectionIsResetWhenTheBodyFails(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]func(cancel func()) io.Reader{
		"fails":        func(func()) io.Reader { return broken{long(2 * mib), errClient} },
		"is cancelled": func(cancel func()) io.Reader { return still(t, long(2*mib), cancel) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ends := make(chan error, 1)
			at := wire(t, func(c *net.TCPConn) {
				r, _ := readHead(c)
				_, err := io.Copy(io.Discard, r)
				ends <- err
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if _, err := send(ctx, t, open(t), signed(at+"/a"), body(cancel), 4*mib); err == nil {
				t.Fatal("it went well")
			}
			if err := <-ends; !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the connection ended with %v", err)
			}
		})
	}
}

// still is a body that stands still where its bytes end, after it called f.
func still(t testing.TB, r io.Reader, f func()) io.Reader {
	stuck, client := io.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	return io.MultiReader(r, callReader(f), stuck)
}

type callReader func()

// Read implements io.Reader.
func (c callReader) Read([]byte) (int, error) {
	c()
	return 0, io.EOF
}

func TestAContextEndsARequest(t *testing.T) {
	t.Parallel()
	t.Run("while the body flows", func(t *testing.T) {
		t.Parallel()
		at := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
		ctx, cancel := context.WithCancel(t.Context())
		body := still(t, long(mib), cancel)
		within(t, "it", func() {
			if _, err := send(ctx, t, open(t), signed(at+"/a"), body, 2*mib); !errors.Is(err, context.Canceled) {
				t.Errorf("the error is %v", err)
			}
		})
	})
	t.Run("while the provider does not answer", func(t *testing.T) {
		t.Parallel()
		read := make(chan struct{})
		at := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			close(read)
			<-r.Context().Done()
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-read; cancel() }()
		within(t, "it", func() {
			if _, err := send(ctx, t, open(t), signed(at+"/a"), long(mib), mib); !errors.Is(err, context.Canceled) {
				t.Errorf("the error is %v", err)
			}
		})
	})
	t.Run("while the provider does not read", func(t *testing.T) {
		t.Parallel()
		end := make(chan struct{})
		at := wire(t, func(*net.TCPConn) { <-end })
		t.Cleanup(func() { close(end) })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		within(t, "it", func() {
			if _, err := send(ctx, t, open(t), signed(at+"/a"), long(64*mib), 64*mib); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the error is %v", err)
			}
		})
	})
}

func TestAProviderThatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	at := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	h := open(t)
	h.transport.ResponseHeaderTimeout = 50 * time.Millisecond
	within(t, "it", func() {
		_, err := send(t.Context(), t, h, signed(at+"/a"), long(mib), mib)
		isRefusal(t, err, oss.ProviderError{Provider: oss.Minio, Op: op})
	})
}

func TestAProviderThatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	h := New(func(ctx context.Context, network, _ string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	})
	_, err = send(t.Context(), t, h, signed("http://"+l.Addr().String()+"/a"), long(10), 10)
	isRefusal(t, err, oss.ProviderError{Provider: oss.Minio, Op: op})
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the error is %v", err)
	}
}

// TestABodyIsSentOnce breaks a kept connection where net/http tries again what it
// can: after a request had arrived on it that got no answer.
func TestABodyIsSentOnce(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	at := wire(t, func(c *net.TCPConn) {
		r := bufio.NewReader(c)
		for {
			request, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			if requests.Add(1) == 2 {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nETag: "+etag+"\r\nContent-Length: 0\r\n\r\n")
		}
	})
	h := open(t)
	if _, err := send(t.Context(), t, h, signed(at+"/a"), long(100), 100); err != nil {
		t.Fatal(err)
	}
	_, err := send(t.Context(), t, h, signed(at+"/a"), strings.NewReader(strings.Repeat("x", 100)), 100)
	isRefusal(t, err, oss.ProviderError{Provider: oss.Minio, Op: op})
	h.Close() // or the server would wait for a third
	if n := requests.Load(); n != 2 {
		t.Errorf("there were %d requests", n)
	}
}

// last remembers when it was read last.
type last struct {
	io.Reader
	returned atomic.Bool
	late     atomic.Int32
}

// Read implements io.Reader.
func (l *last) Read(p []byte) (int, error) {
	if l.returned.Load() {
		l.late.Add(1)
	}
	return l.Reader.Read(p)
}

func TestNothingIsReadOfABodyAfterwards(t *testing.T) {
	t.Parallel()
	finished := make(chan struct{}, 1)
	at := wire(t, func(c *net.TCPConn) {
		r, _ := readHead(c)
		_, _ = io.CopyN(io.Discard, r, mib)
		_, _ = io.WriteString(c, refusalText(403, "AccessDenied"))
		_, _ = io.Copy(io.Discard, r)
		finished <- struct{}{}
	})
	h := open(t)
	for range 20 {
		body := &last{Reader: long(64 * mib)}
		if _, err := send(t.Context(), t, h, signed(at+"/a"), body, 64*mib); err == nil {
			t.Fatal("it went well")
		}
		body.returned.Store(true)
		<-finished // the connection is closed, so net/http is done with the body
		// A read that was under way may have been counted, but no other.
		if n := body.late.Load(); n > 1 {
			t.Errorf("the body was read %d times after the request", n)
		}
	}
}
