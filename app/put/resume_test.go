package put

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/pkg/fault"
)

// Five parts take seven requests. At each of them the process ends, before or after
// the server has done it.
func TestTheNextRunGoesOnWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 7; n++ {
		for _, after := range []bool{false, true} {
			w := newWorld(t, 4*partSize+1)
			err := w.stop(n, after)
			if err == nil || !strings.HasPrefix(err.Error(), "interrupted: ") {
				t.Errorf("it was interrupted and comes to %v", err)
			}
			sent := min(max(n-2, 0), 5) // of which the answer has come
			resumes := n > 1
			there := fmt.Sprintf("%d of 5 parts are there", sent)
			if resumes && !strings.HasPrefix(err.Error(), "interrupted: "+there+": run the same command again") {
				t.Errorf("interrupted at request %d it says %v", n, err)
			}
			w.put()
			if resumes != w.said.has("goes on: "+there+"\n") {
				t.Errorf("resumed after request %d it says %q", n, w.said.text.String())
			}
			again := 0
			if n > 1 && n < 7 {
				again = 1 // the part on its way
			}
			if got := w.server.counted("upload-part"); got != 5+again {
				t.Errorf("ended at request %d, done %t, it takes %d parts in all", n, after, got)
			}
		}
	}
}

// moment is what a process that is killed leaves behind, and what the server has.
type moment struct {
	files map[string][]byte
	has   storage
}

// A process that is killed leaves the files as they are: none of its code runs.
func TestTheNextRunGoesOnFromWhateverAKilledOneLeaves(t *testing.T) {
	t.Parallel()
	for _, parallel := range []int{1, 3} {
		w := newWorld(t, 5*partSize+1)
		w.options.Parallel = parallel
		var moments []moment
		keep := func(int, string) spoil {
			moments = append(moments, moment{w.files(), w.server.has.clone()})
			return 0
		}
		w.server.before, w.server.after = keep, keep
		w.put()
		w.server.before, w.server.after = nil, nil
		if len(moments) != 16 {
			t.Fatalf("there were %d moments", len(moments))
		}
		for _, m := range moments {
			w.server.has = m.has
			for _, name := range []string{"of.json.new", "of.json.lock"} { // killed while it wrote
				m.files[name] = []byte(`{"format":"par`)
			}
			for name, text := range m.files {
				if err := os.WriteFile(filepath.Join(filepath.Dir(w.options.State), name), text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			w.put()
		}
	}
}

// files are the files of the state. One may get its name meanwhile.
func (w *world) files() map[string][]byte {
	files := make(map[string][]byte)
	text, err := os.ReadFile(w.options.State)
	if err == nil {
		files["of.json"] = text
	} else if !errors.Is(err, fs.ErrNotExist) {
		w.t.Error(err)
	}
	return files
}

func TestAnUploadThatTheServerHasForgottenBeginsAnew(t *testing.T) {
	t.Parallel()
	for _, at := range []int{4, 8} { // at a part, and at the end
		w := newWorld(t, 4*partSize+1)
		if err := w.stop(at-1, false); err == nil {
			t.Fatal("it was interrupted and went on")
		}
		clear(w.server.has.uploads)
		w.put()
		if !w.said.has("the server does not know the upload any more, which begins anew\n") || w.server.counted("init-multipart-upload") != 2 {
			t.Errorf("it says %q and takes %v", w.said.text.String(), w.server.count)
		}
	}
}

func TestAnUploadBeginsAnewOnlyOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2*partSize)
	w.server.before = func(_ int, route string) spoil {
		if route == "upload-part" {
			return spoil(fault.NotFound)
		}
		return 0
	}
	w.fails("Not found (-1007)")
	if n := w.server.counted("init-multipart-upload"); n != 2 {
		t.Errorf("it began %d times", n)
	}
}

func TestAFileThatHasChangedIsUploadedAnew(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world){
		"longer":        func(w *world) { w.write(6 * partSize) },
		"empty":         func(w *world) { w.write(0) },
		"small":         func(w *world) { w.write(7) },
		"other content": func(w *world) { w.write(5 * partSize); w.touch(time.Now().Add(time.Hour)) },
	} {
		w := newWorld(t, 5*partSize)
		if err := w.stop(4, true); err == nil {
			t.Fatal("it was interrupted and went on")
		}
		change(w)
		w.put()
		if !w.said.has("has changed since its upload began, which begins anew\n") || w.server.counted("abort-multipart-upload") != 1 {
			t.Errorf("%s: it says %q and takes %v", name, w.said.text.String(), w.server.count)
		}
	}
}

func (w *world) touch(at time.Time) {
	w.t.Helper()
	if err := os.Chtimes(w.options.File, at, at); err != nil {
		w.t.Fatal(err)
	}
}

func TestAFileThatChangesWhileItIsSentIsNoObject(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world){
		"written": func(w *world) { w.touch(time.Now().Add(time.Hour)) },
		"shorter": func(w *world) {
			if err := os.Truncate(w.options.File, 2*partSize); err != nil {
				w.t.Error(err)
			}
		},
	} {
		w := newWorld(t, 5*partSize)
		w.server.after = func(n int, _ string) spoil {
			if n == 3 {
				change(w)
			}
			return 0
		}
		w.fails("the file changed while it was sent")
		if len(w.server.has.objects) != 0 || len(w.server.has.uploads) != 0 {
			t.Errorf("%s: the server has %d objects and %d uploads", name, len(w.server.has.objects), len(w.server.has.uploads))
		}
		w.keepsNothing()
	}
}

func TestTheSizeOfPartsStaysWhenAnUploadGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5*partSize)
	if err := w.stop(4, true); err == nil {
		t.Fatal("it was interrupted and went on")
	}
	w.options.Part = 10 * partSize // for which it would be small
	w.put()
	if !w.said.has("the parts are of 1000 B, as they were at the beginning\n") {
		t.Errorf("it says %q", w.said.text.String())
	}
}

func TestTwoProcessesAreNotAtOneUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3*partSize)
	w.server.before = func(n int, _ string) spoil {
		if n == 2 {
			for _, run := range []func() error{
				func() error { _, err := Run(t.Context(), w.options); return err },
				func() error { return Abort(t.Context(), w.options) },
			} {
				if err := run(); err == nil || err.Error() != "another process is at this upload" {
					t.Errorf("a second process comes to %v", err)
				}
			}
		}
		return 0
	}
	w.put()
	if w.server.all != 5 {
		t.Errorf("it took %d requests", w.server.all)
	}
}

func TestManyProcessesTakeTurns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "of.json")
	const turns = 200
	held, inside := make(chan struct{}, 1), make(chan error, 4)
	for range 4 {
		go func() {
			for n := 0; n < turns; {
				f, err := openState(path)
				if err != nil {
					continue
				}
				n++
				select {
				case held <- struct{}{}:
					<-held
				default:
					inside <- errors.New("two have the lock")
					return
				}
				if err := f.close(); err != nil {
					inside <- err
					return
				}
			}
			inside <- nil
		}()
	}
	for range 4 {
		if err := <-inside; err != nil {
			t.Error(err)
		}
	}
}

func TestAStateHoldsNoSecretAndIsForNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3*partSize)
	w.options.URL = strings.Replace(w.server.url, "http://", "http://name:password@", 1)
	if err := w.stop(4, true); err == nil {
		t.Fatal("it was interrupted and went on")
	}
	info, err := os.Stat(w.options.State)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the state has the mode %v, %v", info, err)
	}
	text, err := os.ReadFile(w.options.State)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{w.options.Key.Hex(), w.options.Key.PublicHex(), tokenSuffix, "password"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the state has %s", secret)
		}
	}
	var s state
	if err := json.Unmarshal(text, &s); err != nil || s.Upload != "upload-1" || s.count() != 2 || s.ETags[0] != etag(w.content[:partSize]) {
		t.Errorf("the state is %+v, %v", s, err)
	}
	w.put()
}

func TestTheStateOfAnotherUploadIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3*partSize)
	if err := w.stop(4, true); err == nil {
		t.Fatal("it was interrupted and went on")
	}
	kept := w.files()["of.json"]
	good := w.options
	for name, change := range map[string]func(o *Options){
		"another key": func(o *Options) { o.Object = "a/nother" },
		"another app": func(o *Options) { o.App = "app" },
		"another url": func(o *Options) { o.URL = "http://localhost:1" },
		"another user": func(o *Options) {
			o.Key = newWorld(t, 0).options.Key
		},
	} {
		change(&w.options)
		w.fails("is the state of another upload: that of " + good.File + ` as "a/file" to ` + w.server.url)
		if err := Abort(t.Context(), w.options); err == nil || !strings.Contains(err.Error(), "another upload") {
			t.Errorf("%s: to drop it comes to %v", name, err)
		}
		w.options = good
	}
	if !bytes.Equal(w.files()["of.json"], kept) {
		t.Error("the state was written to")
	}
	for _, text := range []string{"my thesis", "{}", `{"format":"parley put 1","upload":"u","key":"k","size":10,"part":5,"etags":[""]}`} {
		if err := os.WriteFile(good.State, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w.fails("is not the state of an upload: remove it, or choose another file with -state")
		if got := w.files()["of.json"]; string(got) != text {
			t.Errorf("%q has become %q", text, got)
		}
	}
}

func TestAnUnfinishedUploadIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3*partSize)
	abort := func(want string) {
		t.Helper()
		if err := Abort(t.Context(), w.options); err != nil || !w.said.has(want) {
			t.Errorf("to drop it comes to %v, and it says %q", err, w.said.text.String())
		}
		w.keepsNothing()
	}
	abort("there is no unfinished upload of " + w.options.File)
	if err := w.stop(4, true); err == nil {
		t.Fatal("it was interrupted and went on")
	}
	if err := os.Remove(w.options.File); err != nil {
		t.Fatal(err)
	}
	w.server.before = func(_ int, _ string) spoil { return spoil(fault.Forbidden) }
	if err := Abort(t.Context(), w.options); err == nil || !strings.Contains(err.Error(), "Permission denied") || w.files()["of.json"] == nil {
		t.Errorf("to drop what the server does not comes to %v", err)
	}
	w.server.before = nil
	abort("dropped the upload of " + w.options.File)
	if len(w.server.has.uploads) != 0 {
		t.Error("the server still has it")
	}
}

// Without -state the same command finds the state in the folder for caches, whatever
// the day is in the key of the object.
func TestTheSameCommandFindsItsState(t *testing.T) {
	w := newWorld(t, 3*partSize)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	w.options.State, w.options.Object = "", ""
	if err := w.stop(4, true); err == nil {
		t.Fatal("it was interrupted and went on")
	}
	url, err := Run(t.Context(), w.options)
	if err != nil || !w.said.has("goes on: 2 of 3 parts are there\n") || w.server.has.objects[strings.TrimPrefix(url, w.server.url+"/")] != w.content {
		t.Errorf("it comes to %s, %v, and says %q", url, err, w.said.text.String())
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	w.fails("give -state with a file")
	w.write(5) // which needs none
	if _, err := Run(t.Context(), w.options); err != nil {
		t.Error(err)
	}
}

func TestAnInterruptEndsAPauseAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3*partSize)
	ctx, cancel := context.WithCancel(t.Context())
	w.options.pause = func(int) time.Duration { cancel(); return time.Hour }
	w.server.before = func(n int, _ string) spoil { return spoil(fault.Busy) }
	if _, err := Run(ctx, w.options); err == nil || err.Error() != "interrupted: nothing was kept" {
		t.Errorf("it comes to %v", err)
	}
	w.keepsNothing()
}
