package bind_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"parley/pkg/bind"
	"parley/pkg/fault"
)

const asMultipart = "multipart/form-data; boundary=b"

// part is one part of a multipart body; disposition is what follows
// `form-data; `.
func part(disposition, headers, content string) string {
	return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\n" + headers + "\r\n" + content + "\r\n"
}

func text(name, value string) string { return part(fmt.Sprintf("name=%q", name), "", value) }

const (
	closing = "--b--\r\n"
	image   = "Content-Type: image/png\r\n"
)

func file(content string) string { return part(`name="file"; filename="a.png"`, image, content) }

func TestAMessageIsReadWhateverItsPartIsCalled(t *testing.T) {
	t.Parallel()
	const message = "\x08\x00\x12\x02\xff\x00"
	for name, body := range map[string]string{
		"message with a file name":       part(`name="message"; filename="message"`, "Content-Type: application/octet-stream\r\n", message),
		"message without a file name":    part(`name="message"`, "", message),
		"message with a transfer coding": part(`name="message"; filename=""`, "Content-Transfer-Encoding: binary\r\n", message),
		"file":                           part(`name="file"; filename="blob"`, "Content-Type: text/plain\r\n", message),
		"file without a file name":       part(`name="file"`, "", message),
		"among parts nobody knows":       text("x", "y") + part(`name="message"`, "", message) + file2("z"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, err := bind.Parse(post(asMultipart, body+closing), &PushReq{})
			if err != nil {
				t.Fatal(err)
			}
			f, ok := bind.File(ctx)
			if !ok || string(f.Bytes()) != message {
				t.Fatalf("file %+v", f)
			}
			if read, err := io.ReadAll(f); err != nil || string(read) != message {
				t.Fatalf("read %q, error %v", read, err)
			}
		})
	}
}

// file2 is a file part that no route knows.
func file2(name string) string {
	return part(fmt.Sprintf("name=%q; filename=\"x\"", name), image, "data")
}

func TestMalformedMultipart(t *testing.T) {
	t.Parallel()
	message := part(`name="message"`, "", "abc")
	for _, c := range []struct {
		name, body string
		into       any
		detail     string
	}{
		{"nothing at all", "", &PushReq{}, "body broke off"},
		{"no part", closing, &PushReq{}, "file is missing"},
		{"no part that the route knows", text("x", "y") + closing, &PushReq{}, "file is missing"},
		{"cut off within the file", "--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nab", &PushReq{}, "body broke off"},
		{"cut off before the closing boundary", message, &PushReq{}, "body broke off"},
		{"cut off within a header", "--b\r\nContent-Dispo", &PushReq{}, "body broke off"},
		{"two messages", message + message + closing, &PushReq{}, "file came twice"},
		{"a message that is too long", part(`name="message"`, "", strings.Repeat("x", 1<<20+1)) + closing, &PushReq{}, "file is longer than"},
		{"a header that is no header", "--b\r\n\x00\x01\r\n\r\nx\r\n" + closing, &PushReq{}, "body broke off"},
		{"another boundary", strings.ReplaceAll(message+closing, "--b", "--c"), &PushReq{}, "body broke off"},
		{"no required field", text("avatar", "a") + closing, &CreateGroupReq{}, "name is missing"},
		{"a field that is not UTF-8", text("name", "\xff") + closing, &CreateGroupReq{}, "name is not UTF-8"},
		{"a field that is longer than any", text("name", strings.Repeat("x", 1<<20+1)) + closing, &CreateGroupReq{}, "name is too long"},
		{"too many of a field", text("name", "n") + strings.Repeat(text("memberIds", "u"), 5001) + closing, &CreateGroupReq{}, "memberIds has more than 5000"},
		{"a field of the wrong type", text("appId", "a") + text("key", "k") + text("uploadId", "u") + text("partNumber", "x") + file("data") + closing, &UploadPartReq{}, "partNumber must be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := bind.Parse(post(asMultipart, c.body), c.into)
			wantInvalid(t, err, c.detail)
		})
	}
}

func TestAnEmptyMessageFails(t *testing.T) {
	t.Parallel()
	_, err := bind.Parse(post(asMultipart, part(`name="message"`, "", "")+closing), &PushReq{})
	if !errors.Is(err, fault.Failed) {
		t.Fatalf("error %v, want -1009", err)
	}
}

func TestFieldsOfAGroupComeAsMultipart(t *testing.T) {
	t.Parallel()
	var got CreateGroupReq
	body := text("memberIds", "a") + file("no route asked for it") + text("name", "n") + text("memberIds", "b") + closing
	if _, err := bind.Parse(post(asMultipart, body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "n" || strings.Join(got.MemberIds, " ") != "a b" {
		t.Fatalf("bound %+v", got)
	}
}

// upload parses an upload and reads its file.
func upload(t *testing.T, body string) (req UploadReq, content string, found bool, err error) {
	t.Helper()
	ctx, err := bind.Parse(post(asMultipart, body), &req)
	if err != nil {
		return req, "", false, err
	}
	f, found := bind.File(ctx)
	if !found {
		return req, "", false, nil
	}
	if f.Name != "a.png" || f.ContentType != "image/png" || f.Bytes() != nil {
		t.Errorf("file %+v", f)
	}
	data, err := io.ReadAll(f)
	return req, string(data), true, err
}

func TestAnUploadStreamsBehindItsFields(t *testing.T) {
	t.Parallel()
	req, content, found, err := upload(t, text("key", "k")+text("appId", "a")+file("data")+text("x", "ignored")+closing)
	if err != nil || !found || content != "data" || req.Key != "k" || req.AppId != "a" {
		t.Fatalf("bound %+v, file %v %q, error %v", req, found, content, err)
	}
}

// Some clients end a body with the closing boundary, without a line break.
func TestNothingNeedComeBehindTheClosingBoundary(t *testing.T) {
	t.Parallel()
	fields := text("key", "k") + text("appId", "a")
	for name, body := range map[string]string{
		"a file":                 fields + file("data") + "--b--",
		"a field behind a file":  fields + file("data") + text("ossType", "") + "--b--",
		"lines end in line feed": strings.ReplaceAll(fields+file("data"), "\r\n", "\n") + "--b--",
	} {
		for _, read := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader} {
			r := post(asMultipart, body)
			r.Body = io.NopCloser(read(strings.NewReader(body)))
			var req UploadReq
			ctx, err := bind.Parse(r, &req)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			f, _ := bind.File(ctx)
			if content, err := io.ReadAll(f); err != nil || string(content) != "data" {
				t.Errorf("%s: it reads as %q, error %v", name, content, err)
			}
		}
	}
	if _, err := bind.Parse(post(asMultipart, part(`name="message"`, "", "abc")+"--b--"), &PushReq{}); err != nil {
		t.Errorf("a message: %v", err)
	}
	_, err := bind.Parse(post(asMultipart, part(`name="message"`, "", "abc")+"--b\r\nContent-"), &PushReq{})
	wantInvalid(t, err, "body broke off")
}

func TestAFileBeforeItsFieldsIsReadPast(t *testing.T) {
	t.Parallel()
	req, _, found, err := upload(t, text("key", "k")+file("data")+text("appId", "a")+closing)
	if err != nil || found || req.Key != "k" || req.AppId != "a" {
		t.Fatalf("bound %+v, file %v, error %v", req, found, err)
	}
}

func TestTheEndOfAStreamTellsWhatWasWrongBehindIt(t *testing.T) {
	t.Parallel()
	fields := text("key", "k") + text("appId", "a")
	for name, c := range map[string]struct{ body, detail string }{
		"cut off":               {fields + file("data"), "body broke off"},
		"a field that is wrong": {fields + file("data") + text("ossType", "local") + closing, "ossType must be one of"},
		"two files":             {fields + file("data") + file("more") + closing, "file came twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, content, found, err := upload(t, c.body)
			if !found || !strings.HasPrefix("data", content) {
				t.Errorf("file %v %q", found, content)
			}
			wantInvalid(t, err, c.detail)
		})
	}
}

// zeros gives n bytes without holding them.
type zeros struct{ n int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := min(len(p), z.n)
	clear(p[:n])
	z.n -= n
	return n, nil
}

// It cannot be parallel: it measures what the process allocates.
func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	const size = 64 << 20
	fields, head := text("key", "k")+text("appId", "a"), "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n"
	for name, body := range map[string]io.Reader{
		"fields first": io.MultiReader(strings.NewReader(fields+head), &zeros{size}, strings.NewReader("\r\n"+closing)),
		"file first":   io.MultiReader(strings.NewReader(head), &zeros{size}, strings.NewReader("\r\n"+fields+closing)),
	} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "/", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", asMultipart)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ctx, err := bind.Parse(r, &UploadReq{})
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := bind.File(ctx); ok {
			if n, err := io.Copy(io.Discard, f); err != nil || n != size {
				t.Errorf("%s: read %d bytes, error %v", name, n, err)
			}
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes were allocated for a file of %d", name, used, size)
		}
	}
}

func FuzzMultipart(f *testing.F) {
	f.Add([]byte(part(`name="message"`, "", "abc") + closing))
	f.Add([]byte(text("key", "k") + text("appId", "a") + file("data") + closing))
	f.Add([]byte(file("data") + text("key", "k") + text("appId", "a") + closing))
	f.Add([]byte(text("name", "n") + text("memberIds", `["a"]`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, into := range []any{&PushReq{}, &UploadReq{}, &UploadPartReq{}, &CreateGroupReq{}} {
			ctx, err := bind.Parse(post(asMultipart, string(body)), into)
			if err != nil {
				if !fault.Expected(err) {
					t.Fatalf("%T: unexpected error %v", into, err)
				}
				continue
			}
			if f, ok := bind.File(ctx); ok {
				if data, err := io.ReadAll(f); err != nil && !fault.Expected(err) || !bytes.Contains(body, data) {
					t.Fatalf("%T: read %q, error %v", into, data, err)
				}
			}
		}
	})
}
