package local

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/oss"
)

func validPlaces() []place {
	at := time.UnixMilli(1_800_000_000_123)
	return []place{
		{bucket: "dtalk", key: "a/b", contentType: "text/plain", size: 1, expires: at},
		{bucket: "\x00\xff ", key: "照片 &=?#%2F+", contentType: "", size: 1 << 40, expires: at},
		{bucket: "dtalk", key: "a", upload: strings.Repeat("0f", 16), number: 10000, size: 5, expires: at},
	}
}

func TestAPlaceIsWhatWasSigned(t *testing.T) {
	t.Parallel()
	for _, p := range validPlaces() {
		s := p.signed()
		got, err := parsePlace(s)
		if err != nil || got != p {
			t.Errorf("%s is read as %+v, %v; want %+v", s.URL, got, err, p)
		}
	}
}

func TestAMalformedRequestIsRefused(t *testing.T) {
	t.Parallel()
	store, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	good := place{bucket: "dtalk", key: "a", contentType: "text/plain", size: 4, expires: time.Now().Add(time.Hour)}.signed()
	change := func(do func(*oss.Signed)) oss.Signed {
		s := good
		do(&s)
		return s
	}
	replace := func(old, new string) oss.Signed {
		return change(func(s *oss.Signed) { s.URL = strings.Replace(s.URL, old, new, 1) })
	}
	for name, s := range map[string]oss.Signed{
		"nothing":               {},
		"another provider":      change(func(s *oss.Signed) { s.Provider = oss.Minio }),
		"another method":        change(func(s *oss.Signed) { s.Method = "GET" }),
		"a header":              change(func(s *oss.Signed) { s.Header = map[string]string{"Range": "bytes=0-"} }),
		"another scheme":        replace("local:", "file:"),
		"a host":                replace("local:///", "local://host/"),
		"another path":          replace("/object", "/objects"),
		"no bucket":             replace("bucket=dtalk", "bucket="),
		"a long bucket":         replace("bucket=dtalk", "bucket="+strings.Repeat("b", 256)),
		"two buckets":           replace("bucket=dtalk", "bucket=dtalk&bucket=other"),
		"no key":                replace("key=a", "key="),
		"a key that leads away": replace("key=a", "key=..%2Fa"),
		"no size":               replace("size=4", "size="),
		"a negative size":       replace("size=4", "size=-4"),
		"a size of two kinds":   replace("size=4", "size=04"),
		"a huge size":           replace("size=4", "size=99999999999999999999"),
		"no expiry":             replace("expires=1", "expires=x"),
		"a broken type":         replace("text%2Fplain", "text%0D%0Aplain"),
		"an upload of a whole":  replace("type=", "upload=x&type="),
		"one thing more":        change(func(s *oss.Signed) { s.URL += "&x=1" }),
		"a fragment":            change(func(s *oss.Signed) { s.URL += "#x" }),
		"bad escapes":           replace("key=a", "key=%zz"),
	} {
		_, err := store.Send(t.Context(), s, strings.NewReader("text"), 4)
		var refusal *oss.ProviderError
		if !errors.As(err, &refusal) || refusal.Status != 400 || refusal.Temporary() {
			t.Errorf("with %s: %v", name, err)
		}
	}
	if _, err := store.Send(t.Context(), good, strings.NewReader("text"), 4); err != nil {
		t.Errorf("the good request: %v", err)
	}
}

func TestABucketSignsNothingThatItWouldRefuse(t *testing.T) {
	t.Parallel()
	store, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	at, id := time.Now().Add(time.Hour), newID()
	b := store.Bucket("dtalk", "")
	for _, p := range []oss.Put{
		{Key: "..", Size: 1, Expires: at}, {Key: "a", Expires: at}, {Key: "a", Size: -1, Expires: at},
		{Key: "a", Size: 1, ContentType: "a\nb", Expires: at}, {Key: "a", Size: 1, ContentType: strings.Repeat("t", 1025), Expires: at},
	} {
		if s, err := b.SignPut(t.Context(), p); err == nil {
			t.Errorf("%+v was signed as %s", p, s.URL)
		}
		if p.ContentType != "" {
			if _, err := b.Start(t.Context(), p.Key, p.ContentType); err == nil {
				t.Errorf("an upload of %.20q was started", p.ContentType)
			}
			if err := b.PutEmpty(t.Context(), p.Key, p.ContentType); err == nil {
				t.Errorf("an empty object of %.20q was put", p.ContentType)
			}
		}
	}
	for _, p := range []oss.PutPart{
		{Key: "a", Number: 1, Size: 1, Expires: at}, {Key: "a", Upload: id, Size: 1, Expires: at},
		{Key: "a", Upload: id, Number: 10001, Size: 1, Expires: at}, {Key: "a", Upload: id, Number: 1, Expires: at},
		{Key: "a", Upload: "../" + id[3:], Number: 1, Size: 1, Expires: at}, {Key: "/a", Upload: id, Number: 1, Size: 1, Expires: at},
	} {
		if s, err := b.SignPart(t.Context(), p); err == nil {
			t.Errorf("%+v was signed as %s", p, s.URL)
		}
	}
}

func FuzzPlace(f *testing.F) {
	for _, p := range validPlaces() {
		f.Add(p.signed().URL)
	}
	f.Fuzz(func(t *testing.T, url string) {
		p, err := parsePlace(oss.Signed{Provider: oss.Local, Method: "PUT", URL: url})
		if err != nil {
			return
		}
		if p.signed().URL != url || p.key.Check() != nil || p.size < 1 || (p.upload == "") != (p.number == 0) {
			t.Errorf("%q is read as %+v", url, p)
		}
		if p.upload != "" && filepath.Base(p.upload) != p.upload {
			t.Errorf("%q leads to %q", url, p.upload)
		}
	})
}

func FuzzPath(f *testing.F) {
	f.Add("/oss/objects/dtalk/a/b")
	f.Add("/oss/objects/~2e./照片.jpg")
	f.Add("/oss/objects/dtalk/../x")
	f.Add("/oss/objects/~6")
	f.Fuzz(func(t *testing.T, path string) {
		bucket, key, ok := parsePath(path)
		if ok && (path != Path+segment(bucket)+"/"+string(key) || key.Check() != nil || bucket == "") {
			t.Errorf("%q is read as %q in %q", path, key, bucket)
		}
		// Whatever the path, the file is an object's, below the store.
		file := (&Store{folder: "/store"}).root(bucket).object(key)
		if rel, err := filepath.Rel("/store", file); err != nil || len(rel) != 64+len("/objects/ab/")+64 {
			t.Errorf("%q leads to %q", path, file)
		}
	})
}

// A bucket's segment means that bucket and comes through a URL unchanged.
func FuzzSegment(f *testing.F) {
	f.Add("dtalk")
	f.Add("..")
	f.Add("~/%\xff")
	f.Fuzz(func(t *testing.T, bucket string) {
		s := segment(bucket)
		back, ok := parseSegment(s)
		if ok != validBucket(bucket) || ok && back != bucket {
			t.Errorf("%q is written %q, which is read as %q", bucket, s, back)
		}
		if strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~") != "" || strings.HasPrefix(s, ".") {
			t.Errorf("%q is written %q", bucket, s)
		}
	})
}

func FuzzLabel(f *testing.F) {
	for _, l := range []label{{}, {Key: "a", Size: 3, ETag: "e", ContentType: "t", Time: 1}, {Key: strings.Repeat("k", oss.MaxKey)}} {
		b, err := l.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(make([]byte, l.Size), b...), uint16(100))
	}
	f.Fuzz(func(t *testing.T, file []byte, skip uint16) {
		whole, need, err := decodeLabel(file, int64(len(file)))
		if need != 0 {
			t.Fatalf("of a whole file of %d bytes %d more are needed", len(file), need)
		}
		if err == nil && (whole.Size < 0 || whole.Size >= int64(len(file))) {
			t.Errorf("a file of %d bytes has a content of %d", len(file), whole.Size)
		}
		// From a part of the file it is the same, or that more is needed.
		tail := file[min(int(skip), len(file)):]
		l, need, tailErr := decodeLabel(tail, int64(len(file)))
		switch {
		case need != 0 && (need <= len(tail) || need > len(file)):
			t.Errorf("of %d bytes at the end of %d it needs %d", len(tail), len(file), need)
		case need == 0 && tailErr == nil && (err != nil || l != whole):
			t.Errorf("from %d bytes of %d it reads %+v, from all %+v, %v", len(tail), len(file), l, whole, err)
		}
	})
}

func TestEveryDamageOfALabelIsNoticed(t *testing.T) {
	t.Parallel()
	b, err := label{Key: "a", ContentType: "text/plain", Size: 4, ETag: "e", Time: 1}.encode()
	if err != nil {
		t.Fatal(err)
	}
	file := append([]byte("text"), b...)
	if _, _, err := decodeLabel(file, int64(len(file))); err != nil {
		t.Fatal(err)
	}
	for i := len("text"); i < len(file); i++ {
		for bit := range 8 {
			damaged := bytes.Clone(file)
			damaged[i] ^= 1 << bit
			if l, need, err := decodeLabel(damaged, int64(len(file))); need == 0 && err == nil {
				t.Errorf("with bit %d of byte %d turned it reads %+v", bit, i, l)
			}
		}
		if _, need, err := decodeLabel(file[:i], int64(i)); need == 0 && err == nil {
			t.Errorf("the first %d of %d bytes have a label", i, len(file))
		}
	}
}

func TestALongLabelIsRead(t *testing.T) {
	t.Parallel()
	store, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	key := oss.Key(strings.Repeat("<", oss.MaxKey)) // six bytes each
	b := store.Bucket("dtalk", "")
	if err := b.PutEmpty(t.Context(), key, "text/plain"); err != nil {
		t.Fatal(err)
	}
	if l, err := labelOf(store.root("dtalk").object(key)); err != nil || l.Key != string(key) {
		t.Errorf("the label is read as %+v, %v", l, err)
	}
}

// A disk that fails is the provider's failure: it is tried again, told to who
// runs the store, and is not taken for an answer.
func TestAFailureOfTheDiskIsNoAnswer(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var told []error
	store, err := Open(folder, Options{Failed: func(err error) { told = append(told, err) }})
	if err != nil {
		t.Fatal(err)
	}
	b, r := store.Bucket("dtalk", ""), store.root("dtalk")
	if err := b.PutEmpty(t.Context(), "a", "text/plain"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.object("a"), []byte("no label"), fileMode); err != nil {
		t.Fatal(err)
	}
	reply := httptest.NewRecorder()
	store.ServeHTTP(reply, httptest.NewRequest(http.MethodGet, b.Host("http://h")+"/a", nil))
	if reply.Code != http.StatusInternalServerError || len(told) != 1 || !errors.Is(told[0], errLabel) {
		t.Errorf("reading a damaged object has status %d and tells %v", reply.Code, told)
	}
	failed := func(what string, err error) {
		var failure *oss.ProviderError
		if !errors.As(err, &failure) || !failure.Temporary() || errors.Is(err, oss.ErrNoObject) || errors.Is(err, oss.ErrNoUpload) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = b.Stat(t.Context(), "a")
	failed("describing a damaged object", err)

	id, err := b.Start(t.Context(), "a", "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	// Now a file is where the folders were.
	if err := errors.Join(os.RemoveAll(r.tmp()), os.WriteFile(r.tmp(), nil, fileMode)); err != nil {
		t.Fatal(err)
	}
	failed("putting an empty object", b.PutEmpty(t.Context(), "b", "text/plain"))
	_, err = b.Start(t.Context(), "b", "text/plain")
	failed("starting", err)
	failed("aborting", b.Abort(t.Context(), "a", id))
	part, err := b.SignPart(t.Context(), oss.PutPart{Key: "a", Upload: id, Number: 1, Size: 4, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Send(t.Context(), part, strings.NewReader("text"), 4)
	failed("sending a part", err)
	if _, err := store.Sweep(t.Context(), time.Hour); err == nil {
		t.Error("a sweep of a broken store went well")
	}
}

func TestAStoreThatIsEmptiedGoesOn(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "b")
	store, err := Open(folder, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := store.Bucket("dtalk", "")
	for range 2 {
		if err := b.PutEmpty(t.Context(), "a", "text/plain"); err != nil {
			t.Fatal(err)
		}
		id, err := b.Start(t.Context(), "a", "text/plain")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Abort(t.Context(), "a", id); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Stat(t.Context(), "a"); !errors.Is(err, oss.ErrNoObject) {
		t.Errorf("an object of the emptied store: %v", err)
	}
}

func TestAStoreNeedsAFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, fileMode); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Options{}); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a store in a file was opened: %v", err)
	}
}
