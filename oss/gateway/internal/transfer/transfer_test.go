package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss"
	"parley/oss/gateway/internal/transfer"
	"parley/oss/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/fault"
	"parley/pkg/scratch"
)

// provider is a carrier that takes whole bodies, and fails as often as it is told to.
type provider struct {
	failures int
	err      error
	// early makes a failure come after so many bytes.
	early int64

	sent  int
	taken []byte
	keys  []string
}

func (p *provider) Send(_ context.Context, s oss.Signed, body io.Reader, size int64) (string, error) {
	p.sent++
	p.keys = append(p.keys, s.URL)
	if p.failures > 0 {
		p.failures--
		if _, err := io.CopyN(io.Discard, body, p.early); err != nil {
			return "", err
		}
		return "", p.err
	}
	taken, err := io.ReadAll(body)
	if err != nil {
		return "", fmt.Errorf("the body: %w", err)
	}
	if int64(len(taken)) != size {
		return "", fmt.Errorf("%d bytes came instead of %d", len(taken), size)
	}
	p.taken = taken
	return "etag", nil
}

var errDown = &oss.ProviderError{Provider: "test", Op: "send", Status: 503, Err: errors.New("down")}

// request is an upload as a client sends it.
type request struct {
	before, after string // fields
	content       []byte
	closing       string
	length        bool // it says how long it is
	scratch       int64
}

const head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"

func field(name, value string) string {
	return fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, value)
}

// send uploads r to p.
func send(t *testing.T, r request, p *provider) (size int64, err error) {
	t.Helper()
	folder, err := scratch.Open(t.TempDir(), r.scratch)
	if err != nil {
		t.Fatal(err)
	}
	desk := folder.Desk()
	defer func() {
		if err := desk.Close(); err != nil || folder.Used() != 0 {
			t.Errorf("%d bytes are left on the desk, error %v", folder.Used(), err)
		}
	}()
	body := r.before + head + string(r.content) + "\r\n" + r.after + r.closing
	q, err := http.NewRequestWithContext(scratch.With(t.Context(), desk), http.MethodPost, "/", io.MultiReader(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	q.ContentLength = -1
	if r.length {
		q.ContentLength = int64(len(body))
	}
	var req types.UploadReq
	ctx, err := bind.Parse(q, &req)
	if err != nil {
		return 0, err
	}
	_, size, err = transfer.Send(ctx, p, func(_ context.Context, size int64) (*ossv1.SignedRequest, error) {
		return &ossv1.SignedRequest{Url: req.AppId + "/" + req.OssType + "/" + req.Key}, nil
	})
	return size, err
}

const closing = "--b--\r\n"

var fields = field("appId", "a") + field("key", "k")

func TestAFileGetsThroughInWhateverFormItComes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 1 << 10, 100 << 10, 1 << 20, 12 << 20} {
		content := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
		for name, row := range map[string]struct {
			request request
			sent    int // how often it takes, when it is large enough to flow
			key     string
		}{
			"fields first":             {request{before: fields, closing: closing, length: true}, 1, "a//k"},
			"without a length":         {request{before: fields, closing: closing}, 1, "a//k"},
			"file first":               {request{after: fields, closing: closing, length: true}, 1, "a//k"},
			"file between":             {request{before: field("appId", "a"), after: field("key", "k"), closing: closing, length: true}, 1, "a//k"},
			"a late field":             {request{before: fields, after: field("ossType", "minio"), closing: closing, length: true}, 2, "a/minio/k"},
			"a late unknown field":     {request{before: fields, after: field("x", "y"), closing: closing, length: true}, 2, "a//k"},
			"no line break at the end": {request{before: fields, closing: "--b--", length: true}, 2, "a//k"},
			"an epilogue":              {request{before: fields, closing: closing + "more\r\n", length: true}, 2, "a//k"},
		} {
			t.Run(fmt.Sprintf("%s, %d bytes", name, size), func(t *testing.T) {
				t.Parallel()
				p := new(provider)
				r := row.request
				r.content, r.scratch = content, 64<<20
				got, err := send(t, r, p)
				if err != nil || got != int64(size) || !bytes.Equal(p.taken, content) {
					t.Fatalf("%d bytes got through of %d, error %v", len(p.taken), size, err)
				}
				if p.keys[len(p.keys)-1] != row.key {
					t.Errorf("they went to %s, want %s", p.keys[len(p.keys)-1], row.key)
				}
				want := row.sent
				if size < 64<<10 {
					want = 1
				}
				if p.sent != want {
					t.Errorf("it took %d times, want %d", p.sent, want)
				}
			})
		}
	}
}

func TestWhatAProviderFailsAtIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]request{
		"a file that flows": {before: fields, content: make([]byte, 3<<20), closing: closing, length: true, scratch: 64 << 20},
		"a file that waits": {after: fields, content: make([]byte, 3<<20), closing: closing, length: true, scratch: 64 << 20},
	} {
		for _, early := range []int64{0, 1 << 20} {
			p := &provider{failures: 1, err: errDown, early: early}
			if _, err := send(t, r, p); err != nil || len(p.taken) != len(r.content) {
				t.Errorf("%s, failed after %d bytes: %v", name, early, err)
			}
			p = &provider{failures: 9, err: errDown, early: early}
			if _, err := send(t, r, p); !errors.Is(err, error(errDown)) || p.sent > 3 {
				t.Errorf("%s: a provider that is down was tried %d times: %v", name, p.sent, err)
			}
			p = &provider{failures: 1, err: oss.ErrNoUpload, early: early}
			if _, err := send(t, r, p); !errors.Is(err, fault.NotFound) || p.sent != 1 {
				t.Errorf("%s: an answer was asked for %d times: %v", name, p.sent, err)
			}
		}
	}
}

func TestAFileThatIsLargeOrHasNoRoomFlowsWithoutACopy(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]request{
		"large":   {before: fields, content: make([]byte, 17<<20), closing: closing, length: true, scratch: 64 << 20},
		"no room": {before: fields, content: make([]byte, 1<<20), closing: closing, length: true, scratch: 1 << 10},
	} {
		p := new(provider)
		if _, err := send(t, r, p); err != nil || len(p.taken) != len(r.content) {
			t.Errorf("%s: %v", name, err)
		}
		p = &provider{failures: 1, err: errDown, early: 100}
		if _, err := send(t, r, p); !errors.Is(err, error(errDown)) {
			t.Errorf("%s, the provider fails: %v", name, err)
		}
		r.after = field("ossType", "minio")
		p = new(provider)
		if _, err := send(t, r, p); !errors.Is(err, fault.BadRequest) || p.taken != nil {
			t.Errorf("%s, with a late field: %v", name, err)
		}
	}
	r := request{after: fields, content: make([]byte, 1<<20), closing: closing, length: true, scratch: 1 << 10}
	if _, err := send(t, r, new(provider)); !errors.Is(err, fault.Overloaded) {
		t.Errorf("a file that has to wait and has no room: %v", err)
	}
}

func TestABodyThatBreaksOffIsNotSent(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 1 << 20} {
		for _, before := range []string{fields, ""} {
			p := new(provider)
			r := request{before: before, content: make([]byte, size), closing: "--b", length: true, scratch: 64 << 20}
			if _, err := send(t, r, p); !errors.Is(err, fault.BadRequest) || p.taken != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
	}
}

func TestAFileIsDemanded(t *testing.T) {
	t.Parallel()
	if _, _, err := transfer.Send(t.Context(), new(provider), nil); !errors.Is(err, fault.BadRequest) {
		t.Errorf("the error is %v", err)
	}
}
