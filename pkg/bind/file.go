package bind

import (
	"context"
	"io"
	"mime/multipart"

	"parley/pkg/scratch"
)

// FilePart is the file part of a multipart request.
type FilePart struct {
	// Reader gives the content. Of a stream it ends with an error instead of
	// io.EOF when the body was cut off or breaks the form of the request.
	io.Reader
	// Name and ContentType are what the client said, often nothing.
	Name        string
	ContentType string
	// Size is the length in bytes. Of a stream it follows from the length of the
	// request, if nothing comes after the file, and may prove wrong; -1 is unknown.
	Size int64

	data   []byte
	kept   *scratch.File
	stream *upload
}

// Bytes returns the content of a part that is held in memory, as that of a
// message is, and nil of any other.
func (f *FilePart) Bytes() []byte { return f.data }

// Kept returns the content of a part that came before the fields and waits on the
// request's desk (see pkg/scratch), and nil of any other.
func (f *FilePart) Kept() *scratch.File { return f.kept }

// Late reports whether fields came after the file. It is known when the Reader has
// ended; the request struct then holds them as well.
func (f *FilePart) Late() bool { return f.stream != nil && f.stream.late }

func newFilePart(part *multipart.Part, content io.Reader) *FilePart {
	return &FilePart{Reader: content, Name: part.FileName(), ContentType: part.Header.Get("Content-Type"), Size: -1}
}

type fileKey struct{}

// File returns the file part of the request that ctx was made for by Parse.
func File(ctx context.Context) (*FilePart, bool) {
	file, ok := ctx.Value(fileKey{}).(*FilePart)
	return file, ok
}

// upload reads a file part and, at its end, the rest of the body. It was
// handed on before the whole body was seen, so this is the place where a body
// without its closing boundary is noticed, and fields that come after the file.
type upload struct {
	content *content
	form    *multipartForm
	late    bool
	end     error // how reading ended
}

func (u *upload) Read(p []byte) (int, error) {
	if u.end != nil {
		return 0, u.end
	}
	n, err := u.content.Read(p)
	switch {
	case err == io.EOF:
		u.end = u.finish()
	case err != nil:
		u.end = unreadable(err)
	}
	return n, u.end
}

// finish reads what follows the file. It returns io.EOF if the body ends as it
// should.
func (u *upload) finish() error {
	before := u.form.fields
	u.form.restart()
	u.form.done = false
	if err := u.form.takeRest(); err != nil {
		return err
	}
	u.form.source.release()
	if u.late = u.form.fields > before; u.late {
		if err := u.form.bind(); err != nil {
			return err
		}
	}
	return io.EOF
}

// keep reads a file part that came before the fields to the request's desk. Where
// there is none, it reads past the part and returns nil.
func (m *multipartForm) keep(part *multipart.Part) (*FilePart, error) {
	body := &marked{m.content()}
	if m.desk == nil {
		_, err := io.Copy(io.Discard, body)
		m.restart()
		return nil, unmarked(err)
	}
	file, err := m.desk.New()
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(file, body); err != nil {
		return nil, unmarked(err)
	}
	m.restart()
	kept := newFilePart(part, file.Reader())
	kept.Size, kept.kept = file.Size(), file
	return kept, nil
}

// marked is a body whose errors can be told from those of what it is copied to.
type marked struct{ io.Reader }

type bodyError struct{ error }

// Read implements io.Reader.
func (m *marked) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = bodyError{err}
	}
	return n, err
}

// unmarked returns the error of a copy as an answer.
func unmarked(err error) error {
	if broken, ok := err.(bodyError); ok {
		return unreadable(broken.error)
	}
	return err
}
