package gateway_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/pkg/gateway"
	"parley/pkg/id"
	"parley/pkg/scratch"

	"github.com/zeromicro/go-zero/rest"
)

// refuser lets nobody in.
type refuser struct{}

func (refuser) Verify(string) (id.UID, error) { return "", errors.New("refused") }

// A client that writes its whole body before it reads sees why it was refused.
func TestARefusedFileIsReadAllTheSame(t *testing.T) {
	t.Parallel()
	folder, err := scratch.Open(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{Name: "test", MaxBody: 32 << 20, Scratch: folder}, refuser{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	g.Server().AddRoute(rest.Route{Method: http.MethodPost, Path: "/upload", Handler: func(http.ResponseWriter, *http.Request) {}})
	handler, err := g.Handler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	for name, more := range map[string]string{"": "", "waits": "Expect: 100-continue\r\n"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		const size = 16 << 20
		head := "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n" + more + "\r\n"
		if _, err := io.WriteString(c, head); err != nil {
			t.Fatal(err)
		}
		if more == "" {
			if _, err := io.Copy(c, bytes.NewReader(make([]byte, size))); err != nil {
				t.Errorf("the body could not be sent: %v", err)
			}
		}
		answer := make([]byte, 1<<10)
		n, err := c.Read(answer)
		if err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 OK")) {
			t.Errorf("%s: the answer is %q, error %v", name, answer[:n], err)
		}
	}
}
