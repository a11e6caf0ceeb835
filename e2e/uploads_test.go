package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	endian "encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/pkg/fault"
)

// uploads is people who upload versions of their files, whole and in parts,
// whatever happens to the servers: each tries again until he is answered. Others
// read what is there meanwhile.
type uploads struct {
	t       testing.TB
	site    site
	host    string
	writers []*uploader
	stop    context.CancelFunc
	wg      sync.WaitGroup
	read    atomic.Int64 // objects that were read whole
}

// uploader writes a few objects over and over.
type uploader struct {
	*client
	name string
	// minPart is 0 for one who uploads whole files.
	minPart int

	mu sync.Mutex
	// answered and tried are the versions of each key that were answered last, and
	// sent last.
	answered, tried map[string]uint64
	count           atomic.Int64
}

// keysOfOne is how many objects one person has.
const keysOfOne = 3

func startUploads(t testing.TB, at site, minPart int) *uploads {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &uploads{t: t, site: at, host: hostOf(newUser(t, at), ""), stop: stop}
	for i := range 4 {
		u := &uploader{client: newUser(t, at), name: fmt.Sprint("person-", i), answered: make(map[string]uint64), tried: make(map[string]uint64)}
		if i%2 == 1 {
			u.minPart = minPart
		}
		l.writers = append(l.writers, u)
		l.wg.Go(func() { u.run(ctx) })
	}
	l.wg.Go(func() { l.readOn(ctx) })
	t.Cleanup(l.end)
	return l
}

func (l *uploads) end() {
	l.stop()
	l.wg.Wait()
}

// progress waits until everybody has been answered n more times.
func (l *uploads) progress(n int64) {
	l.t.Helper()
	for _, u := range l.writers {
		before := u.count.Load()
		until(l.t, func() bool { return u.count.Load() >= before+n || l.t.Failed() })
	}
}

// versioned is the content of a version: its number, bytes that depend on it, and
// the hash of all that.
func versioned(version uint64, size int) []byte {
	seed := [32]byte{}
	endian.BigEndian.PutUint64(seed[:], version)
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(b) // never fails
	b = append(endian.BigEndian.AppendUint64(nil, version), b...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// versionOf returns the number of a content, if it is whole.
func versionOf(b []byte) (uint64, error) {
	n := len(b) - sha256.Size
	if n < 8 || sha256.Sum256(b[:n]) != [sha256.Size]byte(b[n:]) {
		return 0, fmt.Errorf("%s is no version that was written", brief(b))
	}
	return endian.BigEndian.Uint64(b), nil
}

func (u *uploader) run(ctx context.Context) {
	for version := uint64(1); ctx.Err() == nil; version++ {
		o := inDtalk(fmt.Sprintf("%s/%d", u.name, version%keysOfOne))
		u.mu.Lock()
		u.tried[o.key] = version
		u.mu.Unlock()
		write := u.whole
		if u.minPart > 0 {
			write = u.parted
		}
		switch err := write(ctx, o, version); {
		case ctx.Err() != nil:
			return
		case err != nil:
			u.t.Errorf("version %d of %s: %v", version, o.key, err)
			return
		}
		u.mu.Lock()
		u.answered[o.key] = version
		u.mu.Unlock()
		u.count.Add(1)
	}
}

func (u *uploader) whole(ctx context.Context, o object, version uint64) error {
	// Some wait on disk and some flow.
	content := versioned(version, rand.IntN(300*kib))
	return u.insist(ctx, "/oss/upload", o.texts(file("file", string(content))), nil)
}

func (u *uploader) parted(ctx context.Context, o object, version uint64) error {
	var begun struct{ UploadID string }
	if err := u.insist(ctx, "/oss/init-multipart-upload", o.texts(), &begun); err != nil {
		return err
	}
	var list []etag
	for piece := range slices.Chunk(versioned(version, 2*u.minPart), u.minPart) {
		var written etag
		number := strconv.Itoa(len(list) + 1)
		err := u.insist(ctx, "/oss/upload-part", o.texts(textPart("uploadId", begun.UploadID), textPart("partNumber", number), file("file", string(piece))), &written)
		if err != nil {
			return err
		}
		list = append(list, written)
	}
	encoded, err := json.Marshal(o.json(map[string]any{"uploadId": begun.UploadID, "parts": list}))
	if err != nil {
		return err
	}
	return u.insist(ctx, "/oss/complete-multipart-upload", raw{"application/json", string(encoded)}, nil)
}

// insist sends a request until it is answered with success, or refused, or ctx
// ends. Whatever a dying server does is a reason to try again.
func (u *uploader) insist(ctx context.Context, path string, b body, into any) error {
	contentType, encoded := b.encode(verbatim)
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.site.url(path), bytes.NewReader(encoded))
		if err != nil {
			return err
		}
		req.Header.Set("FZM-SIGNATURE", u.token())
		req.Header.Set("Content-Type", contentType)
		a, err := do(req)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && a.Result == fault.OK:
			if into == nil {
				return nil
			}
			return json.Unmarshal(a.Data, into)
		case err == nil && a.Result != fault.Busy:
			return fmt.Errorf("%s is answered with %d %q", path, a.Result, a.Message)
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// errUnread says that a server died while an object was read, or before.
var errUnread = errors.New("it could not be read")

// readObject returns the version at a key, or 0 for none.
func (l *uploads) readObject(ctx context.Context, key string) (uint64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.host+"/"+key, nil)
	if err != nil {
		return 0, err
	}
	res, err := httpClient.Do(req)
	if err != nil {
		return 0, errUnread
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return 0, errUnread
	case res.StatusCode == http.StatusNotFound:
		return 0, nil
	case res.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("status %d", res.StatusCode)
	}
	return versionOf(content)
}

// readOn reads objects at random: each is whole at every moment, not older than
// what was answered before and not newer than what was sent.
func (l *uploads) readOn(ctx context.Context) {
	for ctx.Err() == nil {
		u := l.writers[rand.IntN(len(l.writers))]
		key := fmt.Sprintf("%s/%d", u.name, rand.IntN(keysOfOne))
		u.mu.Lock()
		least := u.answered[key]
		u.mu.Unlock()
		version, err := l.readObject(ctx, key)
		switch {
		case errors.Is(err, errUnread):
			pause(ctx, 5*time.Millisecond)
			continue
		case err != nil:
			l.t.Errorf("%s reads wrong: %v", key, err)
			return
		}
		u.mu.Lock()
		most := u.tried[key]
		u.mu.Unlock()
		if version < least || version > most {
			l.t.Errorf("%s reads as version %d, of which %d was answered and %d sent", key, version, least, most)
			return
		}
		l.read.Add(1)
	}
}

// verify ends the uploads and reads everything: what was answered is there, or what
// was sent after it.
func (l *uploads) verify(atLeast int) {
	l.t.Helper()
	l.end()
	total := 0
	stranger := newUser(l.t, l.site)
	for _, u := range l.writers {
		total += int(u.count.Load())
		for _, key := range slices.Sorted(maps.Keys(u.tried)) {
			version, err := l.readObject(context.Background(), key)
			if err != nil || version < u.answered[key] || version > u.tried[key] {
				l.t.Errorf("in the end %s reads as version %d, error %v; version %d was answered and %d sent", key, version, err, u.answered[key], u.tried[key])
			}
			if a := stranger.put(inDtalk(key), []byte("a stranger's")); a.Result != fault.Forbidden {
				l.t.Errorf("a stranger's upload to %s is answered with %d", key, a.Result)
			}
		}
	}
	if total < atLeast || l.read.Load() < int64(atLeast) {
		l.t.Errorf("only %d uploads were answered and %d objects read: the test shows nothing", total, l.read.Load())
	}
	l.t.Logf("%d uploads were answered, %d objects read", total, l.read.Load())
}
