package e2e

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"parley/app"
	"parley/pkg/fault"
)

// come uploads a file by another name of the gateway, with more headers.
func (c *client) come(host string, headers map[string]string) *answer {
	c.t.Helper()
	contentType, body := inApp("came/by name", file("file", "content")).encode(verbatim)
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.site.url("/oss/upload"), bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Host = host
	req.Header.Set("FZM-SIGNATURE", c.token())
	req.Header.Set("Content-Type", contentType)
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	a, err := do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// whereBy returns the url of a file that was uploaded by another name.
func (c *client) whereBy(host string, headers map[string]string) string {
	c.t.Helper()
	var l location
	c.come(host, headers).want(c.t, fault.OK).into(c.t, &l)
	if l.URI != "/oss/objects/dtalk/came/by%20name" {
		c.t.Errorf("the uri is %s", l.URI)
	}
	return strings.TrimSuffix(l.URL, l.URI)
}

// forwardedBy are the headers of a proxy.
var forwardedBy = map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example.com"}

func TestTheLocalStoreIsWhereTheClientCame(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		for host, want := range map[string]string{
			"192.168.1.20:8888": "http://192.168.1.20:8888", "chat.example.org": "http://chat.example.org", "[::1]:80": "http://[::1]:80",
		} {
			if got := alice.whereBy(host, nil); got != want {
				t.Errorf("to who came by %s the object is at %s", host, got)
			}
			// Anybody can write these headers.
			if got := alice.whereBy(host, forwardedBy); got != want {
				t.Errorf("to who says that a proxy was there the object is at %s, want %s", got, want)
			}
		}
		for _, host := range []string{"a/b", "a?b", "a#b", "user@host", "a\"b", strings.Repeat("h", 300)} {
			if a := alice.come(host, nil); a.Result != fault.BadRequest {
				t.Errorf("to who came by %.20q the answer is %d", host, a.Result)
			}
		}
	})
}

func TestAConfiguredProxyIsBelieved(t *testing.T) {
	config := app.Default()
	config.Proxies = []string{"127.0.0.0/8"}
	everywhereWith(t, config, func(t *testing.T, w *world) {
		alice := w.user()
		if got := alice.whereBy("internal:8890", forwardedBy); got != "https://chat.example.com" {
			t.Errorf("through a proxy the object is at %s", got)
		}
		if got := alice.whereBy("internal:8890", nil); got != "http://internal:8890" {
			t.Errorf("without a proxy the object is at %s", got)
		}
	})
}

func TestAPublicURLIsTheHost(t *testing.T) {
	choice := map[string]func(testing.TB) *keeper{}
	for name, make := range keepers {
		choice[name] = func(t testing.TB) *keeper {
			k := make(t)
			k.config.PublicURL = "https://cdn.example.com/parley/"
			return k
		}
	}
	everyStoreWith(t, choice, app.Default(), func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		if got := hostOf(alice, ""); got != "https://cdn.example.com/parley" {
			t.Errorf("the host is %s", got)
		}
		l := alice.store(inDtalk("2022/$a b.png"), []byte("x"))
		if want := (location{"https://cdn.example.com/parley/2022/%24a%20b.png", "/parley/2022/%24a%20b.png"}); l != want {
			t.Errorf("an object is at %+v, want %+v", l, want)
		}
	})
}

// Browsers and players ask for parts of a film, and whether a picture has changed.
func TestALocalObjectIsReadAsPlayersDo(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice := w.user()
		film := blob(mib, 50)
		l := alice.store(inDtalk("film.mp4"), film)
		ask := func(method string, headers map[string]string) (*http.Response, []byte) {
			req, err := http.NewRequestWithContext(t.Context(), method, l.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range headers {
				req.Header.Set(name, value)
			}
			res, err := httpClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			return res, body
		}
		if res, body := ask("GET", map[string]string{"Range": "bytes=1000-1999"}); res.StatusCode != http.StatusPartialContent || !bytes.Equal(body, film[1000:2000]) {
			t.Errorf("a range is answered with status %d and %s", res.StatusCode, brief(body))
		}
		res, body := ask("HEAD", nil)
		if res.StatusCode != http.StatusOK || len(body) > 0 || res.ContentLength != mib {
			t.Errorf("HEAD is answered with status %d, length %d", res.StatusCode, res.ContentLength)
		}
		if again, _ := ask("GET", map[string]string{"If-None-Match": res.Header.Get("ETag")}); again.StatusCode != http.StatusNotModified {
			t.Errorf("what has not changed is answered with status %d", again.StatusCode)
		}
		alice.store(inDtalk("film.mp4"), film[1:])
		if again, body := ask("GET", map[string]string{"If-None-Match": res.Header.Get("ETag")}); again.StatusCode != http.StatusOK || !bytes.Equal(body, film[1:]) {
			t.Errorf("what has changed is answered with status %d", again.StatusCode)
		}
	})
}
