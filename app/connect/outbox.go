package connect

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/zeromicro/go-zero/core/logx"

	"parley/pkg/packet"
)

const (
	// writeWithin is how long a client may take to read one write.
	writeWithin = 30 * time.Second
	// maxUnwritten bounds what waits to be written to one client. The window
	// bounds events; only a client that sends and does not read gets here.
	maxUnwritten = 4 << 20
)

// outbox writes to one client. What is put while a write goes on goes out with
// the next one: system calls are what writing costs. There is no goroutine while
// there is nothing to write.
type outbox struct {
	conn net.Conn

	mu      sync.Mutex
	waiting []byte
	spare   []byte
	writing bool
	closed  bool
	slow    bool // it was closed because its client does not read
	// drained is called once when everything is written, if it is set.
	drained func()
}

// put queues packets. It never waits.
func (o *outbox) put(packets ...packet.Packet) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	for _, p := range packets {
		o.waiting = appendFrame(o.waiting, p)
	}
	framesOut.Add(float64(len(packets)))
	if len(o.waiting) > maxUnwritten {
		o.closed, o.slow = true, true
		logx.Debugf("a session ends: %v", errSlow)
		go o.conn.Close()
		return
	}
	o.start()
}

// start sees to it that somebody writes. The lock is held.
func (o *outbox) start() {
	if !o.writing && len(o.waiting) > 0 {
		o.writing = true
		go o.write()
	}
}

func (o *outbox) write() {
	for {
		o.mu.Lock()
		batch := o.waiting
		if len(batch) == 0 || o.closed {
			o.writing = false
			drained := o.drained
			o.drained = nil
			o.mu.Unlock()
			if drained != nil {
				drained()
			}
			return
		}
		o.waiting, o.spare = o.spare[:0], nil
		o.mu.Unlock()
		err := o.conn.SetWriteDeadline(time.Now().Add(writeWithin))
		if err == nil {
			_, err = o.conn.Write(batch)
		}
		o.mu.Lock()
		if err != nil {
			o.slow = o.slow || !o.closed && errors.Is(err, os.ErrDeadlineExceeded)
			o.closed = true
		}
		if cap(batch) <= keepBuffer {
			o.spare = batch
		}
		o.mu.Unlock()
		if err != nil {
			o.conn.Close()
		}
	}
}

// keepBuffer is the largest buffer that a quiet connection keeps.
const keepBuffer = 2 << 10

// then calls f once everything that was put is written, or cannot be. It never
// waits.
func (o *outbox) then(f func()) {
	o.mu.Lock()
	if !o.writing {
		o.mu.Unlock()
		go f()
		return
	}
	o.drained = f
	o.mu.Unlock()
}

// busy reports whether something waits to be written: the client has not even
// got it.
func (o *outbox) busy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.writing
}

// isSlow reports whether it was closed because its client does not read.
func (o *outbox) isSlow() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.slow
}

// close drops what is not written yet.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.waiting = nil
}
