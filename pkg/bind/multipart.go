package bind

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"parley/pkg/fault"
	"parley/pkg/scratch"
)

const (
	// maxMessage bounds a file part that is held in memory. The limit of a
	// message is the record service's and far lower; this one protects the
	// gateway.
	maxMessage = 1 << 20
	// maxTexts bounds the text fields of one multipart body together.
	maxTexts = 1 << 20
)

// multipartForm is a multipart body while it is read, part by part. Go's own
// ParseMultipartForm would not do: it takes a part without a file name for a
// text, and clients leave the name out.
type multipartForm struct {
	plan     *plan
	into     reflect.Value
	source   *source // nil where the route takes no stream
	boundary string
	desk     *scratch.Desk
	reader   *multipart.Reader
	values   url.Values
	fields   int // how many came
	texts    int // bytes in values
	file     *FilePart
	// done is set when the rest of the body is left to who reads the file.
	done bool
}

// parseMultipart fills into from a multipart body and returns its file part,
// if the route takes one and it came.
//
// A message is read whole, and so is the rest of the body, so that one that
// was cut off is refused. A stream is handed on unread as soon as all required
// fields have come. Where the file comes before them it is kept on the request's
// desk, so that memory does not grow.
func (p *plan) parseMultipart(into reflect.Value, r *http.Request) (*FilePart, error) {
	m := &multipartForm{plan: p, into: into, desk: scratch.Of(r.Context()), values: make(url.Values)}
	r.Body = &unclosed{ReadCloser: r.Body}
	if p.stream != "" {
		m.source = newSource(r.Body, r.ContentLength)
		r.Body = io.NopCloser(m.source)
	}
	var err error
	if m.reader, err = r.MultipartReader(); err != nil {
		return nil, fault.Invalid("Content-Type", "has no multipart boundary")
	}
	_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	m.boundary = params["boundary"]
	if err := m.takeRest(); err != nil {
		return nil, err
	}
	if m.source != nil && !m.done {
		m.source.release()
	}
	if err := m.bind(); err != nil {
		return nil, err
	}
	if p.file != nil && m.file == nil {
		return nil, fault.Invalid(p.file.name, "is missing")
	}
	return m.file, nil
}

// takeRest takes part after part, up to the end of the body or to a file that is
// handed on as a stream.
func (m *multipartForm) takeRest() error {
	for !m.done {
		// Raw, because what came is handed on byte for byte. The comparison
		// is without errors.Is because the reader returns io.EOF itself behind
		// the closing boundary, and wraps it where the body was cut off.
		part, err := m.reader.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return unreadable(err)
		}
		if err := m.take(part); err != nil {
			return err
		}
	}
	return nil
}

func (m *multipartForm) bind() error { return m.plan.bindForm(m.into, m.values) }

// content returns the file part that was found as a reader of its own. Go's would
// read 4 KiB at a time.
func (m *multipartForm) content() *content { return newContent(m.source, m.boundary) }

// restart goes on behind the content of a file part. A new reader learns from its
// first boundary how lines end, and expects \r\n where that is the last one; in a
// body of bare line breaks it gets a part of nothing first.
func (m *multipartForm) restart() {
	var rest io.Reader = m.source
	if m.source.lineBreak == "\n" {
		rest = io.MultiReader(strings.NewReader("--"+m.boundary+"\n\n\n"), rest)
	}
	m.reader = multipart.NewReader(rest, m.boundary)
}

// takeStream keeps the file or hands it on.
func (m *multipartForm) takeStream(part *multipart.Part) (err error) {
	if m.file != nil {
		return fault.Invalid(m.plan.stream, "came twice")
	}
	if !m.complete() {
		m.file, err = m.keep(part)
		return err
	}
	m.done = true
	stream := &upload{form: m, content: m.content()}
	m.file = newFilePart(part, stream)
	m.file.Size, m.file.stream = m.source.left(m.boundary), stream
	return nil
}

// unclosed is a body that breaks off behind its last byte. The reader of
// multipart stops at the closing boundary and never gets there; without one it
// would take an end in the head of a part for the end of all parts.
//
// Clients may leave out the line break behind the closing boundary, and the reader
// looks for it: a body that ends in a hyphen gets one more, such as the first one
// that it has.
type unclosed struct {
	io.ReadCloser
	last      byte
	lineBreak string // "" until there is one
	more      string // that is left of the one more
	ended     bool
}

// Read implements io.Reader.
func (u *unclosed) Read(p []byte) (int, error) {
	if u.ended {
		return u.end(p)
	}
	n, err := u.ReadCloser.Read(p)
	if n > 0 {
		u.look(p[:n])
	}
	if err != io.EOF {
		return n, err
	}
	u.ended = true
	if u.last == '-' {
		u.more = u.lineBreak
	}
	if n > 0 {
		return n, nil
	}
	return u.end(p)
}

// end gives the line break that the body lacks, and then breaks off.
func (u *unclosed) end(p []byte) (int, error) {
	if u.more == "" {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, u.more)
	u.more = u.more[n:]
	return n, nil
}

// look finds the first line break and notes the last byte.
func (u *unclosed) look(read []byte) {
	if at := bytes.IndexByte(read, '\n'); u.lineBreak == "" && at >= 0 {
		before := u.last
		if at > 0 {
			before = read[at-1]
		}
		if u.lineBreak = "\n"; before == '\r' {
			u.lineBreak = "\r\n"
		}
	}
	u.last = read[len(read)-1]
}

// take keeps a part that the plan knows and leaves every other one unread.
func (m *multipartForm) take(part *multipart.Part) error {
	if m.plan.stream != "" && part.FormName() == m.plan.stream {
		return m.takeStream(part)
	}
	i, ok := m.plan.byName[part.FormName()]
	if !ok {
		return nil
	}
	if f := &m.plan.fields[i]; f.message {
		return m.takeMessage(f, part)
	}
	name := part.FormName()
	if f := &m.plan.fields[i]; len(m.values[name]) >= f.longest() {
		return answer(at(name, f.tooLong()))
	}
	text, err := io.ReadAll(io.LimitReader(part, int64(maxTexts-m.texts)+1))
	if err != nil {
		return unreadable(err)
	}
	if m.texts += len(text); m.texts > maxTexts {
		return fault.Invalid(name, "is too long")
	}
	m.values[name] = append(m.values[name], string(text))
	m.fields++
	return nil
}

func (m *multipartForm) takeMessage(f *field, part *multipart.Part) error {
	if m.file != nil {
		return fault.Invalid(f.name, "came twice")
	}
	data, err := io.ReadAll(io.LimitReader(part, maxMessage+1))
	switch {
	case err != nil:
		return unreadable(err)
	case len(data) == 0:
		return fault.Failed
	case len(data) > maxMessage:
		return fault.Invalid(f.name, "is longer than %d bytes", maxMessage)
	}
	m.file = newFilePart(part, bytes.NewReader(data))
	m.file.data, m.file.Size = data, int64(len(data))
	return nil
}

// complete reports whether all required fields have come.
func (m *multipartForm) complete() bool {
	var seen uint64
	for name := range m.values {
		seen |= 1 << m.plan.byName[name]
	}
	return m.plan.required&^seen == 0
}
