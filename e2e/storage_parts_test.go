package e2e

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"parley/pkg/fault"
)

// inParts uploads contents as the parts of an upload, one after the other.
func (c *client) inParts(o object, upload string, contents ...[]byte) []etag {
	c.t.Helper()
	var list []etag
	for i, content := range contents {
		list = append(list, c.write(o, upload, i+1, content))
	}
	return list
}

// completed completes an upload, which must succeed.
func (c *client) completed(o object, upload string, parts any) location {
	c.t.Helper()
	var l location
	c.complete(o, upload, parts).want(c.t, fault.OK).into(c.t, &l)
	return l
}

// manner is how a client uploads a file in parts.
type manner struct {
	partSize int
	// init sends the start of an upload.
	init func(*client, object) *answer
	// part are the fields of a part in the client's order.
	part func(o object, upload, number string, file part) parts
	// etag is how it spells the name of an ETag.
	etag string
}

var manners = map[string]manner{
	"the file first, JSON": {
		partSize: 5 * mib,
		init:     func(c *client, o object) *answer { return c.initiate(o) },
		part: func(o object, upload, number string, file part) parts {
			return append(parts{file}, o.texts(textPart("partNumber", number), textPart("uploadId", upload))...)
		},
		etag: "ETag",
	},
	"the fields first, forms": {
		partSize: 10 * mib,
		init: func(c *client, o object) *answer {
			contentType, body := form{"appId": o.app, "key": o.key, "ossType": ""}.encode(verbatim)
			return c.request(http.MethodPost, "/oss/init-multipart-upload", contentType, bytes.NewReader(body))
		},
		part: func(o object, upload, number string, file part) parts {
			return inApp(o.key, textPart("uploadId", upload), textPart("partNumber", number), file)
		},
		etag: "Etag",
	},
}

func TestClientsSendPartsAtTheSameTime(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		for name, m := range manners {
			alice := w.user()
			o := inDtalk("2022/06/$" + name + ".mp4")
			var begun struct{ UploadID, Key string }
			m.init(alice, o).want(t, fault.OK).into(t, &begun)
			if begun.Key != o.key {
				t.Errorf("the key is answered as %q", begun.Key)
			}
			content := blob(2*m.partSize+mib, 7)
			var list []map[string]any
			var mu sync.Mutex
			var wg sync.WaitGroup
			count := 0
			for piece := range slices.Chunk(content, m.partSize) {
				count++
				number := count
				wg.Go(func() {
					var written etag
					alice.multipart("/oss/upload-part", m.part(o, begun.UploadID, strconv.Itoa(number), file("file", string(piece)))).
						want(t, fault.OK).into(t, &written)
					mu.Lock()
					defer mu.Unlock()
					list = append(list, map[string]any{m.etag: written.ETag, "partNumber": written.PartNumber})
				})
			}
			wg.Wait()
			if len(list) != count {
				t.Fatalf("%s: %d parts of %d are answered", name, len(list), count)
			}
			holds(t, alice.completed(o, begun.UploadID, list).URL, content)
		}
	})
}

func TestNoPartsMakeAnEmptyObject(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		for name, list := range map[string]any{"null": nil, "empty": []etag{}, "absent": map[string]any{}} {
			o := inDtalk(name)
			upload := alice.begin(o)
			alice.write(o, upload, 1, []byte("a part that nobody lists"))
			var l location
			if name == "absent" {
				alice.post("/oss/complete-multipart-upload", o.json(map[string]any{"uploadId": upload})).want(t, fault.OK).into(t, &l)
			} else {
				l = alice.completed(o, upload, list)
			}
			holds(t, l.URL, nil)
			if again := alice.completed(o, upload, nil); again != l {
				t.Errorf("completed again it is at %v, want %v", again, l)
			}
		}
	})
}

func TestPartsAreListedInAnyOrderAndSpelling(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		first, second, last := blob(k.minPart, 8), blob(k.minPart, 9), []byte("the last")
		whole := slices.Concat(first, second, last)
		for name, spell := range map[string]func(string) string{
			"as it was answered": verbatim,
			"in quotes":          func(s string) string { return `"` + s + `"` },
			"upper case":         strings.ToUpper,
			"lower case":         strings.ToLower,
			"upper, in quotes":   func(s string) string { return `"` + strings.ToUpper(s) + `"` },
		} {
			o := inDtalk(name)
			upload := alice.begin(o)
			// Numbers need not follow each other.
			list := []etag{alice.write(o, upload, 10000, last), alice.write(o, upload, 7, first), alice.write(o, upload, 500, second)}
			for i := range list {
				if strings.Contains(list[i].ETag, `"`) {
					t.Errorf("the ETag %s is answered with quotes", list[i].ETag)
				}
				list[i].ETag = spell(list[i].ETag)
			}
			rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			holds(t, alice.completed(o, upload, list).URL, whole)
		}
	})
}

func TestAPartMayBeSentAgain(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		o := inDtalk("resent")
		upload := alice.begin(o)
		first, last := blob(k.minPart, 10), []byte("the last")
		old := alice.write(o, upload, 1, blob(k.minPart, 11))
		list := []etag{alice.write(o, upload, 1, first), alice.write(o, upload, 2, last)}
		if same := alice.write(o, upload, 1, first); same != list[0] {
			t.Errorf("the same part once more is answered with %v, want %v", same, list[0])
		}
		alice.complete(o, upload, []etag{old, list[1]}).want(t, fault.BadRequest)
		holds(t, alice.completed(o, upload, list).URL, slices.Concat(first, last))
	})
}

func TestAWrongListLeavesTheUploadAsItIs(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		o := inDtalk("listed")
		upload := alice.begin(o)
		first, last := blob(k.minPart, 12), []byte("the last")
		list := alice.inParts(o, upload, first, last)
		for name, wrong := range map[string][]etag{
			"a part that was not sent": {list[0], {list[1].ETag, 3}},
			"an ETag that is none":     {list[0], {"no tag", 2}},
			"the ETag of another part": {list[0], {list[0].ETag, 2}},
			"a part twice":             {list[0], list[1], list[1]},
			"an ETag with one letter changed": {list[0], {strings.Map(func(r rune) rune {
				if r == '0' {
					return '1'
				}
				return '0'
			}, list[1].ETag), 2}},
			"part 0":     {{list[0].ETag, 0}},
			"part 10001": {{list[0].ETag, 10001}},
		} {
			if a := alice.complete(o, upload, wrong); a.Result != fault.BadRequest {
				t.Errorf("%s is answered with %d, want %d", name, a.Result, fault.BadRequest)
			}
		}
		isGone(t, hostOf(alice, "")+"/listed")
		holds(t, alice.completed(o, upload, list).URL, slices.Concat(first, last))
	})
}

func TestAPartThatIsTooSmallIsNamedAtTheEnd(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		o := inDtalk("small")
		upload := alice.begin(o)
		small, last := blob(k.minPart-1, 13), []byte("the last may be small")
		list := alice.inParts(o, upload, small, last)
		alice.complete(o, upload, list).want(t, fault.PartTooSmall)
		isGone(t, hostOf(alice, "")+"/small")
		first := blob(k.minPart, 14)
		list[0] = alice.write(o, upload, 1, first)
		holds(t, alice.completed(o, upload, list).URL, slices.Concat(first, last))
	})
}

func TestAnAbortedUploadIsOver(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		o := inDtalk("aborted")
		upload := alice.begin(o)
		list := alice.inParts(o, upload, []byte("x"))
		for range 2 {
			alice.abort(o, upload).want(t, fault.OK)
		}
		alice.part(o, upload, 1, []byte("x")).want(t, fault.NotFound)
		alice.complete(o, upload, list).want(t, fault.NotFound)
		alice.complete(o, upload, nil).want(t, fault.NotFound)
		isGone(t, hostOf(alice, "")+"/aborted")
		alice.abort(o, "never-begun").want(t, fault.OK)
		alice.part(o, "never-begun", 1, []byte("x")).want(t, fault.NotFound)
		alice.complete(o, "never-begun", list).want(t, fault.NotFound)
		// The key is free for anybody.
		holds(t, w.user().store(o, []byte("another's")).URL, []byte("another's"))
	})
}

func TestACompletedUploadIsOver(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		o := inDtalk("completed")
		upload := alice.begin(o)
		first, last := blob(k.minPart, 15), []byte("the last")
		list := alice.inParts(o, upload, first, last)
		l := alice.completed(o, upload, list)
		for range 2 {
			slices.Reverse(list)
			if again := alice.completed(o, upload, list); again != l {
				t.Errorf("completed again it is at %v, want %v", again, l)
			}
		}
		alice.complete(o, upload, list[:1]).want(t, fault.BadRequest)
		alice.complete(o, upload, nil).want(t, fault.BadRequest)
		alice.part(o, upload, 1, []byte("x")).want(t, fault.NotFound)
		alice.abort(o, upload).want(t, fault.OK)
		holds(t, l.URL, slices.Concat(first, last))
		// What came later is not undone by a late repeat.
		alice.store(o, []byte("newer"))
		alice.completed(o, upload, list)
		holds(t, l.URL, []byte("newer"))
	})
}

func TestOnlyWhoStartedAnUploadGoesOnWithIt(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice, bob := w.user(), w.user()
		o := inDtalk("alice's")
		upload := alice.begin(o)
		list := alice.inParts(o, upload, []byte("alice's"))
		bob.part(o, upload, 1, []byte("bob's")).want(t, fault.Forbidden)
		bob.complete(o, upload, list).want(t, fault.Forbidden)
		bob.abort(o, upload).want(t, fault.Forbidden)
		l := alice.completed(o, upload, list)
		holds(t, l.URL, []byte("alice's"))
		bob.complete(o, upload, list).want(t, fault.Forbidden)
		bob.abort(o, upload).want(t, fault.Forbidden)
	})
}

func TestAnUploadKeepsItsNames(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		o := inDtalk("named")
		upload := alice.begin(o)
		list := alice.inParts(o, upload, []byte("x"))
		for name, other := range map[string]object{
			"another key":               inDtalk("Named"),
			"another app":               {app: "second", key: "named"},
			"a key with a blank behind": inDtalk("named "),
		} {
			for what, a := range map[string]*answer{
				"a part": alice.part(other, upload, 1, []byte("y")), "its completion": alice.complete(other, upload, list), "its end": alice.abort(other, upload),
			} {
				if a.Result != fault.BadRequest {
					t.Errorf("%s under %s is answered with %d, want %d", what, name, a.Result, fault.BadRequest)
				}
			}
		}
		// The default may be named.
		holds(t, alice.completed(object{"dtalk", k.provider, "named"}, upload, list).URL, []byte("x"))
	})
}
