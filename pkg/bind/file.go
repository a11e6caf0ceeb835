package bind

import (
	"context"
	"io"
	"mime/multipart"

	"parley/pkg/fault"
)

// FilePart is the file part of a multipart request.
type FilePart struct {
	// Reader gives the content. Of a stream it ends with an error instead of
	// io.EOF when the body was cut off or breaks the form of the request.
	io.Reader
	// Name and ContentType are what the client said, often nothing.
	Name        string
	ContentType string

	data []byte
}

// Bytes returns the content of a part that is held in memory, as that of a
// message is, and nil of a stream.
func (f *FilePart) Bytes() []byte { return f.data }

func newFilePart(part *multipart.Part, content io.Reader) *FilePart {
	return &FilePart{Reader: content, Name: part.FileName(), ContentType: part.Header.Get("Content-Type")}
}

type fileKey struct{}

// File returns the file part of the request that ctx was made for by Parse.
func File(ctx context.Context) (*FilePart, bool) {
	file, ok := ctx.Value(fileKey{}).(*FilePart)
	return file, ok
}

// upload reads a file part and, at its end, the rest of the body. It was
// handed on before the whole body was seen, so this is the place where a body
// without its closing boundary is noticed, and a field that comes after the
// file and would have been missed.
type upload struct {
	part *multipart.Part
	form *multipartForm
	end  error // how reading ended
}

func (u *upload) Read(p []byte) (int, error) {
	if u.end != nil {
		return 0, u.end
	}
	n, err := u.part.Read(p)
	switch {
	case err == io.EOF:
		u.end = u.finish()
	case err != nil:
		u.end = unreadable(err)
	}
	return n, u.end
}

// finish reads past what follows the part. It returns io.EOF if that is the
// closing boundary, behind nothing but parts that no route knows.
func (u *upload) finish() error {
	for {
		part, err := u.form.reader.NextRawPart()
		if err == io.EOF {
			return io.EOF
		}
		if err != nil {
			return unreadable(err)
		}
		name := part.FormName()
		if _, known := u.form.plan.byName[name]; known || name == u.form.plan.stream {
			return fault.Invalid(name, "came after the file")
		}
	}
}
