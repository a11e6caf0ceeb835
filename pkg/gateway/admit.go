package gateway

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/zeromicro/go-zero/core/logc"

	"parley/pkg/reply"
	"parley/pkg/scratch"
)

// limit answers at once when too many requests are being worked on.
func (g *Gateway) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer g.inFlight.Add(-1)
		if g.inFlight.Add(1) > g.config.MaxInFlight {
			Busy(w, r, g.config.Name, InFlight)
			return
		}
		next.ServeHTTP(w, r)
	})
}

const (
	// drainUpTo and drainFor are how much of a body that nobody has read is read all
	// the same, in bytes, and how long that may take: a client that is cut off while it
	// sends does not see the answer.
	drainUpTo = 64 << 20
	drainFor  = 30 * time.Second
	// refusedUpTo and refusedFor are the same for a request that was refused because
	// there are too many: reading on costs what the refusal was to save.
	refusedUpTo = 1 << 20
	refusedFor  = 2 * time.Second
)

// watched is a body that knows how reading it went.
type watched struct {
	io.ReadCloser
	ended, failed atomic.Bool
}

// Read implements io.Reader.
func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch err {
	case nil:
	case io.EOF:
		b.ended.Store(true)
	default:
		b.failed.Store(true)
	}
	return n, err
}

// drain reads, behind the answer, what is left of the body of a request. A client that
// waits for 100 Continue sees the answer as it is, and would send the body in vain. One
// that was too slow gets no more time.
func drain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := &watched{ReadCloser: r.Body}
		r.Body = body
		next.ServeHTTP(w, r)
		if r.ContentLength == 0 || body.ended.Load() || body.failed.Load() || strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
			return
		}
		upTo, within := int64(drainUpTo), drainFor
		if rec, ok := w.(*recorder); ok && (rec.status == http.StatusTooManyRequests || rec.status == http.StatusServiceUnavailable) {
			upTo, within = refusedUpTo, refusedFor
		}
		// One who waits for the answer before he goes on gets it at once.
		control := http.NewResponseController(w)
		if control.Flush() != nil || control.SetReadDeadline(time.Now().Add(within)) != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, body, upTo) // the client may have left
	})
}

// authenticate demands a good token before anything else of the request is
// looked at, and puts who sent it into the context's identity.
func (g *Gateway) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var token string
		if values := r.Header[headerToken]; len(values) > 0 {
			token = values[0]
		}
		uid, err := g.verifier.Verify(token)
		if err != nil {
			reply.Write(w, r, nil, err)
			return
		}
		who := r.Context().Value(identityKey{}).(*identity)
		who.uid = uid
		if who.device, err = readDevice(r.Header); err != nil {
			reply.Write(w, r, nil, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bound limits the length of the body and the time of the request. A body that
// announces itself as too long is refused unread; any other is cut off where
// the limit is, which makes binding it fail with an *http.MaxBytesError.
func (g *Gateway) bound(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > g.config.MaxBody {
			reply.Status(w, r, http.StatusRequestEntityTooLarge)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), g.config.Deadline)
		defer cancel()
		if g.config.Scratch != nil {
			desk := g.config.Scratch.Desk()
			defer func() {
				if err := desk.Close(); err != nil {
					logc.Errorw(ctx, "scratch files are left open", logc.Field("error", err.Error()))
				}
			}()
			ctx = scratch.With(ctx, desk)
		}
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(responseWriter(w), r.Body, g.config.MaxBody)
		next.ServeHTTP(w, r)
	})
}

// responseWriter returns the server's own writer below w. MaxBytesReader
// tells that one to close the connection behind a body that is too long.
func responseWriter(w http.ResponseWriter) http.ResponseWriter {
	if rec, ok := w.(*recorder); ok {
		return rec.ResponseWriter
	}
	return w
}
