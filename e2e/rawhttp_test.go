package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// rawConn is a connection over which a test writes requests byte for byte, as an
// HTTP library would not.
type rawConn struct {
	t testing.TB
	net.Conn
	reader *bufio.Reader
}

func dial(t testing.TB, url string) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &rawConn{t, conn, bufio.NewReader(conn)}
}

// write sends bytes. A server that has answered already may hang up on what
// still comes, so an error is for who reads the answer.
func (w *rawConn) write(text string) *rawConn {
	_, _ = io.WriteString(w, text)
	return w
}

// end says that nothing more will come, and leaves the way back open.
func (w *rawConn) end() *rawConn {
	w.t.Helper()
	if err := w.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		w.t.Fatal(err)
	}
	return w
}

// answer reads one answer.
func (w *rawConn) answer() *answer {
	w.t.Helper()
	a, err := w.read()
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *rawConn) read() (*answer, error) {
	res, err := http.ReadResponse(w.reader, nil)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	defer res.Body.Close()
	a := &answer{status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(a.body, a); err != nil {
		return nil, fmt.Errorf("status %d without the envelope: %w: %q", a.status, err, a.body)
	}
	return a, nil
}

// head is the head of a request, with CRLF at the end of each line and an empty
// line behind the last.
func head(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }
