package osstest

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"parley/oss"
)

func onePart(w *world) {
	c := content{1, 1234}
	upload := w.start("one")
	w.complete("one", upload, w.part("one", upload, 1, c))
	w.holds("one", binaryType, c)

	// The number of the only part need not be 1, nor must it be a large part.
	upload = w.start("last")
	w.complete("last", upload, w.part("last", upload, 10000, c))
	w.holds("last", binaryType, c)
}

func twoParts(w *world) {
	a, b := content{1, w.MinPart}, content{2, 1}
	upload := w.start("two")
	second := w.part("two", upload, 9, b)
	first := w.part("two", upload, 2, a)
	w.complete("two", upload, first, second)
	w.holds("two", binaryType, a, b)
}

func fortyParts(w *world) {
	const n, senders = 40, 4
	contents, parts := make([]content, n), make([]oss.Part, n)
	for i := range contents {
		contents[i] = content{uint32(i), w.MinPart + int64(i%3)}
	}
	contents[n-1].size = 77
	upload := w.start("forty")
	queue := make(chan int, n)
	for _, i := range rand.Perm(n) {
		queue <- i
	}
	close(queue)
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			for i := range queue {
				var err error
				if parts[i], err = w.tryPart("forty", upload, int32(i+1), contents[i]); err != nil {
					w.Errorf("send part %d: %v", i+1, err)
				}
			}
		})
	}
	group.Wait()
	w.complete("forty", upload, parts...)
	w.holds("forty", binaryType, contents...)
}

// hashing is a body of which the bytes that were read are hashed.
type hashing struct {
	io.Reader
	hash.Hash
}

// Read implements io.Reader.
func (h hashing) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	_, _ = h.Write(p[:n])
	return n, err
}

// oneGiB hashes the bytes while they flow, on either side.
func oneGiB(w *world) {
	if os.Getenv("PARLEY_TEST_GIB") == "" && (racing || testing.Short()) {
		w.Skip("PARLEY_TEST_GIB is not set")
	}
	const n, size = 16, 64 * mib
	parts := make([]oss.Part, n)
	h := sha256.New()
	upload := w.start("gib")
	for i := range parts {
		number := int32(i + 1)
		s := w.signPart("gib", upload, number, size)
		etag, err := w.Carrier.Send(w.ctx(), s, hashing{content{uint32(i), size}.reader(), h}, size)
		if err != nil {
			w.Fatalf("send part %d: %v", number, err)
		}
		parts[i] = oss.Part{Number: number, ETag: etag}
	}
	w.complete("gib", upload, parts...)
	w.holdsSum("gib", binaryType, sum{n * size, [sha256.Size]byte(h.Sum(nil))})
}

func notBeforeComplete(w *world) {
	c := content{1, 1000}
	upload := w.start("later")
	w.isAbsent("later")
	p := w.part("later", upload, 1, c)
	w.isAbsent("later")
	w.complete("later", upload, p)
	w.holds("later", binaryType, c)
}

func partsOverwrite(w *world) {
	old, c := content{1, 1000}, content{2, 2000}
	w.put("over", "text/plain", old)
	upload := w.start("over")
	p := w.part("over", upload, 1, c)
	w.holds("over", "text/plain", old)
	w.complete("over", upload, p)
	w.holds("over", binaryType, c)
	w.put("over", "text/plain", old)
	w.holds("over", "text/plain", old)
}

func resentPart(w *world) {
	a, b, tail := content{1, w.MinPart + 5}, content{2, w.MinPart}, content{3, 10}
	upload := w.start("resent")
	first := w.part("resent", upload, 1, a)
	last := w.part("resent", upload, 2, tail)
	again := w.part("resent", upload, 1, b)
	w.completeFails(oss.ErrWrongPart, "resent", upload, first, last)
	w.isAbsent("resent")
	w.complete("resent", upload, again, last)
	w.holds("resent", binaryType, b, tail)
}

func leftOutPart(w *world) {
	a, b, c := content{1, w.MinPart}, content{2, w.MinPart}, content{3, 10}
	upload := w.start("left")
	first := w.part("left", upload, 1, a)
	w.part("left", upload, 2, b)
	w.complete("left", upload, first, w.part("left", upload, 3, c))
	w.holds("left", binaryType, a, c)
}

func missingPart(w *world) {
	c := content{1, w.MinPart}
	upload := w.start("missing")
	first := w.part("missing", upload, 1, c)
	w.completeFails(oss.ErrWrongPart, "missing", upload, first, oss.Part{Number: 2, ETag: first.ETag})
	w.isAbsent("missing")
	w.complete("missing", upload, first)
	w.holds("missing", binaryType, c)
}

func wrongETag(w *world) {
	a, b := content{1, w.MinPart}, content{2, 10}
	upload := w.start("wrong")
	first, second := w.part("wrong", upload, 1, a), w.part("wrong", upload, 2, b)
	w.completeFails(oss.ErrWrongPart, "wrong", upload, oss.Part{Number: 1, ETag: second.ETag}, oss.Part{Number: 2, ETag: first.ETag})
	w.completeFails(oss.ErrWrongPart, "wrong", upload, first, oss.Part{Number: 2, ETag: "00000000000000000000000000000000"})
	w.isAbsent("wrong")
	w.complete("wrong", upload, first, second)
	w.holds("wrong", binaryType, a, b)
}

func smallPart(w *world) {
	small, enough, last := content{1, w.MinPart - 1}, content{2, w.MinPart}, content{3, 1}
	upload := w.start("small")
	first, second := w.part("small", upload, 1, small), w.part("small", upload, 2, last)
	w.completeFails(oss.ErrPartTooSmall, "small", upload, first, second)
	w.isAbsent("small")
	w.complete("small", upload, w.part("small", upload, 1, enough), second)
	w.holds("small", binaryType, enough, last)
}

// overFor checks that nothing can be done any more with an upload.
func (w *world) overFor(key oss.Key, upload string, parts ...oss.Part) {
	w.Helper()
	if _, err := w.tryPart(key, upload, 1, content{9, 10}); !errors.Is(err, oss.ErrNoUpload) {
		w.Errorf("sending a part: %v, want %v", err, oss.ErrNoUpload)
	}
	err := w.Provider.Complete(w.ctx(), key, upload, parts)
	if !errors.Is(err, oss.ErrNoUpload) && (err != nil || !w.LaxComplete) {
		w.Errorf("completing %q: %v, want %v", key, err, oss.ErrNoUpload)
	}
	for range 2 {
		w.abort(key, upload)
	}
}

// unknownUpload has an id that differs in its last letter or digit from one
// that the provider gave.
func unknownUpload(w *world) {
	upload := w.start("unknown")
	p := w.part("unknown", upload, 1, content{1, 10})
	other := []byte(upload)
	for i := len(other) - 1; i >= 0; i-- {
		if c := other[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			other[i] = '0' + ('1'-c)&1 // '0' for odd characters, '1' for even ones
			break
		}
	}
	if string(other) == upload {
		w.Fatalf("the id of an upload has neither letter nor digit: %q", upload)
	}
	w.overFor("unknown", string(other), p)
	w.isAbsent("unknown")
	w.complete("unknown", upload, p)
	w.holds("unknown", binaryType, content{1, 10})
}

func uploadOfAnotherKey(w *world) {
	c := content{1, 10}
	upload := w.start("mine")
	p := w.part("mine", upload, 1, c)
	w.overFor("theirs", upload, p)
	w.isAbsent("theirs")
	w.complete("mine", upload, p)
	w.holds("mine", binaryType, c)
}

func abortedUpload(w *world) {
	old := content{2, 20}
	w.put("aborted", "text/plain", old)
	upload := w.start("aborted")
	p := w.part("aborted", upload, 1, content{1, 10})
	w.abort("aborted", upload)
	w.overFor("aborted", upload, p)
	w.holds("aborted", "text/plain", old)
	w.abort("aborted", w.start("aborted")) // one without a part
	w.holds("aborted", "text/plain", old)
}

// completedUpload lets a provider answer a repeat as it did the first time: some
// do for a while.
func completedUpload(w *world) {
	c := content{1, 10}
	upload := w.start("completed")
	p := w.part("completed", upload, 1, c)
	w.complete("completed", upload, p)
	if err := w.Provider.Complete(w.ctx(), "completed", upload, []oss.Part{p}); err != nil && !errors.Is(err, oss.ErrNoUpload) {
		w.Errorf("completing again: %v", err)
	}
	w.holds("completed", binaryType, c)
	w.overFor("completed", upload, oss.Part{Number: 1, ETag: "00000000000000000000000000000000"})
	w.holds("completed", binaryType, c)
}

func twoUploads(w *world) {
	a, b := content{1, 10}, content{2, 20}
	one, other := w.start("same"), w.start("same")
	if one == other {
		w.Fatal("two uploads have the same id")
	}
	p, q := w.part("same", one, 1, a), w.part("same", other, 1, b)
	w.complete("same", one, p)
	w.holds("same", binaryType, a)
	w.complete("same", other, q)
	w.holds("same", binaryType, b)
}

// expired gives the signatures as long as providers can count, which is in
// whole seconds, and has the caller forget when they end: the provider must not.
func expired(w *world) {
	c, old := content{1, 10}, content{2, 20}
	w.put("expired", binaryType, old)
	upload := w.start("expired")
	expires := time.Now().Add(2 * time.Second)
	put, err := w.Provider.SignPut(w.ctx(), oss.Put{Key: "expired", Size: c.size, ContentType: binaryType, Expires: expires})
	if err != nil {
		w.Fatal(err)
	}
	part, err := w.Provider.SignPart(w.ctx(), oss.PutPart{Key: "expired", Upload: upload, Number: 1, Size: c.size, Expires: expires})
	if err != nil {
		w.Fatal(err)
	}
	<-time.After(time.Until(expires.Add(time.Second)))
	for _, s := range []oss.Signed{put, part} {
		s.Expires = time.Now().Add(life)
		etag, err := w.Carrier.Send(w.ctx(), s, c.reader(), c.size)
		if err == nil {
			w.Errorf("something was taken a second after its signature ended, with ETag %s", etag)
			continue
		}
		w.refused(err)
		w.tellsNothing(err, s)
	}
	w.holds("expired", binaryType, old)
}
