package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/app"
	"parley/pkg/fault"
)

// A provider that fails in the middle of a file gets it once more.
func TestAFileIsSentAgainWhenTheProviderFailsForAMoment(t *testing.T) {
	everyStoreWith(t, cloudKeepers, app.Default(), func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		o := inDtalk("resent")
		// Of an object that is there the provider is asked nothing but to take the bytes.
		// Most requests go well: one that fails half of the time is let alone.
		well := func() {
			for range 3 {
				alice.store(o, []byte("old"))
			}
		}
		for i, size := range []int{kib, 64 * kib, mib, 16 * mib} {
			for name, fail := range map[string]func(int){"cuts it off": k.faults.Cut, "is busy": k.faults.Fail} {
				if size == 16*mib && (racing || name == "is busy") {
					continue // the largest takes long, and fails alike
				}
				content := blob(size, byte(i))
				well()
				fail(1)
				l := alice.store(o, content)
				if holds(t, l.URL, content); t.Failed() {
					t.Fatalf("%d bytes when the provider %s", size, name)
				}
				// The file first, which waits on disk.
				well()
				fail(1)
				content = blob(size-1, byte(i))
				alice.multipart("/oss/upload", append(parts{file("file", string(content))}, inApp(o.key)...)).want(t, fault.OK)
				holds(t, l.URL, content)
			}
		}
	})
}

func TestAPartIsSentAgainWhenTheProviderFailsForAMoment(t *testing.T) {
	everyStoreWith(t, cloudKeepers, app.Default(), func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		o := inDtalk("in parts")
		upload, first, second := alice.begin(o), blob(mib, 1), blob(10*kib, 2)
		k.faults.Cut(1)
		list := []etag{alice.write(o, upload, 1, first)}
		k.faults.Fail(1)
		list = append(list, alice.write(o, upload, 2, second))
		k.faults.Fail(2)
		holds(t, alice.completed(o, upload, list).URL, append(first, second...))
	})
}

// What is answered with -1000 has changed nothing, and can be sent again.
func TestWhileTheProviderFailsNothingChanges(t *testing.T) {
	config := app.Default()
	config.OssService.Timeout, config.OssService.CompleteTimeout = 2*time.Second, 2*time.Second
	config.Oss.Deadline = 3 * time.Second
	everyStoreWith(t, cloudKeepers, config, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		old := alice.store(inDtalk("old"), []byte("old"))
		o := inDtalk("in parts")
		upload := alice.begin(o)
		list := alice.inParts(o, upload, []byte("the part"))
		empty := inDtalk("empty")
		without := alice.begin(empty)
		tries := []struct {
			what string
			send func() *answer
		}{
			{"a new object", func() *answer { return alice.put(inDtalk("new"), []byte("new")) }},
			{"an old one", func() *answer { return alice.put(inDtalk("old"), []byte("new")) }},
			{"a large one", func() *answer { return alice.put(inDtalk("old"), blob(5*mib, 1)) }},
			{"a start", func() *answer { return alice.initiate(inDtalk("begun")) }},
			{"a part", func() *answer { return alice.part(o, upload, 1, []byte("the part")) }},
			{"a completion", func() *answer { return alice.complete(o, upload, list) }},
			{"a completion without parts", func() *answer { return alice.complete(empty, without, nil) }},
			{"an abort", func() *answer { return alice.abort(o, upload) }},
		}
		for name, fail := range map[string]func(){
			"is busy":         func() { k.faults.Fail(forever) },
			"cuts bodies off": func() { k.faults.Cut(forever); k.faults.Fail(forever) },
			"does not answer": k.faults.Hang,
		} {
			fail()
			began := time.Now()
			for i, a := range together(len(tries), func(i int) *answer { return tries[i].send() }) {
				if a.Result != fault.Busy || a.Message != fault.Busy.Text(false) {
					t.Errorf("while the provider %s, %s is answered with %d %q, want %d", name, tries[i].what, a.Result, a.Message, fault.Busy)
				}
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("while the provider %s, the answers take %v", name, took)
			}
			k.faults.Heal()
			holds(t, old.URL, []byte("old"))
		}
		// Once more, without what went wrong. The provider is let alone for a moment
		// when it has failed for long.
		until(t, func() bool { return alice.put(inDtalk("new"), []byte("new")).Result == fault.OK })
		until(t, func() bool { return alice.complete(o, upload, list).Result == fault.OK })
		until(t, func() bool { return alice.complete(empty, without, nil).Result == fault.OK })
		holds(t, strings.Replace(old.URL, "/old", "/in%20parts", 1), []byte("the part"))
		holds(t, strings.Replace(old.URL, "/old", "/empty", 1), nil)
	})
}

func TestASlowProviderIsWaitedFor(t *testing.T) {
	everyStoreWith(t, cloudKeepers, app.Default(), func(t *testing.T, w *world, k *keeper) {
		k.faults.Slow(500 * time.Millisecond)
		alice, content := w.user(), blob(2*mib, 5)
		holds(t, alice.store(inDtalk("slow"), content).URL, content)
		o := inDtalk("slow parts")
		upload := alice.begin(o)
		holds(t, alice.completed(o, upload, alice.inParts(o, upload, content)).URL, content)
	})
}

// halfOf writes half of an upload of n bytes, the fields first, and returns the
// connection and the other half.
func halfOf(w *world, c *client, key string, n int, more ...string) (conn *rawConn, rest string) {
	w.t.Helper()
	contentType, body := inApp(key, file("file", string(blob(n, 9)))).encode(verbatim)
	lines := append([]string{"POST /oss/upload HTTP/1.1", "Host: x", "FZM-SIGNATURE: " + c.token(),
		"Content-Type: " + contentType, fmt.Sprintf("Content-Length: %d", len(body))}, more...)
	half := len(body) / 2
	return dial(w.t, w.site.oss).write(head(lines...)).write(string(body[:half])), string(body[half:])
}

func TestAClientThatGivesUpHalfWayLeavesNoObject(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		host := hostOf(alice, "")
		alice.store(inDtalk("old"), []byte("old"))
		for _, size := range []int{20 * kib, mib, large()} {
			for _, key := range []string{"old", fmt.Sprint("new-", size)} {
				// It says that nothing more comes, and hears that it was too little.
				conn, _ := halfOf(w, alice, key, size)
				conn.end().answer().want(t, fault.BadRequest)
				conn, _ = halfOf(w, alice, key, size)
				conn.Close()
			}
			holds(t, host+"/old", []byte("old"))
			isGone(t, host+fmt.Sprint("/new-", size))
			// The owner may try again at once.
			content := blob(size, 8)
			holds(t, alice.store(inDtalk(fmt.Sprint("new-", size)), content).URL, content)
		}
		holds(t, host+"/old", []byte("old"))
	})
}
