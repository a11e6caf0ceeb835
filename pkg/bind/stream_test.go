package bind_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"parley/pkg/bind"
	"parley/pkg/scratch"
)

const fileHead = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n"

// parse parses a body that comes in pieces as reader gives them.
func parse(t *testing.T, into any, body string, length int64, reader func(io.Reader) io.Reader) (*bind.FilePart, error) {
	t.Helper()
	folder, err := scratch.Open(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	desk := folder.Desk()
	t.Cleanup(func() {
		if err := desk.Close(); err != nil {
			t.Error(err)
		}
		if used := folder.Used(); used != 0 {
			t.Errorf("%d bytes are left on the desk", used)
		}
	})
	r, err := http.NewRequestWithContext(scratch.With(t.Context(), desk), http.MethodPost, "/", reader(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = length
	r.Header.Set("Content-Type", asMultipart)
	ctx, err := bind.Parse(r, into)
	if err != nil {
		return nil, err
	}
	f, ok := bind.File(ctx)
	if !ok {
		t.Fatal("there is no file")
	}
	return f, nil
}

// contents are files that look like the form around them.
func contents() map[string]string {
	return map[string]string{
		"plain":                   "data",
		"empty":                   "",
		"line breaks":             "\r\n\r\n\r\n",
		"half a delimiter":        "a\r\n-",
		"another boundary":        "a\r\n--bc\r\n\r\nd",
		"a boundary in a line":    "a--b--\r\nc",
		"a bare line break":       "a\n--b\r\n",
		"a boundary at the start": "--bc",
		"long":                    strings.Repeat("\r\n--", 100_000),
	}
}

func TestAFileIsWhatStandsBetweenTheBoundaries(t *testing.T) {
	t.Parallel()
	fields := text("key", "k") + text("appId", "a")
	for name, content := range contents() {
		for how, reader := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "with its end": iotest.DataErrReader,
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				for order, body := range map[string]string{
					"fields first": fields + fileHead + content + "\r\n" + closing,
					"file first":   fileHead + content + "\r\n" + fields + closing,
					"between":      text("key", "k") + fileHead + content + "\r\n" + text("appId", "a") + closing,
				} {
					var req UploadReq
					f, err := parse(t, &req, body, int64(len(body)), reader)
					if err != nil {
						t.Fatalf("%s: %v", order, err)
					}
					got, err := io.ReadAll(f)
					if err != nil || string(got) != content || req.Key != "k" || req.AppId != "a" {
						t.Errorf("%s: %d bytes instead of %d, %+v, error %v", order, len(got), len(content), req, err)
					}
					if f.Size != int64(len(content)) {
						t.Errorf("%s: the size is said to be %d and is %d", order, f.Size, len(content))
					}
					if kept := f.Kept() != nil; kept != (order != "fields first") {
						t.Errorf("%s: kept is %v", order, kept)
					}
				}
			})
		}
	}
}

func TestFieldsThatComeAfterAStreamAreBound(t *testing.T) {
	t.Parallel()
	body := text("key", "k") + text("appId", "a") + fileHead + "data\r\n" + text("ossType", "minio") + closing
	var req UploadReq
	f, err := parse(t, &req, body, int64(len(body)), func(r io.Reader) io.Reader { return r })
	if err != nil || f.Late() || f.Kept() != nil {
		t.Fatalf("file %+v, error %v", f, err)
	}
	content, err := io.ReadAll(f)
	if err != nil || string(content) != "data" || !f.Late() || req.OssType != "minio" {
		t.Errorf("content %q, late %v, %+v, error %v", content, f.Late(), req, err)
	}
	if f.Size == int64(len(content)) {
		t.Error("the size was right, though something came after the file")
	}
}

func TestTheSizeOfAStreamIsUnknownWithoutALength(t *testing.T) {
	t.Parallel()
	body := text("key", "k") + text("appId", "a") + fileHead + "data\r\n" + closing
	f, err := parse(t, &UploadReq{}, body, -1, func(r io.Reader) io.Reader { return r })
	if err != nil || f.Size != -1 {
		t.Fatalf("file %+v, error %v", f, err)
	}
}

func TestBareLineBreaksAreUnderstood(t *testing.T) {
	t.Parallel()
	body := strings.ReplaceAll(text("key", "k")+text("appId", "a")+fileHead+"data\r\n"+closing, "\r\n", "\n")
	f, err := parse(t, &UploadReq{}, body, int64(len(body)), func(r io.Reader) io.Reader { return r })
	if err != nil || f.Size != 4 {
		t.Fatalf("file %+v, error %v", f, err)
	}
	if content, err := io.ReadAll(f); err != nil || string(content) != "data" {
		t.Errorf("content %q, error %v", content, err)
	}
}

// Whatever Go's own reader takes for the file is the file, and what it refuses is
// refused.
func FuzzStream(f *testing.F) {
	for _, content := range contents() {
		if len(content) < 1000 {
			f.Add([]byte(content), true)
			f.Add([]byte(content+"\r\n"+closing+"more"), false)
		}
	}
	f.Fuzz(func(t *testing.T, rest []byte, close bool) {
		body := text("key", "k") + text("appId", "a") + fileHead + string(rest)
		if close {
			body += "\r\n" + closing
		}
		want, wantErr := goReads(body)
		part, err := parse(t, &UploadReq{}, body, int64(len(body)), func(r io.Reader) io.Reader { return r })
		if err != nil {
			t.Fatalf("the fields are refused: %v", err)
		}
		got, err := io.ReadAll(part)
		if wantErr != nil && err == nil {
			t.Fatalf("%q is taken for a body, Go says %v", body, wantErr)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("the file of %q is %q, want %q", body, got, want)
		}
	})
}

// goReads returns the file as Go's reader finds it.
func goReads(body string) ([]byte, error) {
	reader := multipart.NewReader(strings.NewReader(body), "b")
	for {
		part, err := reader.NextRawPart()
		if err != nil {
			return nil, err
		}
		if part.FormName() == "file" {
			return io.ReadAll(part)
		}
	}
}
