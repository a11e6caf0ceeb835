package oss_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"parley/oss"
	"parley/pkg/fault"
	"parley/pkg/id"
)

func TestAnObjectIsReadAtItsURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for key, want := range map[string]oss.Location{
		"2022/$a b.png": {URL: origin + "/oss/objects/photos/2022/%24a%20b.png", URI: "/oss/objects/photos/2022/%24a%20b.png"},
	} {
		upload := w.sign(alice, key, "content")
		for range 2 { // an answer that was lost is answered again
			if got, err := w.service.RecordUpload(t.Context(), alice, upload, origin); err != nil || got != want {
				t.Errorf("%s is at %+v, error %v", key, got, err)
			}
		}
		w.holds(key, "content")
	}
	w.uses(alice, len("content"))
	u, err := w.service.Init(t.Context(), alice, oss.Object{App: "app", Provider: oss.Minio, Key: "ü"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.service.Complete(t.Context(), alice, oss.Object{App: "app", Provider: oss.Minio, Key: "ü"}, u, nil, origin)
	if want := (oss.Location{URL: "https://cdn.example.com/x/%C3%BC", URI: "/x/%C3%BC"}); err != nil || got != want {
		t.Errorf("behind a public URL it is at %+v, error %v", got, err)
	}
}

func TestWhatIsNotConfiguredIsUnsupported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, o := range []oss.Object{{App: "other", Key: "a"}, {App: "", Key: "a"}, {App: "app", Provider: oss.Aliyun, Key: "a"}} {
		_, err := w.service.Init(t.Context(), alice, o)
		w.want(err, fault.Unsupported)
		_, err = w.service.Host(o.App, o.Provider, origin)
		w.want(err, fault.Unsupported)
		_, _, err = w.service.Resolve(o.App, o.Provider)
		w.want(err, fault.Unsupported)
	}
	if name, maxFile, err := w.service.Resolve("app", ""); name != oss.Local || maxFile != 16<<20 || err != nil {
		t.Errorf("the default is %s with files up to %d bytes, error %v", name, maxFile, err)
	}
}

func TestSizesAndKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for size, want := range map[int64]fault.Code{0: fault.Failed, -1: fault.Failed, 16 << 20: fault.OK, 16<<20 + 1: fault.FileTooLarge} {
		_, _, err := w.service.SignUpload(t.Context(), alice, whole("a", size))
		w.want(err, want)
		upload := w.init(alice, "b")
		_, err = w.service.SignPart(t.Context(), alice, object("b"), upload, 1, size)
		w.want(err, want)
	}
	w.want(w.claim(alice, "../a"), fault.BadKey)
	_, err := w.service.Init(t.Context(), alice, object("/a"))
	w.want(err, fault.BadKey)
}

func TestNobodyOverwritesWhatIsAnothers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(alice, "a", "alice's")
	w.want(w.claim(bob, "a"), fault.Forbidden)
	_, err := w.service.Init(t.Context(), bob, object("a"))
	w.want(err, fault.Forbidden)
	w.put(alice, "a", "alice's second")
	w.holds("a", "alice's second")
	w.uses(alice, len("alice's second"))
	w.put(bob, "A", "another key")
}

func TestAKeyIsClaimedBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.claim(alice, "a"), fault.OK)
	w.want(w.claim(bob, "a"), fault.Forbidden)
	w.init(alice, "b")
	w.want(w.claim(bob, "b"), fault.Forbidden)
	w.want(w.claim(alice, "b"), fault.OK)
}

// Between the look for the claim and the look for the object the object may come
// into being.
func TestAnObjectThatAppearsMeanwhileIsWhoseItIs(t *testing.T) {
	t.Parallel()
	for caller, want := range map[id.UID]fault.Code{alice: fault.OK, bob: fault.Forbidden} {
		w := newWorld(t)
		appeared := false
		w.provider.before = func(method string) error {
			if method == "Stat" && !appeared {
				appeared = true
				w.put(alice, "a", "alice's")
			}
			return nil
		}
		w.want(w.claim(caller, "a"), want)
		w.holds("a", "alice's")
	}
}

func TestAClaimLapsesWithItsUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := w.init(alice, "aborted")
	w.want(w.service.Abort(t.Context(), alice, object("aborted"), upload), fault.OK)
	w.want(w.claim(bob, "aborted"), fault.OK)

	w.expired(func() { w.want(w.claim(alice, "expired"), fault.OK) })
	w.want(w.claim(bob, "expired"), fault.OK)
	w.want(w.claim(alice, "expired"), fault.Forbidden)

	first, second := w.init(alice, "twice"), w.init(alice, "twice")
	w.want(w.service.Abort(t.Context(), alice, object("twice"), first), fault.OK)
	w.want(w.claim(bob, "twice"), fault.Forbidden)
	w.want(w.service.Abort(t.Context(), alice, object("twice"), second), fault.OK)
	w.want(w.claim(bob, "twice"), fault.OK)

	w.put(alice, "stored", "content")
	upload = w.init(alice, "stored")
	w.want(w.service.Abort(t.Context(), alice, object("stored"), upload), fault.OK)
	w.want(w.claim(bob, "stored"), fault.Forbidden)
	w.holds("stored", "content")
}

// The gateway died after the provider had the bytes: the object is there, and it is
// alice's, whoever looks first.
func TestAnObjectWhoseEndWasNotRecordedIsItsUploaders(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(*world) error{
		"another claims the key":    func(w *world) error { w.want(w.claim(bob, "a"), fault.Forbidden); return nil },
		"the service sweeps":        func(w *world) error { return w.service.Sweep(t.Context()) },
		"both":                      func(w *world) error { w.want(w.claim(bob, "a"), fault.Forbidden); return w.service.Sweep(t.Context()) },
		"the uploader does it anew": func(w *world) error { w.put(alice, "a", "content"); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.expired(func() { w.sign(alice, "a", "content") })
			if err := look(w); err != nil {
				t.Fatal(err)
			}
			if err := w.service.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.want(w.claim(bob, "a"), fault.Forbidden)
			w.holds("a", "content")
			w.uses(alice, len("content"))
			w.uses(bob, 0)
		})
	}
}

func TestAnObjectThatDidNotComeThroughParleyIsNobodys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	signed, err := w.objects.Bucket("photos", "").SignPut(t.Context(), oss.Put{Key: "a", Size: 3, ContentType: "text/plain", Expires: soon()})
	if err != nil {
		t.Fatal(err)
	}
	w.send(signed, "old")
	for _, u := range []id.UID{alice, bob} {
		w.want(w.claim(u, "a"), fault.Forbidden)
		_, err = w.service.Init(t.Context(), u, object("a"))
		w.want(err, fault.Forbidden)
	}
	w.holds("a", "old")
	w.uses(alice, 0)
}

func TestOneOfManyWhoClaimAKeyAtOnceGetsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.expired(func() { w.want(w.claim("before", "lapsed"), fault.OK) })
	for _, key := range []string{"new", "lapsed"} {
		const crowd = 12
		errs := make([]error, crowd)
		var claiming sync.WaitGroup
		for i := range crowd {
			claiming.Go(func() { errs[i] = w.claim(id.UID(fmt.Sprint("user", i)), key) })
		}
		claiming.Wait()
		got := 0
		for _, err := range errs {
			if err == nil {
				got++
			} else if !errors.Is(err, fault.Forbidden) {
				t.Errorf("%s: %v", key, err)
			}
		}
		if got != 1 {
			t.Errorf("%d of %d got the key %s", got, crowd, key)
		}
	}
}

func TestAQuotaHoldsWhateverHappensAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *oss.Config) { c.Apps[0].Quota = 100 })
	const crowd = 12
	errs := make([]error, crowd)
	var uploading sync.WaitGroup
	for i := range crowd {
		uploading.Go(func() {
			_, _, errs[i] = w.service.SignUpload(t.Context(), alice, whole(fmt.Sprint("key", i), 30))
		})
	}
	uploading.Wait()
	got := 0
	for _, err := range errs {
		if err == nil {
			got++
			continue
		}
		w.want(err, fault.FileTooLarge)
	}
	if got != 3 {
		t.Errorf("%d uploads of 30 bytes fit into 100", got)
	}
	w.uses(alice, 90)
	w.put(bob, "bob's", strings.Repeat("x", 100))
	w.want(w.claim(bob, "more"), fault.FileTooLarge)

	// Parts count as they come, and what is given up counts no more.
	upload := w.init("carol", "parts")
	w.part("carol", "parts", upload, 1, strings.Repeat("x", 60))
	_, err := w.service.SignPart(t.Context(), "carol", object("parts"), upload, 2, 41)
	w.want(err, fault.FileTooLarge)
	w.part("carol", "parts", upload, 1, strings.Repeat("y", 20))
	w.uses("carol", 20)
	w.want(w.service.Abort(t.Context(), "carol", object("parts"), upload), fault.OK)
	w.uses("carol", 0)
}

// The row that counts what a user stores is made by one of several requests at once,
// and the others have to find it.
func TestWhoStoresManyThingsAtFirstHasRoomForThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *oss.Config) { c.Apps[0].Quota = 100 })
	for n := range 10 {
		u := id.UID(fmt.Sprint("newcomer ", n))
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() { w.want(w.claim(u, fmt.Sprint(u, i)), fault.OK) })
		}
		all.Wait()
	}
}

func TestSweepingGivesBackWhatWasReserved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.expired(func() {
		w.want(w.claim(alice, "whole"), fault.OK)
		w.init(alice, "parts")
	})
	w.uses(alice, 1)
	live := w.init(alice, "live")
	w.part(alice, "live", live, 1, "content")
	for range 2 {
		if err := w.service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.uses(alice, len("content"))
	}
	var rows int64
	if err := w.db.Reader.Raw("SELECT COUNT(*) FROM oss_object").Scan(&rows).Error; err != nil || rows != 1 {
		t.Errorf("%d keys are claimed, error %v, want the one of the upload that lives", rows, err)
	}
	w.part(alice, "live", live, 2, "more")
}

func TestABucketThatIsConfiguredNoMoreIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.expired(func() {
		w.want(w.claim(alice, "whole"), fault.OK)
		w.init(alice, "parts")
	})
	w.config.Apps = nil
	w.restart()
	if err := w.service.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.uses(alice, 0)
}
