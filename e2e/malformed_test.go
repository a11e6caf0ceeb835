package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/app"
	"parley/pkg/fault"
)

// malformed is a request that no app sends, and its answer.
type malformed struct {
	name string
	// head has header lines beside the token; body is what follows.
	head []string
	body string
	// cut ends the connection's way there behind the body.
	cut bool

	status int
	result fault.Code
}

// maxTestBody is the limit on bodies in these tests, on all gateways.
const maxTestBody = 64 << 10

// misshapes are malformed requests to a route, whatever it does.
func misshapes(t testing.TB, tb *table) []malformed {
	tooLarge := fault.BadRequest
	if strings.HasPrefix(tb.route, "/oss/") {
		tooLarge = fault.FileTooLarge
	}
	refused := func(name, contentType, body string) malformed {
		return malformed{name: name, head: sized(contentType, len(body)), body: body, status: 200, result: fault.BadRequest}
	}
	all := []malformed{
		{name: "a body announced as a terabyte", head: sized("application/json", 1<<40), status: http.StatusRequestEntityTooLarge, result: tooLarge},
		{name: "a body that broke off", head: sized("application/json", 1000), body: `{"count":`, cut: true, status: 200, result: fault.BadRequest},
		{name: "chunks that broke off", head: chunkedHead("application/json"), body: "5\r\n{\"cou", cut: true, status: 200, result: fault.BadRequest},
		{name: "chunks of no size", head: chunkedHead("application/json"), body: "zz\r\n{}\r\n0\r\n\r\n", status: 200, result: fault.BadRequest},
		{name: "a gzip bomb", head: append(sized("application/json", len(gzipBomb())), "Content-Encoding: gzip"), body: gzipBomb(), status: 200, result: fault.BadRequest},
		{name: "an encoding that nobody knows", head: append(sized("application/json", 2), "Content-Encoding: br"), body: "{}", status: 200, result: fault.BadRequest},
		refused("gzip that does not say so", "application/json", gzipBomb()),
		refused("a list", "application/json", `[]`),
		refused("a text", "application/json", `"count"`),
		refused("a number", "application/json", `7`),
		refused("null", "application/json", `null`),
		refused("two objects", "application/json", `{}{}`),
		refused("half an object", "application/json", `{"count":1`),
		refused("NULs", "application/json", "\x00\x00\x00\x00"),
		refused("a NUL in a text", "application/json", "{\"a\":\"\x00\"}"),
		refused("a text that is no UTF-8", "application/json", "{\"a\":\"\xff\xfe\"}"),
		refused("a surrogate that is no UTF-8", "application/json", "{\"a\":\"\xed\xa0\x80\"}"),
		refused("lists in lists in lists", "application/json", strings.Repeat("[", 50_000)),
		refused("objects in objects in objects", "application/json", strings.Repeat(`{"a":`, 10_000)),
		refused("closed, but too deep", "application/json", `{"a":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+`}`),
		refused("XML", "application/xml", `<count>1</count>`),
		refused("multipart without a boundary", "multipart/form-data", "--b--"),
		refused("multipart without a part's end", multipartType, "--"+boundary+"\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhalf"),
		refused("multipart without an end", multipartType, "--"+boundary+"\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhalf\r\n--"+boundary+"\r\n"),
		refused("multipart with a head without an end", multipartType, "--"+boundary+"\r\nContent-Disposition: form-data; name="+strings.Repeat("a", 50_000)),
	}
	if _, file := tb.good.(parts); !file && !isPush(tb) {
		// Routes that take a file may refuse it before they have seen it all.
		huge := `{"a":"` + strings.Repeat("x", maxTestBody) + `"}`
		all = append(all, malformed{name: "huge chunks", head: chunkedHead("application/json"), body: chunk(huge), status: http.StatusRequestEntityTooLarge, result: tooLarge})
	} else {
		huge := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"unknown\"\r\n\r\n" + strings.Repeat("x", maxTestBody)
		all = append(all,
			malformed{name: "huge chunks", head: chunkedHead(multipartType), body: chunk(huge), status: http.StatusRequestEntityTooLarge, result: tooLarge},
			refused("thousands of parts", multipartType, strings.Repeat("--"+boundary+"\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n", 600)+"--"+boundary+"--\r\n"),
			refused("no part", multipartType, "--"+boundary+"--\r\n"),
			refused("JSON", "application/json", `{}`),
			refused("a form", "application/x-www-form-urlencoded", `a=1`),
		)
	}
	nothing := malformed{name: "nothing", head: sized("", 0), status: 200, result: fault.BadRequest}
	if tb.bare {
		nothing.result = tb.result
	}
	return append(all, nothing)
}

func isPush(tb *table) bool { _, ok := tb.good.(pushed); return ok }

const multipartType = "multipart/form-data; boundary=" + boundary

func sized(contentType string, length int) []string {
	lines := []string{fmt.Sprintf("Content-Length: %d", length)}
	if contentType != "" {
		lines = append(lines, "Content-Type: "+contentType)
	}
	return lines
}

func chunkedHead(contentType string) []string {
	return []string{"Transfer-Encoding: chunked", "Content-Type: " + contentType}
}

func chunk(body string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) }

// gzipBomb has some thousand bytes that become sixteen million.
var gzipBomb = sync.OnceValue(func() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.CopyN(w, blanks{}, 16<<20)
	_ = w.Close() // writing into memory
	return b.String()
})

// blanks reads as blanks without end.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestMalformedRequestsAreRefusedWithTheirCodes(t *testing.T) {
	config := app.Default()
	config.App.MaxBody, config.Group.MaxBody, config.Oss.MaxBody = maxTestBody, maxTestBody, maxTestBody
	everywhereWith(t, config, func(t *testing.T, w *world) {
		alice := w.user()
		t.Run("routes", func(t *testing.T) {
			for _, tb := range tables {
				t.Run(tb.route, func(t *testing.T) {
					for _, m := range misshapes(t, &tb) {
						lines := slices.Concat([]string{"POST " + tb.route + " HTTP/1.1", "Host: parley.example", "FZM-SIGNATURE: " + alice.token()}, m.head)
						c := dial(t, w.site.gatewayOf(tb.route)).write(head(lines...)).write(m.body)
						if m.cut {
							c.end()
						}
						a := c.answer()
						if a.status != m.status || a.Result != m.result || string(a.Data) != "null" && a.Result != fault.OK {
							t.Errorf("%s is answered with status %d and %s, want %d and %d", m.name, a.status, a.body, m.status, m.result)
						}
						c.Close()
					}
				})
			}
		})
		// Whatever came, it lives on.
		alice.send(text(string(alice.uid()), "still there"))
		if got := alice.sync(0, 10); len(got) != 1 {
			t.Fatalf("in the end alice syncs %v, want one message", got)
		}
	})
}

// What is not even HTTP is refused by the server below the gateways.
func TestWhatIsNoHTTPDoesNoHarm(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for name, request := range map[string]string{
			"nonsense":            "hello\r\n\r\n",
			"TLS":                 "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
			"two lengths":         head("POST /app/user/login HTTP/1.1", "Host: x", "Content-Length: 2", "Content-Length: 3") + "{}",
			"a negative length":   head("POST /app/user/login HTTP/1.1", "Host: x", "Content-Length: -2"),
			"no host":             head("POST /app/user/login HTTP/1.1", "Content-Length: 0"),
			"a header of a MiB":   head("POST /app/user/login HTTP/1.1", "Host: x", "FZM-SIGNATURE: "+long(1<<20)),
			"a header with a NUL": head("POST /app/user/login HTTP/1.1", "Host: x", "FZM-UUID: a\x00b"),
			"HTTP of tomorrow":    head("POST /app/user/login HTTP/7.0", "Host: x"),
		} {
			c := dial(t, w.site.app).write(request)
			res, err := http.ReadResponse(c.reader, nil)
			if err != nil {
				continue // hanging up is an answer too
			}
			res.Body.Close()
			if res.StatusCode < 400 || res.StatusCode >= 500 && res.StatusCode != http.StatusHTTPVersionNotSupported {
				t.Errorf("%s is answered with status %d", name, res.StatusCode)
			}
		}
		for name, token := range map[string]string{
			"a token of 60 KiB":     long(60 << 10),
			"a token of #":          strings.Repeat("#", 1000),
			"a token that is UTF-8": "签名#1655716335340*#" + long(66),
			"a token of bytes":      "\xff\xfe\xfd",
		} {
			a := dial(t, w.site.app).write(head("POST /app/user/login HTTP/1.1", "Host: x", "FZM-SIGNATURE: "+token, "Content-Length: 0")).answer()
			if a.status != http.StatusOK || a.Result != fault.BadSignature {
				t.Errorf("%s is answered with status %d and %s", name, a.status, a.body)
			}
		}
		w.user().send(text("bob", "still there"))
	})
}
