package e2e

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// cable is a connection to a gateway that can be cut.
type cable struct {
	t        testing.TB
	addr, to string

	mu    sync.Mutex
	ends  []io.Closer
	close func()
}

// through returns a cable to the sockets of a site, which is plugged in.
func through(t testing.TB, s site) *cable {
	t.Helper()
	c := &cable{t: t, addr: freeAddr(t), to: strings.TrimPrefix(s.connect, "http://")}
	c.plug()
	t.Cleanup(c.cut)
	return c
}

func (c *cable) plug() {
	c.t.Helper()
	l, err := net.Listen("tcp", c.addr)
	must(c.t, err)
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", c.to)
			if err != nil {
				near.Close()
				continue
			}
			c.mu.Lock()
			c.ends = append(c.ends, near, far)
			c.mu.Unlock()
			go io.Copy(far, near) // until either is closed
			go io.Copy(near, far)
		}
	}()
	c.close = func() { l.Close(); <-accepted }
}

func (c *cable) cut() {
	c.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range c.ends {
		end.Close()
	}
	c.ends = nil
}
