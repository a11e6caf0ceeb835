package app

import (
	"bytes"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/pkg/auth"
)

func TestSizesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "8388608": 8 << 20, "5B": 5, "8MiB": 8 << 20, "8M": 8 << 20, "6K": 6 << 10, "6KiB": 6 << 10, "1G": 1 << 30, "1024GiB": 1 << 40,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%s is %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "8 MiB", "8mib", "1.5M", "8MB", "8MiBMiB", "1025GiB", "9223372036854775807", "9999999999999999999"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%s is %d", text, got)
		}
	}
}

func TestTheFileMayStandAnywhere(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		args       string
		file, flag string
	}{
		{"", "", ""}, {"a", "a", ""}, {"-x 1 a", "a", "1"}, {"a -x 1", "a", "1"}, {"-x 1 a -y 2", "a", "1"}, {"-x 1 -- -a", "-a", "1"},
	} {
		flags := flag.NewFlagSet("test", flag.ContinueOnError)
		x := flags.String("x", "", "")
		flags.String("y", "", "")
		c := &command{args: strings.Fields(row.args), out: io.Discard}
		if file, err := c.parseFile(flags); err != nil || file != row.file || *x != row.flag {
			t.Errorf("%q is the file %q with -x %q, %v", row.args, file, *x, err)
		}
	}
	for _, args := range []string{"a b", "-z a", "a -x", "-x 1 a b"} {
		flags := flag.NewFlagSet("test", flag.ContinueOnError)
		flags.String("x", "", "")
		c := &command{args: strings.Fields(args), out: io.Discard}
		if file, err := c.parseFile(flags); err == nil {
			t.Errorf("%q is the file %q", args, file)
		}
	}
}

func TestAFileIsPutAndReadByItsURL(t *testing.T) {
	t.Parallel()
	a := start(t, local(t), Options{})
	defer stop(t, a)
	key, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, content := range map[string][]byte{
		"empty.txt": nil, "small.png": []byte("a picture"), "large.mp4": bytes.Repeat([]byte("0123456789abcdef"), 11<<16),
	} {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errOut := parley(t, "put", file, "-as", write(t, key.Hex()), "-url", a.URL(), "-state", filepath.Join(folder, "state"), "-part", "5MiB")
		url := strings.TrimSuffix(out, "\n")
		if code != 0 || !strings.HasSuffix(url, "/"+name) {
			t.Fatalf("to put %s exits with %d, prints %q and says %q", name, code, out, errOut)
		}
		got, kind := read(t, url)
		if !slices.Equal(got, content) || !strings.HasPrefix(kind, map[string]string{".txt": "text/plain", ".png": "image/png", ".mp4": "video/mp4"}[name[len(name)-4:]]) {
			t.Errorf("%s is read as %d bytes of %s", name, len(got), kind)
		}
	}
	if left, err := filepath.Glob(filepath.Join(folder, "state*")); err != nil || len(left) != 0 {
		t.Errorf("%v are left, %v", left, err)
	}
	refuses(t, 1, "-2000", "put", "-as", write(t, key.Hex()), "-url", a.URL(), "-app", "nobody's", filepath.Join(folder, "small.png"))
	code, out, errOut := parley(t, "put", "-abort", "-as", write(t, key.Hex()), "-url", a.URL(), "-state", filepath.Join(folder, "state"), filepath.Join(folder, "gone"))
	if code != 0 || out != "" || !strings.Contains(errOut, "no unfinished upload") {
		t.Errorf("to drop nothing exits with %d, prints %q and says %q", code, out, errOut)
	}
}

// read reads an object by its url, and its content type.
func read(t *testing.T, url string) ([]byte, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s is answered %s, %v", url, res.Status, err)
	}
	return content, res.Header.Get("Content-Type")
}
