package osstest

import (
	"cmp"
	"fmt"
	"strings"

	"parley/oss"
)

func putAndGet(w *world) {
	c := content{1, 100_001}
	w.put("2024/photo.bin", binaryType, c)
	w.holds("2024/photo.bin", binaryType, c)
	w.isAbsent("2024/photo.bi")
	w.isAbsent("2024")
}

func overwrite(w *world) {
	for i, size := range []int64{1000, 1, 200_000} {
		c := content{uint32(i), size}
		contentType := fmt.Sprintf("application/x-parley-%d", i)
		w.put("again", contentType, c)
		w.holds("again", contentType, c)
	}
}

func empty(w *world) {
	for range 2 { // it is safe to repeat
		if err := w.Provider.PutEmpty(w.ctx(), "nothing.txt", "text/plain; charset=utf-8"); err != nil {
			w.Fatalf("put an empty object: %v", err)
		}
		w.holds("nothing.txt", "text/plain; charset=utf-8", content{})
	}
	w.put("something", binaryType, content{1, 10})
	if err := w.Provider.PutEmpty(w.ctx(), "something", binaryType); err != nil {
		w.Fatalf("put an empty object over another: %v", err)
	}
	w.holds("something", binaryType, content{})
}

func absent(w *world) {
	w.isAbsent("nothing/here")
	w.put("nothing", binaryType, content{1, 1})
	w.isAbsent("nothing/here")
	w.isAbsent("Nothing")
}

func contentTypes(w *world) {
	c := content{1, 10}
	for _, key := range []oss.Key{"a.jpg", "a.html", "a.unknown", "folder.png/name"} {
		w.put(key, key.ContentType(), c)
		w.holds(key, key.ContentType(), c)
	}
	w.put("b.jpg", `text/plain; charset="utf-8"; format=flowed`, c)
	w.holds("b.jpg", `text/plain; charset="utf-8"; format=flowed`, c)
}

// oddKeys are such that some client, proxy or server takes one for another.
func oddKeys(w *world) {
	keys := []oss.Key{
		"$", "a b", " a", "a ", "a+b", "a%b", "a%20b", "a%2Fb", "a%252Fb", "\u00e9", "e\u0301", "文件/照片.jpg", "😀.png",
		"&=?#;", "a?uploads", "a#b", "a;b", `"quoted"`, "'quoted'", "`", "(1)", "[1]", "{1}", "<a>", "a|b", "a^b",
		"a:b", "@", "!", "*", "~", "a,b", "-", "_", ".a", "a.", "...", "..a", "a..b", "A", "index.html",
		"x/.b/c", "name/" + oss.Key(strings.Repeat("n", 240)) + "/end", longKey("l"), longKey("m"),
	}
	if !w.PathKeys {
		keys = append(keys, "p//q", "p/", "p//", oss.Key(strings.Repeat("n", oss.MaxKey)))
	}
	for i, key := range keys {
		keys[i] = w.fit(key)
	}
	for i, key := range keys {
		if err := key.Check(); err != nil {
			w.Fatalf("the key %q is not one: %v", key, err)
		}
		w.put(key, binaryType, content{uint32(i), 1000 + int64(i)})
	}
	for i, key := range keys {
		w.holds(key, binaryType, content{uint32(i), 1000 + int64(i)})
	}
	for i, key := range []oss.Key{"in parts/a+b%2F $&=?#;\"'é", w.fit(longKey("p"))} {
		c := content{uint32(i), 1000}
		upload := w.start(key)
		w.complete(key, upload, w.part(key, upload, 1, c))
		w.holds(key, binaryType, c)
		w.abort(key, w.start(key))
	}
}

// longKey is as long as keys get, but has no segment that is too long for the
// name of a file.
func longKey(s string) oss.Key {
	return oss.Key((strings.Repeat(s, 203) + "/" + strings.Repeat("照", 68) + "/" + strings.Repeat(s+"/", oss.MaxKey))[:oss.MaxKey-1] + s)
}

// fit shortens a key to the longest that the provider takes.
func (w *world) fit(key oss.Key) oss.Key {
	return key[:min(len(key), cmp.Or(w.MaxKey, oss.MaxKey))]
}

func nestedKeys(w *world) {
	if w.PathKeys {
		w.Skip("the server keeps objects in files that are named like the keys")
	}
	keys := []oss.Key{"a", "a/b", "a/b/c", "b/c", "b"}
	for i, key := range keys {
		w.put(key, binaryType, content{uint32(i), 10})
	}
	for i, key := range keys {
		w.holds(key, binaryType, content{uint32(i), 10})
	}
}

func sixteenMiB(w *world) {
	c := content{1, 16 * mib}
	w.put("sixteen", binaryType, c)
	w.holds("sixteen", binaryType, c)
}

// anotherSize sends fewer and more bytes than were signed, with an honest length.
func anotherSize(w *world) {
	signed, old := content{1, 1000}, content{2, 500}
	w.put("key", binaryType, old)
	upload := w.start("key")
	first := w.part("key", upload, 1, old)
	for _, sent := range []content{{3, 999}, {3, 1001}, {3, 1}} {
		for _, s := range []oss.Signed{w.signPut("key", binaryType, signed.size), w.signPart("key", upload, 1, signed.size)} {
			_, err := w.Carrier.Send(w.ctx(), s, sent.reader(), sent.size)
			if err == nil {
				w.Errorf("%d bytes were taken where %d were signed", sent.size, signed.size)
			}
			w.tellsNothing(err, s)
		}
	}
	w.holds("key", binaryType, old)
	w.complete("key", upload, first)
	w.holds("key", binaryType, old)
}
