// Package scratch keeps bytes on disk for as long as a request lasts: bodies whose
// length has to be known before they can be passed on. All of them together are
// bounded, and nothing is left of them when the process dies.
package scratch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"parley/pkg/fault"
)

// Folder is a folder for scratch files.
type Folder struct {
	path string
	max  int64
	used atomic.Int64
}

// Open returns the folder at path, which it makes, for at most max bytes at a time.
// It fails where no file can be made.
func Open(path string, max int64) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the scratch folder: %w", err)
	}
	f := &Folder{path: path, max: max}
	file, err := f.create()
	if err != nil {
		return nil, err
	}
	return f, file.Close()
}

// create makes a file without a name, so that it is gone with its last descriptor.
func (f *Folder) create() (*os.File, error) {
	file, err := os.CreateTemp(f.path, "scratch-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch file: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("make a scratch file: %w", err), file.Close())
	}
	return file, nil
}

// Used returns how many bytes the folder holds.
func (f *Folder) Used() int64 { return f.used.Load() }

// Desk is what one request keeps in the folder.
type Desk struct {
	folder *Folder

	mu    sync.Mutex
	files []*File
}

// Desk returns an empty desk. It is closed when the request is over.
func (f *Folder) Desk() *Desk { return &Desk{folder: f} }

type deskKey struct{}

// With returns a context in which Of finds the desk.
func With(ctx context.Context, d *Desk) context.Context { return context.WithValue(ctx, deskKey{}, d) }

// Of returns the desk of a request, or nil.
func Of(ctx context.Context) *Desk {
	d, _ := ctx.Value(deskKey{}).(*Desk)
	return d
}

// New returns an empty file.
func (d *Desk) New() (*File, error) {
	file, err := d.folder.create()
	if err != nil {
		return nil, err
	}
	s := &File{file: file, folder: d.folder}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files = append(d.files, s)
	return s, nil
}

// Spare returns an empty file for size bytes that could be done without, or nil
// where they would take the room of those that cannot: half of the folder is theirs.
func (d *Desk) Spare(size int64) *File {
	if d.folder.used.Load()+size > d.folder.max/2 {
		return nil
	}
	f, err := d.New()
	if err != nil {
		return nil
	}
	return f
}

// Close removes all files of the desk.
func (d *Desk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, f := range d.files {
		errs = append(errs, f.close())
	}
	d.files = nil
	return errors.Join(errs...)
}

// File is bytes on a desk. It is written once and then read as often as needed.
type File struct {
	file   *os.File
	folder *Folder
	size   int64
}

// Write implements io.Writer. When the folder is full it is fault.Overloaded.
func (f *File) Write(p []byte) (int, error) {
	n := int64(len(p))
	if f.folder.used.Add(n) > f.folder.max {
		f.folder.used.Add(-n)
		return 0, fault.Overloaded
	}
	f.size += n
	written, err := f.file.Write(p)
	if err != nil {
		err = fmt.Errorf("write a scratch file: %w", err)
	}
	return written, err
}

// Size returns how many bytes were written.
func (f *File) Size() int64 { return f.size }

// Reader returns a reader of the whole file from its start.
func (f *File) Reader() io.Reader { return io.NewSectionReader(f.file, 0, f.size) }

// Empty gives back what the file holds.
func (f *File) Empty() error {
	f.folder.used.Add(-f.size)
	f.size = 0
	return errors.Join(f.file.Truncate(0), rewind(f.file))
}

func rewind(file *os.File) error {
	_, err := file.Seek(0, io.SeekStart)
	return err
}

func (f *File) close() error {
	f.folder.used.Add(-f.size)
	return f.file.Close()
}
