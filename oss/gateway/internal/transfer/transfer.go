// Package transfer moves the file of a request to a provider. Memory does not grow
// with the file: it flows, or waits on the request's desk (see pkg/scratch).
package transfer

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss"
	"parley/pkg/bind"
	"parley/pkg/fault"
	"parley/pkg/scratch"
)

// Sign asks the storage service for the request that writes size bytes.
type Sign func(ctx context.Context, size int64) (*ossv1.SignedRequest, error)

const (
	// flowFrom is from which size a file flows. A smaller one waits on the desk, where
	// its length is certain.
	flowFrom = 64 << 10
	// copyUpTo is up to which size a file that flows is copied to the desk as well, so
	// that it can be sent again.
	copyUpTo = 16 << 20
)

// Send moves the file of the request that ctx belongs to, and returns the ETag that
// the provider gave it and its size in bytes.
//
// S3 servers want to know the length beforehand. It follows from the length of the
// request, if nothing comes behind the file and the last line ends as usual. Where
// that proves wrong, or the provider fails, a file of up to 16 MiB is sent again.
func Send(ctx context.Context, carrier oss.Carrier, sign Sign) (etag string, size int64, err error) {
	file, ok := bind.File(ctx)
	if !ok {
		return "", 0, fault.Invalid("file", "is missing")
	}
	s := sender{ctx: ctx, carrier: carrier, sign: sign}
	if kept := file.Kept(); kept != nil {
		return s.sendKept(kept)
	}
	if file.Size < flowFrom {
		kept, err := keep(ctx)
		if err != nil {
			return "", 0, err
		}
		if _, err := io.Copy(kept, file); err != nil {
			return "", 0, err
		}
		return s.sendKept(kept)
	}
	return s.sendFlowing(file)
}

// keep returns an empty file on the request's desk.
func keep(ctx context.Context) (*scratch.File, error) {
	desk := scratch.Of(ctx)
	if desk == nil {
		return nil, errors.New("keep a file: the gateway has no scratch folder")
	}
	return desk.New()
}

type sender struct {
	ctx     context.Context
	carrier oss.Carrier
	sign    Sign
}

// send signs and sends once.
func (s *sender) send(body io.Reader, size int64) (string, error) {
	signed, err := s.sign(s.ctx, size)
	if err != nil {
		return "", err
	}
	etag, err := s.carrier.Send(s.ctx, oss.Signed{
		Provider: signed.GetProvider(), Method: signed.GetMethod(), URL: signed.GetUrl(), Header: signed.GetHeaders(),
		Expires: time.UnixMilli(signed.GetExpireTime()),
	}, body, size)
	if errors.Is(err, oss.ErrNoUpload) {
		err = fault.NotFound
	}
	return etag, err
}

// sendKept sends a file from the desk, and once more when the provider fails for a
// moment.
func (s *sender) sendKept(file *scratch.File) (etag string, size int64, err error) {
	etag, err = s.send(file.Reader(), file.Size())
	if s.worthRepeating(err) {
		etag, err = s.send(file.Reader(), file.Size())
	}
	return etag, file.Size(), err
}

func (s *sender) worthRepeating(err error) bool {
	var failed *oss.ProviderError
	return errors.As(err, &failed) && failed.Temporary() && s.ctx.Err() == nil
}

// sendFlowing sends a file while it comes in.
func (s *sender) sendFlowing(file *bind.FilePart) (etag string, size int64, err error) {
	body := &flow{file: file, left: file.Size}
	if desk := scratch.Of(s.ctx); desk != nil && file.Size <= copyUpTo {
		body.copy = desk.Spare(file.Size)
	}
	etag, err = s.send(body, file.Size)
	body.take() // what is left of the file is nobody else's from here
	if err != nil && body.err != nil {
		// A body that breaks off ends its request as well: which of the two stopped the
		// carrier is chance.
		return "", 0, body.err
	}
	otherwise := errors.Is(err, errOtherwise)
	if !otherwise && !s.worthRepeating(err) {
		return etag, file.Size, err
	}
	if body.copy == nil && otherwise {
		return "", 0, fault.Invalid("file", "must be the last field of a request, behind which nothing comes but the closing boundary and a line break")
	}
	if body.copy == nil {
		return "", 0, err
	}
	if _, failed := io.Copy(body.copy, file); errors.Is(failed, fault.Overloaded) && !otherwise {
		return "", 0, err // there is no room for a second try
	} else if failed != nil {
		return "", 0, failed
	}
	return s.sendKept(body.copy)
}

// errOtherwise says that a file is longer or shorter than expected, or that the
// fields behind it change what it is.
var errOtherwise = errors.New("the file is not what the length of its request says")

// flow is the body of a request to a provider. It gives the last bytes away only
// when the file has ended where it should: so no provider ever gets a body that is
// complete and wrong.
type flow struct {
	file *bind.FilePart
	left int64

	mu    sync.Mutex
	taken bool
	err   error         // how the file broke off, if it did
	copy  *scratch.File // nil: there is none
}

var errTaken = errors.New("the file is read by somebody else")

// take waits for a Read that goes on after Send has returned, which it may when the
// provider has answered early, and refuses further ones.
func (f *flow) take() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.taken = true
}

// Read implements io.Reader.
func (f *flow) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.taken {
		return 0, errTaken
	}
	if f.left == 0 {
		return 0, io.EOF
	}
	n, err := f.read(p[:min(int64(len(p)), f.left)])
	f.left -= int64(n)
	switch {
	case err == nil && f.left > 0:
		return n, nil
	case err == nil:
		err = f.ended()
	case err == io.EOF && f.left > 0:
		err = errOtherwise
	case err == io.EOF && f.file.Late():
		err = errOtherwise
	case err == io.EOF:
		err = nil
	}
	if err != nil {
		f.left += int64(n)
		return 0, err
	}
	return n, nil
}

// ended reports, with nil, that nothing comes any more.
func (f *flow) ended() error {
	var more [1]byte
	for {
		n, err := f.read(more[:])
		switch {
		case n > 0 || err == io.EOF && f.file.Late():
			return errOtherwise
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// read reads from the file, and writes what it read to the copy.
func (f *flow) read(p []byte) (int, error) {
	n, err := f.file.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	if f.copy != nil && n > 0 {
		if _, failed := f.copy.Write(p[:n]); failed != nil {
			_ = f.copy.Empty() // the desk closes it in any case
			f.copy = nil
		}
	}
	return n, err
}
