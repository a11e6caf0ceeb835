package local

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
)

// errWrite marks an error of the disk, as opposed to one of the body.
var errWrite = errors.New("write")

// chunk is how much is read, hashed and written at a time. More was not faster, and
// as many bodies may come at once as there are clients.
const chunk = 128 << 10

var buffers = sync.Pool{New: func() any { return new([chunk]byte) }}

// receive writes size bytes of body, exactly, and returns their MD5 in hexadecimal
// digits. An error of the disk is errWrite. It is over when the body has ended.
//
// The bytes are hashed in between and not beside the writing: another goroutine
// for that made it no faster where the cores have work anyway, and needs a second
// buffer.
func receive(ctx context.Context, w io.Writer, body io.Reader, size int64) (string, error) {
	buffer := buffers.Get().(*[chunk]byte)
	defer buffers.Put(buffer)
	h := md5.New()
	for left := size; left > 0; {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		b := buffer[:min(left, chunk)]
		if _, err := io.ReadFull(body, b); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return "", fmt.Errorf("read the body, of which %d of %d bytes came before: %w", size-left, size, err)
		}
		_, _ = h.Write(b)
		if _, err := w.Write(b); err != nil {
			return "", fmt.Errorf("%w: %w", errWrite, err)
		}
		left -= int64(len(b))
	}
	return hex.EncodeToString(h.Sum(nil)), ended(body)
}

// ended reads the end of a body.
func ended(body io.Reader) error {
	var more [1]byte
	switch n, err := io.ReadFull(body, more[:]); {
	case n > 0:
		return errors.New("the body is longer than it was said to be")
	case err != io.EOF:
		return fmt.Errorf("read the end of the body: %w", err)
	}
	return nil
}
