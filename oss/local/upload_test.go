package local_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"parley/oss"
	"parley/oss/local"
)

// folderOf is where the files of an upload are.
func (w *world) folderOf(id string) string {
	w.Helper()
	found, err := filepath.Glob(filepath.Join(w.folder, "*", "uploads", id+"*"))
	if err != nil || len(found) != 1 {
		w.Fatalf("the folders of upload %s are %v, %v", id, found, err)
	}
	return found[0]
}

func TestAnObjectInPartsHasTheETagOfS3(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.start("a")
	parts := []oss.Part{w.part("a", id, 1, strings.Repeat("a", local.MinPart)), w.part("a", id, 2, "b")}
	parts[0].ETag = strings.ToUpper(parts[0].ETag)
	if err := w.bucket.Complete(t.Context(), "a", id, parts); err != nil {
		t.Fatal(err)
	}
	// The MD5 of the two MD5s one after another, as md5sum has it.
	const want = `"e5a8c5272b26fc10581a21089559b006-2"`
	if got := w.get("a", nil).Header.Get("ETag"); got != want {
		t.Errorf("the ETag is %s, want %s", got, want)
	}
}

// A process that completes an upload may be killed between its steps; the service
// then asks again.
func TestACompletionThatWasInterruptedIsGoneOnWith(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// after brings the store to where it was when the process died, from before
		// the completion, the folder of which is given.
		after func(w *world, folder string, complete func() error)
	}{
		{"the upload was marked", func(w *world, folder string, _ func() error) {
			if err := os.Rename(folder, folder+".done"); err != nil {
				w.Fatal(err)
			}
		}},
		{"the object was there, and the parts still were", func(w *world, folder string, complete func() error) {
			aside := filepath.Join(w.TempDir(), "aside")
			if err := os.CopyFS(aside, os.DirFS(folder)); err != nil {
				w.Fatal(err)
			}
			if err := complete(); err != nil {
				w.Fatal(err)
			}
			if err := os.Rename(aside, folder+".done"); err != nil {
				w.Fatal(err)
			}
		}},
		{"all was done but to tell it", func(w *world, _ string, complete func() error) {
			if err := complete(); err != nil {
				w.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("a", "text/plain", "old")
			id := w.start("a")
			parts := []oss.Part{w.part("a", id, 1, "new")}
			complete := func() error { return w.bucket.Complete(t.Context(), "a", id, parts) }
			c.after(w, w.folderOf(id), complete)

			if err := w.bucket.Abort(t.Context(), "a", id); err != nil {
				t.Errorf("aborting what is completed: %v", err)
			}
			if _, err := w.tryPart("a", id, 1, iotest.ErrReader(errors.New("the body was read")), 4); !errors.Is(err, oss.ErrNoUpload) {
				t.Errorf("sending a part of what is completed: %v", err)
			}
			for range 2 {
				if err := complete(); err != nil {
					t.Errorf("completing again: %v", err)
				}
			}
			if text, _ := w.read("a"); text != "new" {
				t.Errorf("the object reads %q", text)
			}
			if left := files(t, w.folder); len(left) != 1 {
				t.Errorf("the files that are left are %v", left)
			}
			w.put("a", "text/plain", "newer")
			if err := complete(); !errors.Is(err, oss.ErrNoUpload) {
				t.Errorf("completing again what was overwritten: %v", err)
			}
			if text, _ := w.read("a"); text != "newer" {
				t.Errorf("the object that was overwritten reads %q", text)
			}
		})
	}
}

func TestWhoCompletesAtOnceAllSucceed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 30 {
		id := w.start("a")
		parts := []oss.Part{w.part("a", id, 3, "three")}
		var group sync.WaitGroup
		for range 4 {
			b := open(t, w.folder).Bucket("dtalk", "")
			group.Go(func() {
				if err := b.Complete(t.Context(), "a", id, parts); err != nil {
					t.Errorf("completing together with others: %v", err)
				}
			})
		}
		group.Wait()
	}
	if text, _ := w.read("a"); text != "three" {
		t.Errorf("the object reads %q", text)
	}
	if left := files(t, w.folder); len(left) != 1 {
		t.Errorf("the files that are left are %v", left)
	}
}

// Nobody is told of both that they took place: who aborts an upload that somebody
// completes does so before, and then there is no object, or after.
func TestAnAbortAndACompletionAtOnceAreOneOrTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	completed, patience := 0, time.Millisecond // patience: about what a completion takes
	for range 60 {
		id := w.start("a")
		parts := []oss.Part{w.part("a", id, 1, id)}
		var group sync.WaitGroup
		group.Go(func() {
			time.Sleep(rand.N(patience)) // somewhere in the completion
			if err := w.bucket.Abort(t.Context(), "a", id); err != nil {
				t.Errorf("aborting: %v", err)
			}
		})
		var err error
		began := time.Now()
		group.Go(func() { err = w.bucket.Complete(t.Context(), "a", id, parts) })
		group.Wait()
		text, _ := w.read("a")
		switch {
		case err == nil && text == id:
			completed++
			patience = time.Since(began)
		case errors.Is(err, oss.ErrNoUpload) && text != id:
			patience += time.Millisecond
		default:
			t.Errorf("completing: %v, and the object reads %q, with the upload %s", err, text, id)
		}
	}
	t.Logf("%d of 60 were completed", completed)
}

// turn is a body that does something before its last byte.
type turn struct {
	io.Reader
	do func()
}

// Read implements io.Reader.
func (r *turn) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 && r.do != nil {
		r.do()
		r.do = nil
	}
	return n, err
}

func TestAPartThatArrivesTooLateIsOfNoUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.start("a")
	w.part("a", id, 1, "first")
	_, err := w.tryPart("a", id, 1, &turn{strings.NewReader("later"), func() {
		if err := w.bucket.Abort(t.Context(), "a", id); err != nil {
			t.Error(err)
		}
	}}, 5)
	if !errors.Is(err, oss.ErrNoUpload) {
		t.Errorf("a part whose upload was aborted while it came: %v", err)
	}
	id = w.start("a")
	parts := []oss.Part{w.part("a", id, 1, "first")}
	_, err = w.tryPart("a", id, 1, &turn{strings.NewReader("later"), func() {
		if err := w.bucket.Complete(t.Context(), "a", id, parts); err != nil {
			t.Error(err)
		}
	}}, 5)
	if !errors.Is(err, oss.ErrNoUpload) {
		t.Errorf("a part whose upload was completed while it came: %v", err)
	}
	if text, _ := w.read("a"); text != "first" {
		t.Errorf("the object reads %q", text)
	}
	if left := files(t, w.folder); len(left) != 1 {
		t.Errorf("the files that are left are %v", left)
	}
}

// It is not parallel: it counts what the process allocates.
func TestCompletingTakesNoMemory(t *testing.T) {
	w := newWorld(t)
	id := w.start("a")
	var parts []oss.Part
	text := strings.Repeat("0123456789abcdef", local.MinPart/16)
	for i := range int32(12) {
		parts = append(parts, w.part("a", id, i+1, text))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := w.bucket.Complete(t.Context(), "a", id, parts); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("completing an object of 60 MiB allocated %d bytes", took)
	}
}

// age sets the time of files back.
func age(t testing.TB, by time.Duration, paths ...string) {
	t.Helper()
	at := time.Now().Add(-by)
	for _, p := range paths {
		if err := os.Chtimes(p, at, at); err != nil {
			t.Fatal(err)
		}
	}
}
