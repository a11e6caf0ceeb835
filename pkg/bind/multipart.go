package bind

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"reflect"

	"parley/pkg/fault"
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
	plan    *plan
	reader  *multipart.Reader
	values  url.Values
	texts   int // bytes in values
	message *FilePart
}

// parseMultipart fills into from a multipart body and returns its file part,
// if the route takes one and it came.
//
// A message is read whole, and so is the rest of the body, so that one that
// was cut off is refused. A stream is handed on unread as soon as all required
// fields have come. Where the file comes before them it is read past and not
// handed on: the fields still bind, File reports no file, and memory does not
// grow.
func (p *plan) parseMultipart(into reflect.Value, r *http.Request) (*FilePart, error) {
	r.Body = &unclosed{ReadCloser: r.Body}
	reader, err := r.MultipartReader()
	if err != nil {
		return nil, fault.Invalid("Content-Type", "has no multipart boundary")
	}
	m := &multipartForm{plan: p, reader: reader, values: make(url.Values)}
	for {
		// Raw, because what came is handed on byte for byte. The comparison
		// is without errors.Is because the reader returns io.EOF itself behind
		// the closing boundary, and wraps it where the body was cut off.
		part, err := reader.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, unreadable(err)
		}
		if p.stream != "" && part.FormName() == p.stream && m.complete() {
			if err := p.bindForm(into, m.values); err != nil {
				return nil, err
			}
			return newFilePart(part, &upload{part: part, form: m}), nil
		}
		if err := m.take(part); err != nil {
			return nil, err
		}
	}
	if err := p.bindForm(into, m.values); err != nil {
		return nil, err
	}
	if p.file != nil && m.message == nil {
		return nil, fault.Invalid(p.file.name, "is missing")
	}
	return m.message, nil
}

// unclosed is a body that breaks off behind its last byte. The reader of
// multipart stops at the closing boundary and never gets there; without one it
// would take an end in the head of a part for the end of all parts.
type unclosed struct {
	io.ReadCloser
	last byte
}

// Read implements io.Reader.
func (u *unclosed) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if n > 0 {
		u.last = p[n-1]
	}
	switch {
	case err != io.EOF:
		return n, err
	case n > 0:
		return n, nil
	case u.last == '-' && len(p) > 0:
		// Clients may leave out the line break behind the closing boundary,
		// and the reader looks for it.
		u.last = '\n'
		p[0] = '\n'
		return 1, nil
	}
	return 0, io.ErrUnexpectedEOF
}

// take keeps a part that the plan knows and leaves every other one unread.
func (m *multipartForm) take(part *multipart.Part) error {
	i, ok := m.plan.byName[part.FormName()]
	if !ok {
		return nil
	}
	if f := &m.plan.fields[i]; f.message {
		return m.takeMessage(f, part)
	}
	name := part.FormName()
	if len(m.values[name]) >= maxList {
		return answer(at(name, errListTooLong()))
	}
	text, err := io.ReadAll(io.LimitReader(part, int64(maxTexts-m.texts)+1))
	if err != nil {
		return unreadable(err)
	}
	if m.texts += len(text); m.texts > maxTexts {
		return fault.Invalid(name, "is too long")
	}
	m.values[name] = append(m.values[name], string(text))
	return nil
}

func (m *multipartForm) takeMessage(f *field, part *multipart.Part) error {
	if m.message != nil {
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
	m.message = newFilePart(part, bytes.NewReader(data))
	m.message.data = data
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
