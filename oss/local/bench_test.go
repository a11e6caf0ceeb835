package local_test

import (
	"crypto/md5"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// zeros is a body without end.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// BenchmarkReceive compares what the store does with a body with the least that
// could be done: to read it, hash it, write it and flush it. What a name costs that
// survives a power failure is seen beside it.
func BenchmarkReceive(b *testing.B) {
	for _, size := range []int64{64 << 10, 1 << 20, 16 << 20, 256 << 20} {
		w := newWorld(b)
		signed := signPut(b, w.bucket, "a", "text/plain", int(size))
		b.Run("store/"+strconv.FormatInt(size>>10, 10)+"KiB", func(b *testing.B) {
			receiveAll(b, size, func(r *http.Request) error {
				_, err := w.store.Send(r.Context(), signed, r.Body, size)
				return err
			})
		})
		b.Run("named/"+strconv.FormatInt(size>>10, 10)+"KiB", func(b *testing.B) {
			folder := b.TempDir()
			receiveAll(b, size, func(r *http.Request) error {
				aside := filepath.Join(folder, rand.Text())
				if err := bare(r, aside, make([]byte, 256<<10)); err != nil {
					return err
				}
				f, err := os.Open(folder)
				if err != nil {
					return err
				}
				return errors.Join(os.Rename(aside, filepath.Join(folder, "a")), f.Sync(), f.Close())
			})
		})
		b.Run("bare/"+strconv.FormatInt(size>>10, 10)+"KiB", func(b *testing.B) {
			path, buffer := filepath.Join(b.TempDir(), "a"), make([]byte, 256<<10)
			receiveAll(b, size, func(r *http.Request) error { return bare(r, path, buffer) })
		})
	}
}

func bare(r *http.Request, path string, buffer []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	w := struct{ io.Writer }{io.MultiWriter(f, md5.New())}
	if _, err := io.CopyBuffer(w, struct{ io.Reader }{r.Body}, buffer); err != nil {
		return err
	}
	return f.Sync()
}

// receiveAll sends bodies over the loopback to a server that does something with
// them.
func receiveAll(b *testing.B, size int64, do func(*http.Request) error) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := do(r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		request, err := http.NewRequestWithContext(b.Context(), http.MethodPut, server.URL, io.LimitReader(zeros{}, size))
		if err != nil {
			b.Fatal(err)
		}
		request.ContentLength = size
		response, err := server.Client().Do(request)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			b.Fatalf("status %d", response.StatusCode)
		}
	}
}
