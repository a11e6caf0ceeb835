package oss_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"parley/oss"
	"parley/pkg/fault"
)

// The provider completed an upload, and nobody lived to record it.
func TestAnObjectThatWasCompletedAndNotRecordedIsItsUploaders(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, upload string) error{
		"it is aborted":         func(w *world, upload string) error { return w.service.Abort(t.Context(), alice, object("a"), upload) },
		"it expires":            func(w *world, _ string) error { return w.service.Sweep(t.Context()) },
		"another wants its key": func(w *world, _ string) error { w.want(w.claim(bob, "a"), fault.Forbidden); return nil },
	} {
		for _, parts := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s, %d parts", name, parts), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				var upload string
				w.expired(func() {
					upload = w.init(alice, "a")
					list := []oss.Part{w.part(alice, "a", upload, 1, "content")}[:parts]
					w.provider.after = func(method string) error {
						if method == "Complete" || method == "PutEmpty" {
							return errDown
						}
						return nil
					}
					if err := w.complete(alice, "a", upload, list...); !errors.Is(err, error(errDown)) {
						t.Fatalf("completing ended with %v", err)
					}
				})
				w.provider.after = nil
				if err := end(w, upload); err != nil {
					t.Fatal(err)
				}
				want := []string{"", "content"}[parts]
				w.holds("a", want)
				w.uses(alice, len(want))
				w.want(w.claim(bob, "a"), fault.Forbidden)
				w.put(alice, "a", "again")
			})
		}
	}
}

// While the provider is at it, aborting does not give the key to somebody else.
func TestAKeyIsNotFreeWhileItsUploadIsBeingCompleted(t *testing.T) {
	t.Parallel()
	for _, parts := range []int{0, 1} {
		w := newWorld(t)
		upload := w.init(alice, "a")
		list := []oss.Part{w.part(alice, "a", upload, 1, "content")}[:parts]
		w.provider.before = func(method string) error {
			if method != "PutEmpty" && method != "Complete" {
				return nil
			}
			w.provider.before = nil
			w.want(w.service.Abort(t.Context(), alice, object("a"), upload), fault.OK)
			w.want(w.claim(bob, "a"), fault.Forbidden)
			return nil
		}
		err := w.complete(alice, "a", upload, list...)
		w.want(w.claim(bob, "a"), fault.Forbidden)
		if parts == 0 { // nothing was lost with its parts
			w.want(err, fault.OK)
			w.holds("a", "")
			continue
		}
		w.want(err, fault.NotFound)
		w.isAbsent("a")
		if err := w.db.Writer.Exec("UPDATE oss_upload SET expires_at = 1").Error; err != nil {
			t.Fatal(err)
		}
		w.want(w.claim(bob, "a"), fault.OK)
		w.uses(alice, 0)
	}
}

func TestAnUploadIsCompletedInOneWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := w.init(alice, "a")
	first, second := w.part(alice, "a", upload, 1, "first"), w.part(alice, "a", upload, 2, "second")
	w.provider.after = func(method string) error {
		if method != "Complete" {
			return nil
		}
		w.provider.after = nil
		w.want(w.complete(alice, "a", upload, second), fault.BadRequest)
		return nil
	}
	w.want(w.complete(alice, "a", upload, first), fault.OK)
	w.holds("a", "first")
	w.want(w.complete(alice, "a", upload, second), fault.BadRequest)
}

func TestSigningAPartChangesNothingOfTheOneThatIsThere(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*oss.Config){
		"without a quota": func(*oss.Config) {}, "with a quota": func(c *oss.Config) { c.Apps[0].Quota = 1 << 20 },
	} {
		w := newWorld(t, change)
		upload := w.init(alice, "a")
		p := w.part(alice, "a", upload, 1, "small")
		if _, err := w.service.SignPart(t.Context(), alice, object("a"), upload, 1, 1000); err != nil {
			t.Fatal(err)
		}
		w.want(w.complete(alice, "a", upload, p), fault.OK)
		if t.Failed() {
			t.Fatal("it was " + name)
		}
		w.uses(alice, len("small"))
	}
}

func TestANewTryTakesOverWhatTheLastReserved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *oss.Config) { c.Apps[0].Quota = 100 })
	try := whole("a", 60)
	upload, _, err := w.service.SignUpload(t.Context(), alice, try)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = w.service.SignUpload(t.Context(), alice, try)
	w.want(err, fault.FileTooLarge)
	_, _, err = w.service.SignUpload(t.Context(), bob, oss.Whole{Object: object("b"), Size: 60, Ends: soon(), Previous: upload})
	w.want(err, fault.OK) // it is not his, so it is not given up
	w.uses(alice, 60)
	try.Previous = upload
	if upload, _, err = w.service.SignUpload(t.Context(), alice, try); err != nil {
		t.Fatalf("the second try: %v", err)
	}
	// The field with the provider came after the file: it is another object now.
	if _, _, err = w.service.SignUpload(t.Context(), alice, oss.Whole{Object: object("c"), Size: 70, Ends: soon(), Previous: upload}); err != nil {
		t.Fatalf("the third try: %v", err)
	}
	w.uses(alice, 70)
	w.want(w.claim(bob, "a"), fault.OK)
}

func TestABucketThatIsDownDoesNotKeepOthersFromBeingSwept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.expired(func() {
		for i := range 120 { // more than are swept in one go
			w.init(alice, fmt.Sprint("key", i))
		}
	})
	down := 0
	w.expired(func() {
		upload, err := w.service.Init(t.Context(), bob, oss.Object{App: "app", Provider: oss.Minio, Key: "a"})
		if err != nil || upload == "" {
			t.Fatal(err)
		}
	})
	w.provider.before = func(method string) error {
		if method == "Abort" {
			down++
			return errDown
		}
		return nil
	}
	if err := w.service.Sweep(t.Context()); !errors.Is(err, error(errDown)) {
		t.Errorf("the round ended with %v", err)
	}
	if down != 1 {
		t.Errorf("the bucket that is down was asked %d times", down)
	}
	var left int64
	if err := w.db.Reader.Raw("SELECT COUNT(*) FROM oss_upload WHERE provider = ?", oss.Minio).Scan(&left).Error; err != nil || left != 0 {
		t.Errorf("%d uploads of the other bucket are left, error %v", left, err)
	}
	w.provider.before = nil
	if err := w.service.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}

// An upload that has expired is ended at the provider before its key is another's.
func TestALapsedUploadCannotBeCompletedOverItsSuccessor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var upload string
	var p oss.Part
	w.expired(func() {
		upload = w.init(alice, "a")
		p = w.part(alice, "a", upload, 1, "alice's")
	})
	var remote string
	if err := w.db.Reader.Raw("SELECT remote FROM oss_upload WHERE id = ?", upload).Scan(&remote).Error; err != nil {
		t.Fatal(err)
	}
	w.put(bob, "a", "bob's")
	w.want(w.complete(alice, "a", upload, p), fault.NotFound)
	if err := w.provider.Provider.Complete(t.Context(), "a", remote, []oss.Part{p}); !errors.Is(err, oss.ErrNoUpload) {
		t.Errorf("the provider completes it: %v", err)
	}
	w.holds("a", "bob's")
}

func TestContentTypesThatAreNoHeaderAreThoseOfTheKey(t *testing.T) {
	t.Parallel()
	for _, given := range []string{"text/plain; x=\"\xff\"", "text/plain; x=\"\u0085\"", "text/plain; x=\"a\x00b\"", strings.Repeat("x", 300)} {
		if oss.IsPrintable(given) && len(given) < 256 {
			t.Errorf("%q is printable", given)
		}
		w := newWorld(t)
		try := whole("a.png", 1)
		try.ContentType = given
		if _, signed, err := w.service.SignUpload(t.Context(), alice, try); err != nil || strings.Contains(signed.URL, "text") {
			t.Errorf("%q is signed as %s, error %v", given, signed.URL, err)
		}
	}
}
