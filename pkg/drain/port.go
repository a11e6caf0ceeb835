package drain

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// port is a listener that is closed without hanging up on anybody. The system accepts
// connections before the process does, and would reset those that wait when the port is
// closed; a client whose request is on its way then cannot tell what became of it. So
// whoever got through is served, and the next one is refused.
type port struct {
	*net.TCPListener
	closing atomic.Bool
	// waiting are those who got through at last. Accept alone uses it.
	waiting []net.Conn
}

// close lets Accept hand out who waits, and end then.
func (p *port) close() {
	p.closing.Store(true)
	_ = p.SetDeadline(time.Now()) // it fails where the port is closed already
}

// Accept implements net.Listener.
func (p *port) Accept() (net.Conn, error) {
	conn, err := p.TCPListener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) && p.closing.Load() {
		// Nothing is between the two, so that nobody gets through meanwhile.
		p.waiting = acceptAll(p.TCPListener)
		p.TCPListener.Close()
	}
	if err != nil && len(p.waiting) > 0 {
		conn, p.waiting = p.waiting[0], p.waiting[1:]
		return conn, nil
	}
	if err != nil && p.closing.Load() {
		return nil, net.ErrClosed
	}
	return conn, err
}
