package local

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"
)

// draft is a file that is being written in tmp.
type draft struct {
	*os.File
	placed bool
}

// newID returns 128 random bits in 32 hexadecimal digits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// draft begins a file, which is to be dropped in the end.
func (r root) draft() (*draft, error) {
	path := filepath.Join(r.tmp(), newID())
	d := new(draft)
	err := r.in(r.tmp(), func() (err error) {
		d.File, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
		return err
	})
	return d, err
}

// seal ends the file with its label and flushes it to the disk. The label gets
// the time.
func (d *draft) seal(l label) error {
	l.Time = time.Now().UnixMilli()
	b, err := l.encode()
	if err != nil {
		return err
	}
	if _, err := d.Write(b); err != nil {
		return err
	}
	return d.Sync()
}

// place gives a sealed file its name, in place of the file that has it. When it
// returns nil the file is there after a power failure too. An error that is
// fs.ErrNotExist says that there is no such folder, or that the draft has been
// swept away.
func (d *draft) place(path string) error {
	if err := os.Rename(d.Name(), path); err != nil {
		return err
	}
	d.placed = true
	return syncFolder(filepath.Dir(path))
}

// drop ends the writing and removes what has not got its name. An error of
// removing is of no use to anybody: Sweep tries it again.
func (d *draft) drop() {
	_ = d.Close()
	if !d.placed {
		_ = os.Remove(d.Name())
	}
}
