package carry

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"parley/oss"
)

// isRefusal checks that err is an answer of the provider, with these fields.
func isRefusal(t testing.TB, err error, want oss.ProviderError) {
	t.Helper()
	var got *oss.ProviderError
	if !errors.As(err, &got) {
		t.Errorf("the error is %v, not the provider's", err)
		return
	}
	if got.Err == nil {
		t.Error("the error has no cause")
	}
	want.Err = got.Err
	if *got != want {
		t.Errorf("the provider's error is %+v, want %+v", *got, want)
	}
}

func TestAnAnswerIsRead(t *testing.T) {
	t.Parallel()
	const upload = "<Error><Code>NoSuchUpload</Code><RequestId>7</RequestId></Error>"
	for name, c := range map[string]struct {
		status int
		header map[string]string
		body   string
		etag   string
		want   oss.ProviderError // if there is a Status or an Err
	}{
		"with quotes":    {status: 200, header: map[string]string{"ETag": `"ABC-1"`}, etag: "ABC-1"},
		"without quotes": {status: 201, header: map[string]string{"ETag": "abc"}, etag: "abc"},
		"no ETag":        {status: 200, want: oss.ProviderError{Err: errNoETag}},
		"S3": {403, map[string]string{"X-Amz-Request-Id": "amz"}, `<?xml version="1.0" encoding="UTF-8"?>
			<Error><Code>AccessDenied</Code><Message>Request has expired</Message><RequestId>other</RequestId></Error>`, "",
			oss.ProviderError{Status: 403, Code: "AccessDenied", RequestID: "amz"}},
		"Aliyun": {403, map[string]string{"X-Oss-Request-Id": "oss"}, "<Error><Code>SignatureDoesNotMatch</Code></Error>", "",
			oss.ProviderError{Status: 403, Code: "SignatureDoesNotMatch", RequestID: "oss"}},
		"Huawei": {503, map[string]string{"X-Obs-Request-Id": "obs"}, "<Error><Code>ServiceUnavailable</Code></Error>", "",
			oss.ProviderError{Status: 503, Code: "ServiceUnavailable", RequestID: "obs"}},
		"the id in the document": {500, nil, "<Error><RequestId>5</RequestId><Code>InternalError</Code></Error>", "",
			oss.ProviderError{Status: 500, Code: "InternalError", RequestID: "5"}},
		"a proxy":             {502, nil, "<html><body>bad gateway", "", oss.ProviderError{Status: 502}},
		"nothing":             {400, nil, "", "", oss.ProviderError{Status: 400}},
		"no upload":           {404, nil, upload, "", oss.ProviderError{Err: oss.ErrNoUpload}},
		"another not found":   {404, nil, "<Error><Code>NoSuchBucket</Code></Error>", "", oss.ProviderError{Status: 404, Code: "NoSuchBucket"}},
		"a redirection":       {307, map[string]string{"Location": "/elsewhere"}, "", "", oss.ProviderError{Status: 307}},
		"more than is read":   {500, nil, strings.Repeat("<a>", mib), "", oss.ProviderError{Status: 500}},
		"a secret in a quote": {403, nil, "<Error><Code>AccessDenied</Code><Message>http://x/?" + secret + "</Message></Error>", "", oss.ProviderError{Status: 403, Code: "AccessDenied"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			at := serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				for name, value := range c.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			got, err := send(t.Context(), t, open(t), signed(at+"/a"), long(100), 100)
			switch {
			case c.want.Err != nil:
				if !errors.Is(err, c.want.Err) {
					t.Errorf("the error is %v, want %v", err, c.want.Err)
				}
			case c.want.Status != 0:
				c.want.Provider, c.want.Op = oss.Minio, op
				isRefusal(t, err, c.want)
			case err != nil:
				t.Error(err)
			}
			if got != c.etag {
				t.Errorf("the ETag is %q, want %q", got, c.etag)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("there were %d requests", n)
			}
		})
	}
}

// refusalText is an answer as it goes over the wire.
func refusalText(status int, code string) string {
	body := "<Error><Code>" + code + "</Code></Error>"
	return fmt.Sprintf("HTTP/1.1 %d Refused\r\nContent-Length: %d\r\nX-Amz-Request-Id: 9\r\nConnection: close\r\n\r\n%s", status, len(body), body)
}

// readHead reads a request up to its body.
func readHead(c net.Conn) (*bufio.Reader, error) {
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return r, err
		}
	}
}

func TestAnAnswerBeforeTheEndOfTheBodyIsTheAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		code   string
	}{{403, "AccessDenied"}, {503, "SlowDown"}} {
		for name, talk := range map[string]func(*net.TCPConn){
			"and closes": func(conn *net.TCPConn) {
				_, _ = readHead(conn)
				_, _ = io.WriteString(conn, refusalText(c.status, c.code))
			},
			"some of it": func(conn *net.TCPConn) {
				r, _ := readHead(conn)
				_, _ = io.CopyN(io.Discard, r, mib)
				_, _ = io.WriteString(conn, refusalText(c.status, c.code))
			},
			"and reads on": func(conn *net.TCPConn) {
				r, _ := readHead(conn)
				_, _ = io.WriteString(conn, refusalText(c.status, c.code))
				_, _ = io.Copy(io.Discard, r)
			},
		} {
			t.Run(fmt.Sprintf("%d %s", c.status, name), func(t *testing.T) {
				t.Parallel()
				at := wire(t, talk)
				h := open(t)
				for range 30 {
					within(t, "a refusal", func() {
						got, err := send(t.Context(), t, h, signed(at+"/a"), long(64*mib), 64*mib)
						isRefusal(t, err, oss.ProviderError{Provider: oss.Minio, Op: op, Status: c.status, Code: c.code, RequestID: "9"})
						if got != "" {
							t.Errorf("the ETag is %q", got)
						}
					})
				}
			})
		}
	}
}

func TestAnAnswerDoesNotWaitForABodyThatStandsStill(t *testing.T) {
	t.Parallel()
	at := wire(t, func(conn *net.TCPConn) {
		_, _ = readHead(conn)
		_, _ = io.WriteString(conn, refusalText(403, "AccessDenied"))
		_, _ = io.Copy(io.Discard, conn)
	})
	body, client := io.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	go func() { _, _ = client.Write(make([]byte, mib)) }()
	within(t, "a refusal", func() {
		_, err := send(t.Context(), t, open(t), signed(at+"/a"), body, 2*mib)
		isRefusal(t, err, oss.ProviderError{Provider: oss.Minio, Op: op, Status: 403, Code: "AccessDenied", RequestID: "9"})
	})
}

func TestSuccessBeforeTheEndOfTheBodyIsNone(t *testing.T) {
	t.Parallel()
	at := wire(t, func(conn *net.TCPConn) {
		_, _ = readHead(conn)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nETag: "+etag+"\r\nContent-Length: 0\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
	})
	body, client := io.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	within(t, "an answer", func() {
		if got, err := send(t.Context(), t, open(t), signed(at+"/a"), body, 100); !errors.Is(err, errTooSoon) {
			t.Errorf("%q, %v", got, err)
		}
	})
}
