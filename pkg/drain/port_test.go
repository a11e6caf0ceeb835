package drain

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// Whoever got through before a port is closed is handed out, and who comes later refused.
func TestAPortThatIsClosedHangsUpOnNobody(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &port{TCPListener: l.(*net.TCPListener)}
	const came = "abc"
	for _, name := range came {
		conn := dialed(t, p.Addr().String())
		if _, err := io.WriteString(conn, string(name)); err != nil {
			t.Fatal(err)
		}
	}
	p.close()
	var got []byte
	for {
		conn, err := p.Accept()
		if errors.Is(err, net.ErrClosed) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := make([]byte, 1)
		if _, err := io.ReadFull(conn, name); err != nil {
			t.Error(err)
		}
		got = append(got, name...)
		conn.Close()
	}
	if string(got) != came {
		t.Errorf("of %q the port hands out %q", came, got)
	}
	if !refused(p.Addr().String()) {
		t.Error("a port that is closed takes connections")
	}
}

// dialed opens a connection that is closed with the test.
func dialed(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func refused(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
