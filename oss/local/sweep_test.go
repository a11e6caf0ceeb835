package local_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/oss"
)

func TestASweepTakesWhatWasLeftAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("a", "text/plain", "text")
	old, fresh, touched, done := w.start("a"), w.start("a"), w.start("a"), w.start("a")
	for _, id := range []string{old, fresh, touched, done} {
		w.part("a", id, 1, "first")
	}
	finished := w.folderOf(done) + ".done"
	if err := os.Rename(w.folderOf(done), finished); err != nil {
		t.Fatal(err)
	}
	tmp := filepath.Join(filepath.Dir(filepath.Dir(finished)), "tmp")
	dead, alive := filepath.Join(tmp, "dead"), filepath.Join(tmp, "alive")
	for _, path := range []string{dead, alive} {
		if err := os.WriteFile(path, []byte("half of a"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(w.folder, "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	objects, err := filepath.Glob(filepath.Join(w.folder, "*", "objects", "*", "*"))
	if err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	age(t, 48*time.Hour, append(objects, w.folderOf(old), w.folderOf(touched), finished, dead)...)
	w.part("a", touched, 2, "second")

	swept, err := w.store.Sweep(t.Context(), 24*time.Hour)
	if err != nil || swept != 3 {
		t.Errorf("%d things were swept, want 3: %v", swept, err)
	}
	for _, c := range []struct {
		id  string
		err error
	}{{old, oss.ErrNoUpload}, {done, oss.ErrNoUpload}, {fresh, nil}, {touched, nil}} {
		if _, err := w.tryPart("a", c.id, 3, strings.NewReader("text"), 4); !errors.Is(err, c.err) {
			t.Errorf("a part after the sweep: %v, want %v", err, c.err)
		}
	}
	if _, err := os.Stat(alive); err != nil {
		t.Errorf("a file that was being written: %v", err)
	}
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that was left: %v", err)
	}
	if text, _ := w.read("a"); text != "text" {
		t.Errorf("an old object reads %q", text)
	}
	if swept, err := w.store.Sweep(t.Context(), 24*time.Hour); err != nil || swept != 0 {
		t.Errorf("a second sweep found %d: %v", swept, err)
	}
}

func TestASweepEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := w.store.Sweep(ctx, -time.Minute); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled sweep took %d: %v", n, err)
	}
}

// A sweep that takes everything from under everybody can make writing fail, but
// cannot make it half.
func TestASweepBesideWritingLeavesNothingHalf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := make(chan struct{})
	var sweeping, writing sync.WaitGroup
	for range 2 {
		sweeping.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := w.store.Sweep(t.Context(), rand.N(20*time.Millisecond)); err != nil {
					t.Errorf("a sweep beside others: %v", err)
				}
			}
		})
	}
	var mu sync.Mutex
	failed, succeeded := 0, 0
	for i, key := range []oss.Key{"a", "b"} {
		writing.Go(func() {
			for n := range uint64(40) {
				put := putWhole
				if i == 1 {
					put = putParted
				}
				err := put(w.store, w.bucket, key, body(n, 200_000))
				mu.Lock()
				if err == nil {
					succeeded++
				} else {
					failed++
				}
				mu.Unlock()
				var failure *oss.ProviderError
				if err != nil && !errors.Is(err, oss.ErrNoUpload) && !errors.Is(err, oss.ErrWrongPart) && !(errors.As(err, &failure) && failure.Temporary()) {
					t.Errorf("writing beside a sweep: %v", err)
				}
				if text, ok := w.read(key); ok {
					if v, versionErr := version([]byte(text)); versionErr != nil || err == nil && v != n {
						t.Errorf("version %d of %q reads as %d: %v, %v", n, key, v, versionErr, err)
					}
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	sweeping.Wait()
	t.Logf("%d writings went through, %d did not", succeeded, failed)
}
