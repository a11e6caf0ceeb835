package gateway

import (
	"context"
	"net/http"

	"parley/pkg/fault"
	"parley/pkg/reply"
)

// limit answers at once when too many requests are being worked on.
func (g *Gateway) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer g.inFlight.Add(-1)
		if g.inFlight.Add(1) > g.config.MaxInFlight {
			reply.Write(w, r, nil, fault.Overloaded)
			return
		}
		next.ServeHTTP(w, r)
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
