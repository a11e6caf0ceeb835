package bind

import (
	"bufio"
	"bytes"
	"io"
	"sync"
)

// sourceBuffer is how much of a body is read at once, in bytes.
const sourceBuffer = 128 << 10

// source is a body that is read by Go's multipart reader up to the content of a
// file part, and by a content from there on. It hands out no more than a line at a
// time, so that the reader, whose buffer is its own, has nothing of what follows
// the blank line behind a part's header.
type source struct {
	body   *bufio.Reader
	length int64 // of the whole body, or -1
	taken  int64
	line   []byte
	// lineBreak is what ends the lines of the body, as its first one shows.
	lineBreak string
}

// sources keeps the buffers of bodies that were read.
var sources = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, sourceBuffer) }}

func newSource(body io.Reader, length int64) *source {
	buffered := sources.Get().(*bufio.Reader)
	buffered.Reset(body)
	return &source{body: buffered, length: length}
}

// release gives the buffer back. Nothing is read any more.
func (s *source) release() {
	s.body.Reset(nil)
	sources.Put(s.body)
	s.body = nil
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if len(s.line) == 0 {
		line, err := s.body.ReadSlice('\n')
		if len(line) == 0 {
			return 0, err
		}
		s.line = line // good until the next read of body
		if s.lineBreak == "" && bytes.HasPrefix(line, []byte("--")) {
			s.lineBreak = "\r\n"
			if !bytes.HasSuffix(line, []byte("\r\n")) {
				s.lineBreak = "\n"
			}
		}
	}
	n := copy(p, s.line)
	s.line = s.line[n:]
	s.taken += int64(n)
	return n, nil
}

// left returns how many bytes of content are left if nothing but the closing
// boundary follows it, or -1 if that cannot be known.
func (s *source) left(boundary string) int64 {
	closing := s.lineBreak + "--" + boundary + "--" + s.lineBreak
	return max(s.length-s.taken-int64(len(closing)), -1)
}

func (s *source) skip(n int) {
	skipped, _ := s.body.Discard(n)
	s.taken += int64(skipped)
}

// content is the content of a part: what comes before the next boundary (RFC 2046,
// section 5.1.1).
type content struct {
	source *source
	// delimiter is the boundary with the line break before it, which belongs to it.
	delimiter []byte
	begun     bool
	ended     bool
	// known is how many of the next bytes have been found to be content.
	known int
}

func newContent(s *source, boundary string) *content {
	return &content{source: s, delimiter: []byte(s.lineBreak + "--" + boundary)}
}

// Read implements io.Reader. When it has ended, the source goes on with the
// boundary.
func (c *content) Read(p []byte) (int, error) {
	if !c.begun {
		c.begin()
	}
	if c.known == 0 && !c.ended && len(p) > 0 {
		if err := c.search(); err != nil {
			return 0, err
		}
	}
	if c.ended {
		return 0, io.EOF
	}
	next, _ := c.source.body.Peek(min(c.known, len(p)))
	n := copy(p, next)
	c.source.skip(n)
	c.known -= n
	return n, nil
}

// search looks for the delimiter in what is buffered.
func (c *content) search() error {
	window, err := c.window()
	if err != nil {
		return err
	}
	// A delimiter may begin in what is left out here.
	c.known = len(window) - len(c.delimiter)
	if at := bytes.Index(window, c.delimiter); at >= 0 {
		c.known = at
	}
	if c.known > 0 {
		return nil
	}
	if c.ended = delimits(window[len(c.delimiter):]); c.ended {
		c.source.skip(len(c.source.lineBreak))
		return nil
	}
	c.known = 1
	return nil
}

// begin looks whether the content is empty. The line break before the boundary is
// then the one that ended the header.
func (c *content) begin() {
	c.begun = true
	boundary := c.delimiter[len(c.source.lineBreak):]
	head, _ := c.source.body.Peek(len(boundary) + 2)
	c.ended = bytes.HasPrefix(head, boundary) && delimits(head[len(boundary):])
}

// window returns what is buffered, which is a delimiter and two bytes at least.
func (c *content) window() ([]byte, error) {
	body := c.source.body
	if least := len(c.delimiter) + 2; body.Buffered() < least {
		if _, err := body.Peek(least); err == io.EOF {
			return nil, io.ErrUnexpectedEOF
		} else if err != nil {
			return nil, err
		}
	}
	return body.Peek(body.Buffered())
}

// delimits reports whether what follows a boundary ends it: another text may begin
// alike.
func delimits(rest []byte) bool {
	return bytes.HasPrefix(rest, []byte("--")) || len(rest) > 0 && bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0
}
