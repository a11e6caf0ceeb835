package carry

import (
	"net"
	"sync"
)

// conn is a connection that ends well when a request on it does not.
//
// Its writer does not give up before its reader has. A provider that refuses a
// request may answer and close the connection while the body still flows. The
// writer notices that at once, as a broken pipe, and net/http would forget about
// the answer, which is there to be read. So a failed Write waits for a Read to
// fail, or for Close. It cannot wait for ever: net/http reads whenever it writes, a
// connection that cannot be written to any more has an end to be read, and whoever
// gives up on an answer closes.
//
// While a request is under way, closing resets the connection. There are servers
// that take the end of a connection for the end of a body, whatever length was
// announced, and keep what came so far as the object (versitygw 1.8.0). None does
// so with one that was reset.
type conn struct {
	net.Conn
	over func()
	done chan struct{}

	mu    sync.Mutex
	owner *exact // of the request under way
}

func newConn(c net.Conn) *conn {
	done := make(chan struct{})
	return &conn{Conn: c, over: sync.OnceFunc(func() { close(done) }), done: done}
}

// connOf finds the conn below a connection that net/http uses.
func connOf(c net.Conn) *conn {
	if secure, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = secure.NetConn()
	}
	found, _ := c.(*conn)
	return found
}

// begin says that the request with this body is under way.
func (c *conn) begin(body *exact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owner = body
	c.linger(0)
}

// end says that the request was answered. The connection may have the next one by
// then.
func (c *conn) end(body *exact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owner == body {
		c.owner = nil
		c.linger(-1)
	}
}

// linger sets whether Close resets (0) or not (-1), if the connection is of TCP.
func (c *conn) linger(seconds int) {
	if tcp, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(seconds) // fails on a closed connection only
	}
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.over()
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		<-c.done
	}
	return n, err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.over()
	return c.Conn.Close()
}
