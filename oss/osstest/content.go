package osstest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"
)

const mib = 1 << 20

// page is how often the content of objects would repeat, were it not numbered.
const page = 64 << 10

var pattern = sync.OnceValue(func() []byte {
	p := make([]byte, page)
	_, _ = rand.NewChaCha8([32]byte([]byte("what the tests fill objects with"))).Read(p)
	return p
})

// content is what an object or part shall hold, made when it is read, so that
// its size costs no memory. No two contents of different seeds have a page in
// common, nor has one content two of the same.
type content struct {
	seed uint32
	size int64
}

func (c content) reader() io.Reader { return &reader{content: c} }

type reader struct {
	content
	at int64
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.at == r.size {
		return 0, io.EOF
	}
	in := int(r.at % page)
	var block [8]byte
	binary.BigEndian.PutUint32(block[:], r.seed)
	binary.BigEndian.PutUint32(block[4:], uint32(r.at/page))
	n := 0
	if in < len(block) {
		n = copy(p, block[in:])
	} else {
		n = copy(p, pattern()[in:])
	}
	n = int(min(int64(n), r.size-r.at))
	r.at += int64(n)
	return n, nil
}

// sum is what tells whether the same bytes arrived.
type sum struct {
	size   int64
	sha256 [sha256.Size]byte
}

func sumOf(r io.Reader) (sum, error) {
	h := sha256.New()
	n, err := io.CopyBuffer(h, struct{ io.Reader }{r}, make([]byte, page))
	return sum{n, [sha256.Size]byte(h.Sum(nil))}, err
}

// join is the sum of contents one after another.
func join(contents ...content) sum {
	readers := make([]io.Reader, len(contents))
	for i, c := range contents {
		readers[i] = c.reader()
	}
	s, _ := sumOf(io.MultiReader(readers...))
	return s
}

// failReader fails where the content would go on, with what fail returns.
type failReader struct {
	io.Reader
	fail func() error
}

// Read implements io.Reader.
func (r failReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		err = r.fail()
	}
	return n, err
}

// cancelled is the first half of a content, after which it is cancelled as the
// request of a client is that hangs up.
func cancelled(ctx context.Context, cancel context.CancelFunc, c content) io.Reader {
	half := content{c.seed, c.size / 2}
	return failReader{half.reader(), func() error { cancel(); return ctx.Err() }}
}
