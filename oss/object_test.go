package oss

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"parley/pkg/fault"
)

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]Key{
		"nothing": "", "blanks": " \t ", "a leading slash": "/a", "a parent": "a/../b", "a parent at the start": "../a", "a parent at the end": "a/..",
		"only a parent": "..", "the same folder": "a/./b", "a backslash": `a\b`, "a line break": "a\nb", "a NUL": "a\x00b", "DEL": "a\x7f", "C1": "a\u0085",
		"too long": Key(strings.Repeat("x", 1025)), "too long in UTF-8": Key(strings.Repeat("ä", 513)), "not UTF-8": "a\xff",
	} {
		if err := key.Check(); !errors.Is(err, fault.BadKey) {
			t.Errorf("%s: %q gives %v", name, key, err)
		}
	}
}

func TestKeysAsClientsHaveThem(t *testing.T) {
	t.Parallel()
	for _, key := range []Key{
		"a", "2022/06/$alice.png", "a b", " a", "a+b", "100%", "%2e%2e/a", "ü/你好.jpg", "a//b", "a/", "..a", "a..", "a/...", "?x=1#y", `"quoted"`,
		Key(strings.Repeat("x", 1024)), Key(strings.Repeat("ä", 512)),
	} {
		if err := key.Check(); err != nil {
			t.Errorf("%q is refused: %v", key, err)
		}
		escaped := key.Escape()
		back, err := url.PathUnescape(escaped)
		if err != nil || back != string(key) {
			t.Errorf("%q is escaped as %q, which reads %q, error %v", key, escaped, back, err)
		}
		u, err := url.Parse("http://host/base/" + escaped)
		if err != nil || u.Path != "/base/"+string(key) || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q is escaped as %q, which is no path: %+v, error %v", key, escaped, u, err)
		}
	}
	if got := Key("2022/$a +%~.-_ü").Escape(); got != "2022/%24a%20%2B%25~.-_%C3%BC" {
		t.Errorf("escaped as %s", got)
	}
}

func TestContentTypesFollowFromKeys(t *testing.T) {
	t.Parallel()
	for key, want := range map[Key]string{
		"a.png": "image/png", "a/b.JPG": "image/jpeg", "a.tar.gz": "application/gzip", "png": "application/octet-stream",
		"a.png/b": "application/octet-stream", "a.": "application/octet-stream", "a.unknown": "application/octet-stream", "a.txt": "text/plain; charset=utf-8",
	} {
		if got := key.ContentType(); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	for given, want := range map[string]string{
		"": "image/png", "image/jpeg": "image/jpeg", "text/html; charset=gbk": "text/html; charset=gbk", "nonsense": "image/png",
		"a/b\r\nX: y": "image/png", "image/" + strings.Repeat("x", 255): "image/png",
	} {
		if got := contentTypeOf(given, "a.png"); got != want {
			t.Errorf("given %q it is %s, want %s", given, got, want)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add("2022/06/$alice.png")
	f.Add("a/%2e%2e/b c")
	f.Fuzz(func(t *testing.T, text string) {
		key := Key(text)
		if key.Check() != nil {
			return
		}
		u, err := url.Parse("http://host/" + key.Escape())
		if err != nil || u.Path != "/"+text {
			t.Fatalf("%q is escaped as %q: %+v, error %v", text, key.Escape(), u, err)
		}
		if clean := u.JoinPath().Path; strings.Contains(text, "/.") && !strings.Contains(clean, "/.") {
			t.Fatalf("%q is another path when it is normalized: %q", text, clean)
		}
	})
}

func TestAProvidersAnswerHasTheCodeThatFits(t *testing.T) {
	t.Parallel()
	cause := errors.New("refused")
	for code, want := range map[string]fault.Code{
		"EntityTooLarge": fault.FileTooLarge, "KeyTooLongError": fault.BadKey, "ObjectParentIsFile": fault.BadKey, "AccessDenied": fault.Busy, "": fault.Busy,
	} {
		err := error(&ProviderError{Provider: Minio, Op: "test", Status: 400, Code: code, Err: cause})
		if got := fault.Of(err); got.Code != want || !errors.Is(err, cause) {
			t.Errorf("%q is answered with %d, want %d", code, got.Code, want)
		}
	}
}
