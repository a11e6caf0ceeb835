package bind_test

import "io"

// rewinder is a body that a benchmark reads again and again.
type rewinder struct {
	data []byte
	at   int
}

func (r *rewinder) Read(p []byte) (int, error) {
	if r.at == len(r.data) {
		return 0, io.EOF
	}
	n := copy(p, r.data[r.at:])
	r.at += n
	return n, nil
}

func (r *rewinder) Close() error { return nil }
