package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// table is the documentation of a route by examples.
type table struct {
	route string
	// good is a request that has the right shape.
	good body
	// bare says that a request needs no field at all.
	bare bool
	// get says that GET is served as well as POST.
	get bool
	// result is how a good request ends, 0 unless it is set.
	result fault.Code
	// prefix is a second place where the route is served.
	prefix string
	// set makes what the rows speak of, and names it: $name in a path, a body
	// or an answer stands for the value. alice and bob are always there.
	set  func(*scene)
	rows []row
}

// row is one line of a table: what is sent and what comes back.
type row struct {
	name string
	// from is the token: alice's, fresh, unless it is set.
	from func(*scene) string
	// method is POST and path the route unless they are set.
	method, path string
	headers      map[string]string
	body         body

	// status is 200 unless it is set.
	status int
	result fault.Code
	// field is what -1012 blames.
	field string
	// data is the JSON of the answer, byte for byte; # stands for a number, % for
	// the key of a group, @ for the id of an upload.
	// Unless it is set, it is {} for success and null otherwise.
	data string
}

// body is what a request carries: a JSON text, a form, parts, or raw bytes.
type body interface {
	encode(expand func(string) string) (contentType string, content []byte)
}

// nothing is a body of no bytes without a content type.
type nothing struct{}

func (nothing) encode(func(string) string) (string, []byte) { return "", nil }

// jsonText is a JSON body as it is written.
type jsonText string

func (j jsonText) encode(expand func(string) string) (string, []byte) {
	return "application/json", []byte(expand(string(j)))
}

// form is an urlencoded body.
type form map[string]string

func (f form) encode(expand func(string) string) (string, []byte) {
	values := make(url.Values)
	for name, value := range f {
		values.Set(name, expand(value))
	}
	return "application/x-www-form-urlencoded", []byte(values.Encode())
}

// parts is a multipart body.
type parts []part

// part is one part of it, a file if it has a header line of its own.
type part struct{ name, header, content string }

const boundary = "parley-e2e-boundary"

func (p parts) encode(expand func(string) string) (string, []byte) {
	var b bytes.Buffer
	for _, part := range p {
		content := part.content
		if part.header == "" {
			content = expand(content)
		}
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q%s\r\n\r\n%s\r\n", boundary, part.name, part.header, content)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return "multipart/form-data; boundary=" + boundary, b.Bytes()
}

// file is the part of a file.
func file(name, content string) part {
	return part{name, "; filename=\"blob\"\r\nContent-Type: application/octet-stream", content}
}

// raw is a body of any bytes under any content type.
type raw struct {
	contentType string
	content     string
}

func (r raw) encode(func(string) string) (string, []byte) { return r.contentType, []byte(r.content) }

// scene is what a table speaks of, in a world.
type scene struct {
	*world
	alice, bob *client
	people     map[string]*client // the others
	names      map[string]string
}

func newScene(w *world) *scene {
	s := &scene{world: w, alice: w.user(), bob: w.user(), people: make(map[string]*client), names: make(map[string]string)}
	s.names["alice"], s.names["bob"] = string(s.alice.uid()), string(s.bob.uid())
	return s
}

// person is somebody who appears in the scene beside alice and bob.
func (s *scene) person(name string) {
	s.people[name] = s.user()
	s.name(name, s.people[name].uid())
}

// groupID is the group that has a name in the scene.
func (s *scene) groupID(name string) id.GID {
	s.t.Helper()
	g, err := id.ParseGID(s.names[name])
	if err != nil {
		s.t.Fatalf("$%s is no group: %v", name, err)
	}
	return g
}

// name gives a value a name for the rows.
func (s *scene) name(name string, value any) { s.names[name] = fmt.Sprint(value) }

var placeholder = regexp.MustCompile(`\$[a-z]+`)

func (s *scene) expand(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := s.names[name[1:]]
		if !ok {
			s.t.Fatalf("the table speaks of %s, which is not in its scene", name)
		}
		return value
	})
}

// run sends the request of a row and holds the answer against it.
func (s *scene) run(t *testing.T, tb *table, r row) {
	t.Helper()
	if r.method == "" {
		r.method = http.MethodPost
	}
	if r.path == "" {
		r.path = tb.route
	}
	if r.body == nil {
		r.body = tb.good
	}
	a := s.ask(t, r)
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if a.status != r.status {
		t.Errorf("the status is %d, want %d", a.status, r.status)
	}
	if want := s.envelope(r); !want.Match(a.body) {
		t.Errorf("the answer is\n%s, want\n%s", a.body, want)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("the content type of the answer is %q", got)
	}
	if got := a.header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("the answer allows the origin %q", got)
	}
}

func (s *scene) ask(t *testing.T, r row) *answer {
	t.Helper()
	contentType, content := r.body.encode(s.expand)
	var reader io.Reader
	if r.method != http.MethodGet && r.method != http.MethodHead {
		reader = bytes.NewReader(content)
	}
	req, err := http.NewRequestWithContext(t.Context(), r.method, s.site.url(s.expand(r.path)), reader)
	if err != nil {
		t.Fatal(err)
	}
	if r.from == nil {
		r.from = fresh
	}
	for name, value := range maps.All(r.headers) {
		req.Header.Set(name, value)
	}
	if token := r.from(s); token != "" {
		req.Header.Set("FZM-SIGNATURE", token)
	}
	if contentType != "" && reader != nil {
		req.Header.Set("Content-Type", contentType)
	}
	a, err := do(req)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// envelope matches the answer that a row wants, byte for byte: JSON without a
// space, in the order of the document.
func (s *scene) envelope(r row) *regexp.Regexp {
	message := regexp.QuoteMeta(r.result.Text(strings.HasPrefix(r.headers["Accept-Language"], "en")))
	if r.field != "" {
		message += ": " + regexp.QuoteMeta(r.field) + ` [^"]+`
	}
	data := r.data
	switch {
	case data != "":
	case r.result == fault.OK:
		data = "{}"
	default:
		data = "null"
	}
	data = strings.NewReplacer("#", "[0-9]+", "%", "[0-9a-f]{32}", "@", "[a-z2-7]{26}").Replace(regexp.QuoteMeta(s.expand(data)))
	return regexp.MustCompile(fmt.Sprintf(`^\{"result":%d,"message":"%s","data":%s\}$`, r.result, message, data))
}

// The tokens of rows.
func fresh(s *scene) string { return s.alice.token() }
func none(*scene) string    { return "" }
func byBob(s *scene) string { return s.bob.token() }
func old(s *scene) string   { return s.alice.key.Token(time.Now().Add(-125*time.Second), "old") }
func early(s *scene) string { return s.alice.key.Token(time.Now().Add(125*time.Second), "early") }
func garbage(*scene) string { return "no token at all" }

// forged is bob's signature under alice's name.
func forged(s *scene) string {
	_, alices, _ := strings.Cut(s.alice.token(), "#")
	bobs, _, _ := strings.Cut(s.bob.token(), "#")
	return bobs + "#" + alices
}

// moved is a good signature under another time than the one that was signed.
func moved(s *scene) string {
	signature, _, _ := strings.Cut(s.alice.key.Token(time.Now().Add(-time.Second), ""), "#")
	_, message, _ := strings.Cut(s.alice.key.Token(time.Now(), ""), "#")
	return signature + "#" + message
}
