package e2e

import (
	"testing"

	"parley/app"
	"parley/pkg/fault"
)

func TestAUserStoresAsMuchAsTheQuotaAllows(t *testing.T) {
	t.Parallel()
	for name, make := range keepers {
		for form, start := range forms() {
			t.Run(name+", "+form, func(t *testing.T) {
				t.Parallel()
				w := storingWithin(t, app.Default(), start, mib, make(t))
				alice, bob := w.user(), w.user()
				first, second := inDtalk("first"), inDtalk("second")
				alice.store(first, blob(700*kib, 1))
				alice.put(second, blob(400*kib, 2)).want(t, fault.FileTooLarge)
				holds(t, bob.store(inDtalk("bob's"), blob(mib, 3)).URL, blob(mib, 3))
				// A smaller file gives room back. Both count while one takes the other's place.
				alice.store(first, blob(100*kib, 4))
				alice.store(second, blob(400*kib, 2))
				// What is begun counts, until it is given up.
				o := inDtalk("parts")
				upload := alice.begin(o)
				alice.write(o, upload, 1, blob(500*kib, 5))
				alice.part(o, upload, 2, blob(100*kib, 6)).want(t, fault.FileTooLarge)
				alice.put(inDtalk("third"), blob(100*kib, 7)).want(t, fault.FileTooLarge)
				alice.abort(o, upload).want(t, fault.OK)
				content := blob(500*kib, 8)
				holds(t, alice.store(inDtalk("third"), content).URL, content)
			})
		}
	}
}

func TestAnObjectInPartsHasALimit(t *testing.T) {
	config := app.Default()
	config.OssService.MaxObject = mib
	everyStoreWith(t, keepers, config, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		o := inDtalk("large")
		upload := alice.begin(o)
		alice.write(o, upload, 1, blob(600*kib, 1))
		alice.part(o, upload, 2, blob(500*kib, 2)).want(t, fault.FileTooLarge)
		alice.part(o, upload, 1, blob(mib+1, 3)).want(t, fault.FileTooLarge)
		// What stands is what was written.
		content := blob(mib, 4)
		holds(t, alice.completed(o, upload, []etag{alice.write(o, upload, 1, content)}).URL, content)
	})
}

// A file that is too large for a copy is sent once.
func TestALargeFileIsNotSentAgain(t *testing.T) {
	config := app.Default()
	config.OssService.MaxFile, config.Oss.MaxBody = 32*mib, 33*mib
	everyStoreWith(t, cloudKeepers, config, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		o := inDtalk("large")
		l := alice.store(o, []byte("old"))
		content := blob(20*mib, 5)
		before := k.faults.Requests()
		k.faults.Cut(1)
		alice.put(o, content).want(t, fault.Busy)
		if n := k.faults.Requests() - before; n != 1 {
			t.Errorf("the provider was sent it %d times", n)
		}
		holds(t, l.URL, []byte("old"))
		holds(t, alice.store(o, content).URL, content)
	})
}
