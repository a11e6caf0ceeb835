package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"parley/app"
	"parley/oss"
	"parley/pkg/fault"
)

func TestAFileIsReadBackByItsURL(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		for _, size := range []int{1, 1000, 64 * kib, mib + 1, large()} {
			content := blob(size, 1)
			l := alice.store(inDtalk("files/"+string(alice.uid())), content)
			holds(t, l.URL, content)
		}
		l := alice.store(inDtalk("a.png"), []byte("a picture"))
		_, header, _ := download(t, l.URL)
		if got := header.Get("Content-Type"); got != "application/octet-stream" {
			t.Errorf("the file is served as %q, want the type that its part had", got)
		}
		if k.provider == "" {
			if got := header.Get("Access-Control-Allow-Origin"); got != "*" {
				t.Errorf("the local store allows the origin %q", got)
			}
		}
		if u, err := url.Parse(l.URL); err != nil || u.EscapedPath() != l.URI {
			t.Errorf("the uri of %s is %s", l.URL, l.URI)
		}
	})
}

func TestTheTypeOfAFileFollowsFromItsKeyIfItHasNone(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		var l location
		picture := part{"file", "; filename=\"blob\"", "a picture"}
		alice.multipart("/oss/upload", inDtalk("a.png").texts(picture)).want(t, fault.OK).into(t, &l)
		if _, header, _ := download(t, l.URL); header.Get("Content-Type") != "image/png" {
			t.Errorf("a.png is served as %q", header.Get("Content-Type"))
		}
		o := inDtalk("b.png")
		upload := alice.begin(o)
		alice.complete(o, upload, []etag{alice.write(o, upload, 1, []byte("a picture"))}).want(t, fault.OK).into(t, &l)
		if _, header, _ := download(t, l.URL); header.Get("Content-Type") != "image/png" {
			t.Errorf("b.png, which came in parts, is served as %q", header.Get("Content-Type"))
		}
	})
}

func TestAnObjectBelongsToWhoUploadedIt(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice, bob := w.user(), w.user()
		o := inDtalk("2022/06/$picture.png")
		l := alice.store(o, []byte("first"))
		bob.put(o, []byte("bob's")).want(t, fault.Forbidden)
		bob.initiate(o).want(t, fault.Forbidden)
		holds(t, l.URL, []byte("first"))
		if again := alice.store(o, []byte("second")); again != l {
			t.Errorf("overwritten it is at %v, before at %v", again, l)
		}
		holds(t, l.URL, []byte("second"))
		upload := alice.begin(o)
		alice.complete(o, upload, []etag{alice.write(o, upload, 1, []byte("in parts"))}).want(t, fault.OK)
		holds(t, l.URL, []byte("in parts"))
		// A claim is as good as an object.
		claimed := inDtalk("claimed")
		bobs := bob.begin(claimed)
		alice.put(claimed, []byte("alice's")).want(t, fault.Forbidden)
		alice.initiate(claimed).want(t, fault.Forbidden)
		bob.abort(claimed, bobs).want(t, fault.OK)
		holds(t, alice.store(claimed, []byte("alice's")).URL, []byte("alice's"))
	})
}

// oddKeys are keys whose characters mean something in a URL, a form or a signature.
var oddKeys = []string{
	"$", "2022/06/$alice.png", "with space.png", " leading and trailing ", "a+b.png", "100%.png", "%41%2F.png", `"quoted".png`, "it's.png",
	"what?.png", "a#b.png", "a&b=c.png", "图片/表情 😀.png", "é/é.png", "a//b", "a/", "~tilde!*'();:@,[]{}|^`<>.png", "a.", "...", "-", ".hidden/.x",
	"uploads?uploadId=1&partNumber=2", strings.Repeat("k", 1024), strings.Repeat("图", 341), strings.Repeat("folder/", 146) + "1",
}

// noPath matches keys that a server cannot have as the name of a file.
var noPath = regexp.MustCompile(`//|/$|[^/]{86}`)

func TestOddKeysAreAnsweredAsTheyWereSent(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		seen := make(map[string]string)
		for i, key := range oddKeys {
			if k.pathKeys && noPath.MatchString(key) {
				continue
			}
			if k.maxKey > 0 && len(key) > k.maxKey {
				alice.put(inDtalk(key), []byte("x")).want(t, fault.BadKey)
				alice.initiate(inDtalk(key)).want(t, fault.BadKey)
				continue
			}
			content := blob(100, byte(i))
			l := alice.store(inDtalk(key), content)
			if before, ok := seen[l.URL]; ok {
				t.Errorf("%q and %q are both at %s", before, key, l.URL)
			}
			seen[l.URL] = key
			holds(t, l.URL, content)
			// begin and write want the key back as it was sent.
			o := inDtalk(key)
			upload, whole := alice.begin(o), blob(101, byte(i))
			alice.complete(o, upload, []etag{alice.write(o, upload, 1, whole)}).want(t, fault.OK)
			holds(t, l.URL, whole)
		}
	})
}

func TestKeysThatNoProviderGetsAreRefused(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		bad := []string{" ", "\t", "..", ".", "a/../b", "../a", "a/..", "a/./b", "/a", "//", `a\b`, `..\a`, "a\x00b", "a\nb", "a\x7f", "a\u0085", long(1025), strings.Repeat("图", 342)}
		for _, key := range bad {
			o := inDtalk(key)
			if a := alice.put(o, []byte("x")); a.Result != fault.BadKey {
				t.Errorf("an upload to %.20q is answered with %d, want %d", key, a.Result, fault.BadKey)
			}
			if a := alice.initiate(o); a.Result != fault.BadKey {
				t.Errorf("an upload in parts to %.20q is answered with %d, want %d", key, a.Result, fault.BadKey)
			}
		}
	})
}

func TestAProviderIsNamedOrTheDefault(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		ask := func(app, provider string, want fault.Code) {
			t.Helper()
			o := object{app, provider, "named"}
			alice.put(o, []byte("x")).want(t, want)
			alice.initiate(o).want(t, want)
			alice.post("/oss/get-host", map[string]any{"appId": app, "ossType": provider}).want(t, want)
		}
		ask("dtalk", "", fault.OK)
		for _, name := range []string{oss.Aliyun, oss.Huaweiyun, oss.Minio} {
			want := fault.Unsupported
			if name == k.provider {
				want = fault.OK
			}
			ask("dtalk", name, want)
		}
		ask("dtalk", "local", fault.BadRequest)
		ask("dtalk", "aws", fault.BadRequest)
		ask("dtalk", "Aliyun", fault.BadRequest)
		ask("nobody", "", fault.Unsupported)
		ask("nobody", "aliyun", fault.Unsupported)
	})
}

// hostOf is below which the objects of a provider are read.
func hostOf(c *client, provider string) string {
	c.t.Helper()
	var answer struct {
		Host string `json:"host"`
	}
	c.post("/oss/get-host", map[string]any{"appId": "dtalk", "ossType": provider}).want(c.t, fault.OK).into(c.t, &answer)
	return answer.Host
}

func TestAURLBeginsWithTheHost(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		host := hostOf(alice, "")
		if want := host + "/a%20b"; alice.store(inDtalk("a b"), []byte("x")).URL != want {
			t.Errorf("an object is not at %s", want)
		}
		if k.config.PublicURL != "" && host != k.config.PublicURL {
			t.Errorf("the host is %q, want the configured %q", host, k.config.PublicURL)
		}
	})
}

// mixed runs a scenario in worlds whose app has three stores, the local one by
// default.
func mixed(t *testing.T, scenario func(t *testing.T, w *world, stores map[string]*keeper)) {
	t.Parallel()
	for form, start := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			all := map[string]*keeper{"": localKeeper(t), oss.Aliyun: aliyunKeeper(t), oss.Huaweiyun: huaweiKeeper(t)}
			scenario(t, storingIn(t, app.Default(), start, all[""], all[oss.Aliyun], all[oss.Huaweiyun]), all)
		})
	}
}

func TestStoresOfOneAppAreApart(t *testing.T) {
	mixed(t, func(t *testing.T, w *world, stores map[string]*keeper) {
		people, urls := make(map[string]*client), make(map[string]string)
		for name := range stores {
			// The same key belongs to another one in each store.
			people[name] = w.user()
			urls[name] = people[name].store(object{"dtalk", name, "the key"}, []byte("in "+name)).URL
		}
		for name, at := range urls {
			holds(t, at, []byte("in "+name))
			for other := range stores {
				if other != name {
					people[name].put(object{"dtalk", other, "the key"}, []byte("x")).want(t, fault.Forbidden)
				}
			}
		}
		o := object{"dtalk", oss.Aliyun, "parts"}
		alice := w.user()
		upload := alice.begin(o)
		alice.part(object{"dtalk", oss.Huaweiyun, "parts"}, upload, 1, []byte("x")).want(t, fault.BadRequest)
		alice.complete(object{"dtalk", "", "parts"}, upload, nil).want(t, fault.BadRequest)
		alice.abort(object{"dtalk", oss.Huaweiyun, "parts"}, upload).want(t, fault.BadRequest)
	})
}

// A field may come behind the file and change where it goes, when its bytes flow
// already.
func TestAProviderThatIsNamedBehindTheFileCounts(t *testing.T) {
	mixed(t, func(t *testing.T, w *world, stores map[string]*keeper) {
		for _, size := range []int{kib, mib, large()} {
			for name, k := range stores {
				alice := w.user()
				key, content := string(alice.uid()), blob(size, 3)
				var l location
				alice.multipart("/oss/upload", inApp(key, file("file", string(content)), textPart("ossType", name))).want(t, fault.OK).into(t, &l)
				holds(t, l.URL, content)
				if !strings.HasPrefix(l.URL, k.config.PublicURL) {
					t.Errorf("%d bytes for %q are at %s", size, name, l.URL)
				}
				if name != "" {
					// In the default store there is nothing but a claim of hers, until it lapses.
					isGone(t, hostOf(alice, "")+"/"+key)
					holds(t, alice.store(inDtalk(key), []byte("free")).URL, []byte("free"))
				}
			}
		}
	})
}

func TestAFieldBehindTheFileMakesNoDifference(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, k *keeper) {
		for _, size := range []int{kib, mib, large()} {
			alice := w.user()
			content := blob(size, 4)
			var l location
			alice.multipart("/oss/upload", inApp(string(alice.uid()), file("file", string(content)), textPart("ossType", k.provider))).
				want(t, fault.OK).into(t, &l)
			holds(t, l.URL, content)
		}
	})
}

// endings are how a body may end behind the file. The second is that of clients
// which leave out the last line break.
var endings = map[string]func(body []byte) []byte{
	"as usual":             func(b []byte) []byte { return b },
	"without a line break": func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("\r\n")) },
	"with an epilogue":     func(b []byte) []byte { return append(b, "nobody reads this\r\n"...) },
}

func TestABodyMayEndInSeveralWays(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		for name, end := range endings {
			for _, size := range []int{10, 64 * kib, 64*kib + 1, mib} {
				content := blob(size, 5)
				contentType, body := inApp(name, file("file", string(content))).encode(verbatim)
				var l location
				alice.request(http.MethodPost, "/oss/upload", contentType, bytes.NewReader(end(body))).want(t, fault.OK).into(t, &l)
				holds(t, l.URL, content)
				// Without a Content-Length.
				alice.request(http.MethodPost, "/oss/upload", contentType, chunks{bytes.NewReader(end(body))}).want(t, fault.OK).into(t, &l)
				holds(t, l.URL, content)
			}
		}
	})
}

// chunks is a body of which no client knows the length.
type chunks struct{ io.Reader }

func TestAFileHasALimit(t *testing.T) {
	config := app.Default()
	config.OssService.MaxFile, config.Oss.MaxBody = mib, 2*mib
	everyStoreWith(t, keepers, config, func(t *testing.T, w *world, _ *keeper) {
		alice := w.user()
		o := inDtalk("limited")
		upload := alice.begin(o)
		for name, order := range map[string]func(...part) parts{
			"the fields first": func(p ...part) parts { return append(inApp(o.key), p...) },
			"the file first":   func(p ...part) parts { return append(p, inApp(o.key)...) },
		} {
			number := []part{textPart("uploadId", upload), textPart("partNumber", "1")}
			for _, try := range []struct {
				size   int
				result fault.Code
				status int
			}{{mib, fault.OK, 200}, {mib + 1, fault.FileTooLarge, 200}, {2*mib + 1, fault.FileTooLarge, 413}} {
				content := file("file", string(blob(try.size, 6)))
				whole := order(content)
				piece := order(append([]part{content}, number...)...)
				if name == "the fields first" {
					piece = order(append(number, content)...)
				}
				for path, p := range map[string]parts{"/oss/upload": whole, "/oss/upload-part": piece} {
					contentType, body := p.encode(verbatim)
					for form, reader := range map[string]io.Reader{"with a length": bytes.NewReader(body), "in chunks": chunks{bytes.NewReader(body)}} {
						a := alice.request(http.MethodPost, path, contentType, reader)
						if a.Result != try.result || a.status != try.status && !(form == "in chunks" && try.status == 413 && a.status == 200) {
							t.Errorf("%s, %s, %s: %d bytes are answered with status %d and %d, want %d and %d",
								path, name, form, try.size, a.status, a.Result, try.status, try.result)
						}
					}
				}
			}
		}
	})
}

func TestAnEmptyFileIsRefused(t *testing.T) {
	everyStore(t, func(t *testing.T, w *world, _ *keeper) {
		alice, bob := w.user(), w.user()
		o := inDtalk("empty")
		alice.put(o, nil).want(t, fault.Failed)
		alice.multipart("/oss/upload", append(parts{file("file", "")}, inApp(o.key)...)).want(t, fault.Failed)
		// It left no claim behind.
		upload := bob.begin(o)
		bob.part(o, upload, 1, nil).want(t, fault.Failed)
	})
}
