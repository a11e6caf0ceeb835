package osstest

import (
	"context"
	"errors"
	"io"
	"time"

	"parley/oss"
)

// spoils sends bodies that go wrong as a whole object and as a part, large
// enough not to be in a buffer when they do, and checks that neither the object
// nor the part is touched. check judges the error.
func (w *world) spoils(body func(content) (context.Context, io.Reader), check func(error)) {
	w.Helper()
	// The first part is large enough not to be what is wrong when the second is missed.
	old, first, spoilt := content{1, 1000}, content{2, w.MinPart}, content{3, 3*mib + 7}
	w.put("spoilt", "text/plain", old)
	upload := w.start("spoilt")
	p := w.part("spoilt", upload, 1, first)
	for _, s := range []oss.Signed{
		w.signPut("spoilt", binaryType, spoilt.size),
		w.signPut("new", binaryType, spoilt.size),
		w.signPart("spoilt", upload, 1, spoilt.size),
		w.signPart("spoilt", upload, 2, spoilt.size),
	} {
		ctx, r := body(spoilt)
		etag, err := w.Carrier.Send(ctx, s, r, spoilt.size)
		if err == nil {
			w.Errorf("the body was taken, with ETag %s", etag)
			continue
		}
		w.tellsNothing(err, s)
		check(err)
	}
	w.holds("spoilt", "text/plain", old)
	w.isAbsent("new")
	w.completeFails(oss.ErrWrongPart, "spoilt", upload, p, oss.Part{Number: 2, ETag: p.ETag})
	w.complete("spoilt", upload, p)
	w.holds("spoilt", binaryType, first)
}

func earlyEnd(w *world) {
	for _, missing := range []int64{1, mib} {
		w.spoils(func(c content) (context.Context, io.Reader) {
			return w.ctx(), content{c.seed, c.size - missing}.reader()
		}, func(err error) {})
	}
}

// lateEnd is why a carrier looks for the end of a body before it sends the last
// byte.
func lateEnd(w *world) {
	for _, more := range []int64{1, mib} {
		w.spoils(func(c content) (context.Context, io.Reader) {
			return w.ctx(), content{c.seed, c.size + more}.reader()
		}, func(err error) {})
	}
}

var errBody = errors.New("the client hung up")

// failingBody fails behind the last byte too, where a form ends that was cut off.
func failingBody(w *world) {
	for _, after := range []int64{0, 2 * mib, 3*mib + 6, 3*mib + 7} {
		w.spoils(func(c content) (context.Context, io.Reader) {
			return w.ctx(), failReader{content{c.seed, after}.reader(), func() error { return errBody }}
		}, func(err error) {
			if !errors.Is(err, errBody) {
				w.Errorf("the error %v does not have that of the body in it", err)
			}
		})
	}
}

func cancelledBody(w *world) {
	w.spoils(func(c content) (context.Context, io.Reader) {
		ctx, cancel := context.WithCancel(w.ctx())
		w.Cleanup(cancel)
		return ctx, cancelled(ctx, cancel, c)
	}, func(err error) {
		if !errors.Is(err, context.Canceled) {
			w.Errorf("the error %v does not say that it was cancelled", err)
		}
	})
}

// requests makes every request that goes to the provider, once.
func (w *world) requests(key oss.Key, upload string, p oss.Part, try func(what string, request func(context.Context) error)) {
	w.Helper()
	c := content{5, 2 * mib}
	put, part := w.signPut(key, binaryType, c.size), w.signPart(key, upload, 1, c.size)
	try("put", func(ctx context.Context) error {
		_, err := w.Carrier.Send(ctx, put, c.reader(), c.size)
		w.tellsNothing(err, put)
		return err
	})
	try("send a part", func(ctx context.Context) error {
		_, err := w.Carrier.Send(ctx, part, c.reader(), c.size)
		w.tellsNothing(err, part)
		return err
	})
	try("put an empty object", func(ctx context.Context) error { return w.Provider.PutEmpty(ctx, key, binaryType) })
	try("describe", func(ctx context.Context) error { _, err := w.Provider.Stat(ctx, key); return err })
	try("start", func(ctx context.Context) error { _, err := w.Provider.Start(ctx, key, binaryType); return err })
	try("complete", func(ctx context.Context) error { return w.Provider.Complete(ctx, key, upload, []oss.Part{p}) })
	try("abort", func(ctx context.Context) error { return w.Provider.Abort(ctx, key, upload) })
}

// misbehave checks with each request that the provider's fault ends well.
func (w *world) misbehave(key oss.Key, fault func(), try func(what string, request func(context.Context) error)) {
	w.Helper()
	old, c := content{1, 1000}, content{2, 2000}
	w.put(key, "text/plain", old)
	upload := w.start(key)
	p := w.part(key, upload, 1, c)
	fault()
	w.requests(key, upload, p, try)
	w.Faults.Heal()
	w.holds(key, "text/plain", old)
	w.complete(key, upload, p)
	w.holds(key, binaryType, c)
}

func slow(w *world) {
	if w.Faults == nil || w.Faults.Slow == nil {
		w.Skip("the provider cannot be made slow")
	}
	const patience, tooLong = 200 * time.Millisecond, 5 * time.Second
	w.misbehave("slow", w.Faults.Slow, func(what string, request func(context.Context) error) {
		ctx, cancel := context.WithTimeout(w.ctx(), patience)
		defer cancel()
		began := time.Now()
		err := request(ctx)
		if took := time.Since(began); took > tooLong {
			w.Errorf("%s: it took %v", what, took)
		}
		if err == nil {
			w.Errorf("%s: it went well", what)
			return
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			w.failed(what, err)
		}
	})
}

func failing(w *world) {
	if w.Faults == nil || w.Faults.Fail == nil {
		w.Skip("the provider cannot be made to fail")
	}
	w.misbehave("failing", w.Faults.Fail, func(what string, request func(context.Context) error) {
		w.failed(what, request(w.ctx()))
	})
}
