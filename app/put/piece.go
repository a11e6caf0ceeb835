package put

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// fileError is an error of reading the file, which sending again does not help.
type fileError struct{ err error }

// Error says what cannot be read.
func (e *fileError) Error() string { return fmt.Sprintf("read the file: %v", e.err) }

// Unwrap returns what the system says.
func (e *fileError) Unwrap() error { return e.err }

// piece is what one request sends of the file. It counts in the progress, until the
// request fails. It may still be read then, as the transport ends when it likes.
type piece struct {
	name  string
	size  int64 // bytes
	bar   *progress
	moves func() // is called with each read

	mu    sync.Mutex
	in    io.Reader
	left  int64
	ended bool
	err   error // of the file
}

var errEnded = errors.New("the request has ended")

// Read implements io.Reader.
func (p *piece) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return 0, errEnded
	}
	n, err := p.in.Read(b)
	p.left -= int64(n)
	p.bar.add(int64(n))
	p.moves()
	switch {
	case err == io.EOF && p.left > 0:
		p.err = errChanged // it is shorter now
	case err != nil && err != io.EOF:
		p.err = &fileError{err}
	}
	if p.err != nil {
		return n, p.err
	}
	return n, err
}

// finish ends the reading. What was read of a request that failed was not sent. It
// returns the error of the file, if that was why.
func (p *piece) finish(sent bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if !sent {
		p.bar.add(p.left - p.size)
	}
	return p.err
}
