package carry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptrace"
	"sync"
)

var errStopped = errors.New("the bytes are not wanted any more")

// exact is a body of an exact length. It gives its last bytes away only after it
// has seen the end: so the provider never has a whole request of a body that
// fails or goes on, and keeps what it had.
//
// Each Read fills the buffer, since forms are read 4 KiB at a time and every Read
// becomes a write to the network. net/http reads 32 KiB at a time, than which no
// larger size was faster.
type exact struct {
	r io.Reader

	mu      sync.Mutex
	left    int64 // bytes that were not read yet
	ended   bool  // the end was seen where it belongs
	stopped bool
	err     error // how the body failed
	conn    *conn // on which it is sent, once that is known
}

// watch returns a context for the request with this body.
func (b *exact) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if c := connOf(info.Conn); c != nil {
			c.begin(b)
			b.mu.Lock()
			defer b.mu.Unlock()
			b.conn = c
		}
	}})
}

// answered says that the request with this body is over and went as it should.
func (b *exact) answered() {
	b.mu.Lock()
	c := b.conn
	b.mu.Unlock()
	if c != nil {
		c.end(b)
	}
}

// Read implements io.Reader.
func (b *exact) Read(p []byte) (int, error) {
	b.mu.Lock()
	left, ended, err := b.left, b.ended, b.err
	b.mu.Unlock()
	if ended {
		return 0, io.EOF
	}
	if err != nil {
		return 0, err
	}
	p = p[:min(int64(len(p)), left)]
	n, err := b.fill(p)
	last := int64(n) == left
	if err == nil && last {
		err = b.end()
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		if !b.stopped {
			b.err = err
		}
		return 0, err
	}
	b.left -= int64(n)
	b.ended = last
	return n, nil
}

// fill reads until p is full.
func (b *exact) fill(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = b.once(p[n:])
		n += m
	}
	switch {
	case n == len(p) && (err == nil || err == io.EOF):
		return n, nil // whether the end is where it belongs is seen next
	case err == io.EOF:
		return n, fmt.Errorf("it ended early: %w", io.ErrUnexpectedEOF)
	}
	return n, err
}

// end returns nil if nothing follows.
func (b *exact) end() error {
	var more [1]byte
	for {
		switch n, err := b.once(more[:]); {
		case n > 0:
			return errors.New("it goes on after its announced size")
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// once reads, unless the bytes are not wanted any more.
func (b *exact) once(p []byte) (int, error) {
	b.mu.Lock()
	stopped := b.stopped
	b.mu.Unlock()
	if stopped {
		return 0, errStopped
	}
	return b.r.Read(p)
}

// Close implements io.Closer. The body is its owner's to close.
func (b *exact) Close() error {
	b.stop()
	return nil
}

// stop keeps further Reads from beginning.
func (b *exact) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
}

// failure is how the body failed, if it did.
func (b *exact) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// all reports whether the body was read to its end.
func (b *exact) all() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}
