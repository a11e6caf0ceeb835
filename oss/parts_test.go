package oss_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"parley/oss"
	"parley/pkg/fault"
)

// big is a part that is large enough to be followed by others.
var big = strings.Repeat("0123456789abcdef", 5<<20/16)

func TestPartsBecomeAnObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := w.init(alice, "a.png")
	last := w.part(alice, "a.png", upload, 9, "end")
	first := w.part(alice, "a.png", upload, 3, big)
	w.isAbsent("a.png")
	last.ETag = `"` + strings.ToUpper(last.ETag) + `"`
	for range 2 { // an answer that was lost is answered again
		if l, err := w.service.Complete(t.Context(), alice, object("a.png"), upload, []oss.Part{last, first}, origin); err != nil || !strings.HasSuffix(l.URL, "/a.png") {
			t.Fatalf("completed at %+v, error %v", l, err)
		}
	}
	w.holds("a.png", big+"end")
	w.uses(alice, len(big)+3)
	if asked := w.provider.asked["Complete"]; asked != 1 {
		t.Errorf("the provider completed it %d times", asked)
	}
	w.want(w.complete(alice, "a.png", upload, first), fault.BadRequest)
	w.want(w.complete(alice, "a.png", upload), fault.BadRequest)
	w.want(w.service.Abort(t.Context(), alice, object("a.png"), upload), fault.OK)
	w.holds("a.png", big+"end")
	_, err := w.service.SignPart(t.Context(), alice, object("a.png"), upload, 1, 1)
	w.want(err, fault.NotFound)
}

func TestNoPartsBecomeAnEmptyObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := w.init(alice, "empty")
	w.part(alice, "empty", upload, 1, "left out")
	for range 2 {
		w.want(w.complete(alice, "empty", upload), fault.OK)
		w.holds("empty", "")
	}
	w.uses(alice, 0)
	w.want(w.claim(bob, "empty"), fault.Forbidden)
}

func TestAnUploadIsItsStartersAndOfOneObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := w.init(alice, "a")
	p := w.part(alice, "a", upload, 1, "content")
	for name, row := range map[string]struct {
		object oss.Object
		upload string
		want   map[string]fault.Code // by who asks
	}{
		"the upload":       {object("a"), upload, map[string]fault.Code{"bob": fault.Forbidden}},
		"another key":      {object("b"), upload, map[string]fault.Code{"alice": fault.BadRequest, "bob": fault.Forbidden}},
		"another provider": {oss.Object{App: "app", Provider: oss.Minio, Key: "a"}, upload, map[string]fault.Code{"alice": fault.BadRequest, "bob": fault.Forbidden}},
		"no upload":        {object("a"), "none", map[string]fault.Code{"alice": fault.NotFound, "bob": fault.NotFound}},
		"no provider":      {oss.Object{App: "app", Provider: oss.Aliyun, Key: "a"}, upload, map[string]fault.Code{"alice": fault.Unsupported}},
		"no key":           {object(".."), upload, map[string]fault.Code{"alice": fault.BadKey}},
	} {
		for who, want := range row.want {
			u := alice
			if who == "bob" {
				u = bob
			}
			_, err := w.service.SignPart(t.Context(), u, row.object, row.upload, 2, 1)
			w.want(err, want)
			_, err = w.service.RecordPart(t.Context(), u, row.object, row.upload, p, 1)
			w.want(err, want)
			_, err = w.service.Complete(t.Context(), u, row.object, row.upload, []oss.Part{p}, origin)
			w.want(err, want)
			err = w.service.Abort(t.Context(), u, row.object, row.upload)
			if want == fault.NotFound {
				want = fault.OK
			}
			w.want(err, want)
			if t.Failed() {
				t.Fatalf("it was %s, asked for by %s", name, who)
			}
		}
	}
	w.want(w.complete(alice, "a", upload, p), fault.OK)
}

func TestPartsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := w.init(alice, "a")
	first, second := w.part(alice, "a", upload, 1, "small"), w.part(alice, "a", upload, 2, "end")
	if _, err := w.service.SignPart(t.Context(), alice, object("a"), upload, 4, 3); err != nil { // signed and never sent
		t.Fatal(err)
	}
	wrong := oss.Part{Number: 1, ETag: second.ETag}
	for name, row := range map[string]struct {
		parts []oss.Part
		want  fault.Code
	}{
		"one that is not there":   {[]oss.Part{first, {Number: 3, ETag: second.ETag}}, fault.BadRequest},
		"one that was not sent":   {[]oss.Part{first, {Number: 4, ETag: ""}}, fault.BadRequest},
		"one with another ETag":   {[]oss.Part{wrong}, fault.BadRequest},
		"one with no ETag":        {[]oss.Part{{Number: 1}}, fault.BadRequest},
		"one twice":               {[]oss.Part{first, first}, fault.BadRequest},
		"number 0":                {[]oss.Part{{Number: 0, ETag: first.ETag}}, fault.BadRequest},
		"number 10001":            {[]oss.Part{{Number: 10001, ETag: first.ETag}}, fault.BadRequest},
		"a small one and another": {[]oss.Part{first, second}, fault.PartTooSmall},
	} {
		if err := w.complete(alice, "a", upload, row.parts...); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
	for _, number := range []int32{0, -1, 10001} {
		_, err := w.service.SignPart(t.Context(), alice, object("a"), upload, number, 1)
		w.want(err, fault.BadRequest)
	}
	first = w.part(alice, "a", upload, 1, big)
	w.want(w.complete(alice, "a", upload, first, second), fault.OK)
	w.holds("a", big+"end")
}

func TestAnObjectInPartsHasALimitOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *oss.Config) { c.MaxObject = 10 })
	upload := w.init(alice, "a")
	w.part(alice, "a", upload, 1, "1234567")
	_, err := w.service.SignPart(t.Context(), alice, object("a"), upload, 2, 4)
	w.want(err, fault.FileTooLarge)
	p := w.part(alice, "a", upload, 1, "1234567890")
	w.want(w.complete(alice, "a", upload, p), fault.OK)
}

var errDown = &oss.ProviderError{Provider: oss.Local, Op: "test", Status: 503, Err: errors.New("down")}

// The service dies, or its answer is lost, between any two steps: repeating brings
// it to the end.
func TestCompletingGoesOnWhereItWasInterrupted(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(*fickle, func(string) error){
		"before the provider": func(f *fickle, once func(string) error) { f.before = once },
		"behind the provider": func(f *fickle, once func(string) error) { f.after = once },
	} {
		for _, parts := range []int{0, 1} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.put(alice, "a", "before")
				upload := w.init(alice, "a")
				list := []oss.Part{w.part(alice, "a", upload, 1, "content")}[:parts]
				failed := false
				at(w.provider, func(method string) error {
					if (method == "Complete" || method == "Abort") && !failed {
						failed = true
						return errDown
					}
					return nil
				})
				if err := w.complete(alice, "a", upload, list...); !errors.Is(err, error(errDown)) {
					t.Fatalf("the first try ended with %v", err)
				}
				w.want(w.complete(alice, "a", upload, list...), fault.OK)
				want := []string{"", "content"}[parts]
				w.holds("a", want)
				w.uses(alice, len(want))
			})
		}
	}
}

func TestAnUploadThatIsGoneAtTheProviderIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(alice, "a", "content") // as large as the upload, and before it
	upload := w.init(alice, "a")
	p := w.part(alice, "a", upload, 1, "CONTENT")
	w.provider.before = func(method string) error {
		if method == "Complete" {
			return oss.ErrNoUpload
		}
		return nil
	}
	w.want(w.complete(alice, "a", upload, p), fault.NotFound)
	w.holds("a", "content")
}

// While a provider puts the parts together for one request, another one finds
// neither the upload nor the object.
func TestWhoCompletesMeanwhileWaitsForTheObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := w.init(alice, "a")
	p := w.part(alice, "a", upload, 1, "content")
	looks, other := 0, false
	w.provider.before = func(method string) error {
		switch {
		case other:
			return nil
		case method == "Complete":
			return oss.ErrNoUpload
		case method == "Stat":
			if looks++; looks == 1 {
				return oss.ErrNoObject
			}
			other = true
			w.want(w.complete(alice, "a", upload, p), fault.OK)
		}
		return nil
	}
	w.want(w.complete(alice, "a", upload, p), fault.OK)
	w.holds("a", "content")
	w.uses(alice, len("content"))
	if looks != 2 {
		t.Errorf("it looked %d times, want 2", looks)
	}
}

func TestManyWhoCompleteAtOnceGetOneAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := w.init(alice, "a")
	p := w.part(alice, "a", upload, 1, "content")
	errs := make([]error, 8)
	var completing sync.WaitGroup
	for i := range errs {
		completing.Go(func() { errs[i] = w.complete(alice, "a", upload, p) })
	}
	completing.Wait()
	for _, err := range errs {
		w.want(err, fault.OK)
	}
	w.holds("a", "content")
	w.uses(alice, len("content"))
}

// Whoever wins, object and owner agree.
func TestCompletingAndAbortingAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 20 {
		upload := w.init(alice, "a")
		p := w.part(alice, "a", upload, 1, "content")
		var completed, aborted error
		var both sync.WaitGroup
		both.Go(func() { completed = w.complete(alice, "a", upload, p) })
		both.Go(func() { aborted = w.service.Abort(t.Context(), alice, object("a"), upload) })
		both.Wait()
		w.want(aborted, fault.OK)
		if completed == nil {
			w.holds("a", "content")
			w.want(w.claim(bob, "a"), fault.Forbidden)
			w.uses(alice, len("content"))
			continue
		}
		w.want(completed, fault.NotFound)
	}
}

func TestAnUploadThatExpiredIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var upload string
	w.expired(func() { upload = w.init(alice, "a") })
	_, err := w.service.SignPart(t.Context(), alice, object("a"), upload, 1, 1)
	w.want(err, fault.NotFound)
	w.want(w.complete(alice, "a", upload), fault.NotFound)
}

func TestAStartThatFailsLeavesNoClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provider.before = func(method string) error {
		if method == "Start" {
			return errDown
		}
		return nil
	}
	if _, err := w.service.Init(t.Context(), alice, object("a")); !errors.Is(err, error(errDown)) {
		t.Errorf("the error is %v", err)
	}
	w.want(w.claim(bob, "a"), fault.OK)
}
