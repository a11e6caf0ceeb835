package oss_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/oss"
	"parley/oss/local"
	"parley/oss/store"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
)

const (
	alice id.UID = "alice"
	bob   id.UID = "bob"
	// origin is how clients come in these tests.
	origin = "http://chat.example.com"
	minute = time.Minute
)

// world is object storage on the local store, whose provider can be made to fail.
type world struct {
	t        *testing.T
	config   oss.Config
	service  *oss.Service
	db       *sqldb.DB
	store    *store.Store
	objects  *local.Store
	provider *fickle
}

func newWorld(t *testing.T, change ...func(*oss.Config)) *world {
	t.Helper()
	objects, err := local.Open(t.TempDir(), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db := sqldbtest.New(t)
	w := &world{t: t, objects: objects, provider: &fickle{Provider: objects.Bucket("photos", "")}, db: db, store: store.New(db)}
	w.config = oss.Config{
		Apps: []oss.App{{ID: "app", Buckets: []oss.Bucket{
			{Provider: oss.Local, Name: "photos", Keeper: w.provider},
			{Provider: oss.Minio, Name: "photos", Keeper: objects.Bucket("other", "https://cdn.example.com/x")},
		}}},
		MaxFile: 16 << 20, SignFor: minute, Completing: minute, Unfinished: time.Hour, Remember: time.Hour,
	}
	for _, c := range change {
		c(&w.config)
	}
	w.restart()
	return w
}

// restart makes the service anew, as after its process has died, with the
// configuration as it is now.
func (w *world) restart() { w.service = oss.New(w.config, w.store, nil) }

// expired runs do, and lets every upload that begins in it expire.
func (w *world) expired(do func()) {
	w.t.Helper()
	var before []string
	if err := w.db.Reader.Raw("SELECT id FROM oss_upload").Scan(&before).Error; err != nil {
		w.t.Fatal(err)
	}
	do()
	ago := time.Now().Add(-2 * minute).UnixMilli()
	if err := w.db.Writer.Exec("UPDATE oss_upload SET expires_at = ? WHERE id NOT IN ?", ago, append(before, "")).Error; err != nil {
		w.t.Fatal(err)
	}
}

func object(key string) oss.Object { return oss.Object{App: "app", Key: oss.Key(key)} }

func whole(key string, size int64) oss.Whole {
	return oss.Whole{Object: object(key), Size: size, Ends: soon()}
}

func soon() time.Time { return time.Now().Add(minute) }

// want demands an outcome.
func (w *world) want(err error, code fault.Code) {
	w.t.Helper()
	if code == fault.OK && err == nil {
		return
	}
	if err == nil || !errors.Is(err, code) {
		w.t.Errorf("the error is %v, want %v", err, code)
	}
}

// put uploads a whole object.
func (w *world) put(u id.UID, key, content string) {
	w.t.Helper()
	upload := w.sign(u, key, content)
	if _, err := w.service.RecordUpload(w.t.Context(), u, upload, origin); err != nil {
		w.t.Fatalf("%s records %s: %v", u, key, err)
	}
}

// sign uploads the bytes of a whole object, and does not record it.
func (w *world) sign(u id.UID, key, content string) (upload string) {
	w.t.Helper()
	upload, signed, err := w.service.SignUpload(w.t.Context(), u, whole(key, int64(len(content))))
	if err != nil {
		w.t.Fatalf("%s uploads %s: %v", u, key, err)
	}
	w.send(signed, content)
	return upload
}

// claim tries to claim a key for a whole object.
func (w *world) claim(u id.UID, key string) error {
	_, _, err := w.service.SignUpload(w.t.Context(), u, whole(key, 1))
	return err
}

func (w *world) send(signed oss.Signed, content string) (etag string) {
	w.t.Helper()
	etag, err := w.objects.Send(w.t.Context(), signed, strings.NewReader(content), int64(len(content)))
	if err != nil {
		w.t.Fatalf("send %d bytes: %v", len(content), err)
	}
	return etag
}

func (w *world) init(u id.UID, key string) (upload string) {
	w.t.Helper()
	upload, err := w.service.Init(w.t.Context(), u, object(key))
	if err != nil {
		w.t.Fatalf("%s starts an upload of %s: %v", u, key, err)
	}
	return upload
}

// part uploads a part.
func (w *world) part(u id.UID, key, upload string, number int32, content string) oss.Part {
	w.t.Helper()
	signed, err := w.service.SignPart(w.t.Context(), u, object(key), upload, number, int64(len(content)))
	if err != nil {
		w.t.Fatalf("%s uploads part %d of %s: %v", u, number, key, err)
	}
	etag := w.send(signed, content)
	p, err := w.service.RecordPart(w.t.Context(), u, object(key), upload, oss.Part{Number: number, ETag: `"` + etag + `"`}, int64(len(content)))
	if err != nil {
		w.t.Fatalf("%s records part %d of %s: %v", u, number, key, err)
	}
	return p
}

func (w *world) complete(u id.UID, key, upload string, parts ...oss.Part) error {
	_, err := w.service.Complete(w.t.Context(), u, object(key), upload, parts, origin)
	return err
}

// holds demands that an object has a content, and isAbsent that there is none.
func (w *world) holds(key, content string) {
	w.t.Helper()
	status, got := w.read(key)
	if status != http.StatusOK || got != content {
		w.t.Errorf("%s reads %d with %d bytes, want %d bytes", key, status, len(got), len(content))
	}
}

func (w *world) isAbsent(key string) {
	w.t.Helper()
	if status, _ := w.read(key); status != http.StatusNotFound {
		w.t.Errorf("%s reads %d, want that it is not there", key, status)
	}
}

func (w *world) read(key string) (status int, content string) {
	w.t.Helper()
	host, err := w.service.Host("app", "", "")
	if err != nil {
		w.t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	w.objects.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, host+"/"+oss.Key(key).Escape(), nil))
	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Result().Body); err != nil {
		w.t.Fatal(err)
	}
	return answer.Code, body.String()
}

// used returns how many bytes a user has stored and begun to store.
func (w *world) used(u id.UID) (bytes int64) {
	w.t.Helper()
	if err := w.db.Reader.Raw("SELECT COALESCE(SUM(bytes), 0) FROM oss_usage WHERE owner = ?", string(u)).Scan(&bytes).Error; err != nil {
		w.t.Fatal(err)
	}
	return bytes
}

// uses demands how many bytes a user has stored and begun to store.
func (w *world) uses(u id.UID, want int) {
	w.t.Helper()
	if got := w.used(u); got != int64(want) {
		w.t.Errorf("%s uses %d bytes, want %d", u, got, want)
	}
}

// fickle is a provider that does what a test wants.
type fickle struct {
	oss.Provider

	mu sync.Mutex
	// before and after are what happens before and after it does what it is asked:
	// an error is its answer. They are given the name of the method.
	before, after func(method string) error
	asked         map[string]int
}

func (f *fickle) do(method string, ask func() error) error {
	f.mu.Lock()
	if f.asked == nil {
		f.asked = make(map[string]int)
	}
	f.asked[method]++
	before, after := f.before, f.after
	f.mu.Unlock()
	if before != nil {
		if err := before(method); err != nil {
			return err
		}
	}
	if err := ask(); err != nil {
		return err
	}
	if after != nil {
		return after(method)
	}
	return nil
}

func (f *fickle) Stat(ctx context.Context, key oss.Key) (s oss.Stat, err error) {
	err = f.do("Stat", func() error { s, err = f.Provider.Stat(ctx, key); return err })
	return s, err
}

func (f *fickle) Start(ctx context.Context, key oss.Key, contentType string) (upload string, err error) {
	err = f.do("Start", func() error { upload, err = f.Provider.Start(ctx, key, contentType); return err })
	return upload, err
}

func (f *fickle) Complete(ctx context.Context, key oss.Key, upload string, parts []oss.Part) error {
	return f.do("Complete", func() error { return f.Provider.Complete(ctx, key, upload, parts) })
}

func (f *fickle) Abort(ctx context.Context, key oss.Key, upload string) error {
	return f.do("Abort", func() error { return f.Provider.Abort(ctx, key, upload) })
}

func (f *fickle) PutEmpty(ctx context.Context, key oss.Key, contentType string) error {
	return f.do("PutEmpty", func() error { return f.Provider.PutEmpty(ctx, key, contentType) })
}
