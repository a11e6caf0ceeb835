package put

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// stateFile is the file of a state, which this process has locked. The lock is the
// kernel's and ends with the process, however it ends. It is on a file beside the
// state, as each write of the state makes another file of it.
type stateFile struct {
	path string
	lock *os.File
}

// openState locks a state, which need not be there.
func openState(path string) (*stateFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("keep how far the upload is: %w; choose another file with -state", err)
	}
	for {
		lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("keep how far the upload is: %w; choose another file with -state", err)
		}
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			defer lock.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, errors.New("another process is at this upload")
			}
			return nil, fmt.Errorf("lock %s: %w", lock.Name(), err)
		}
		// Who had it before may have removed it after it was opened here: then the
		// lock is on a file that nobody else will find.
		if same(lock) {
			return &stateFile{path, lock}, nil
		}
		lock.Close()
	}
}

// same reports whether an open file is still the one of its name.
func same(f *os.File) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Name())
	return err == nil && os.SameFile(open, named)
}

// save writes the state in one step: whenever the process or the machine dies, the
// file has this state or the one before.
func (f *stateFile) save(s *state) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := f.write(text); err != nil {
		return fmt.Errorf("keep how far the upload is: %w", err)
	}
	return nil
}

func (f *stateFile) write(text []byte) error {
	draft, err := os.OpenFile(f.draft(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = draft.Write(text)
	if err == nil {
		err = draft.Sync()
	}
	if err := errors.Join(err, draft.Close()); err != nil {
		return err
	}
	return os.Rename(f.draft(), f.path)
}

// draft is where a state is written before it gets its name. A process that is
// killed leaves it behind, and the next one writes it again.
func (f *stateFile) draft() string { return f.path + ".new" }

// remove removes the state of an upload that is over.
func (f *stateFile) remove() error {
	for _, name := range []string{f.draft(), f.path} {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// close gives the upload to others. The file of the lock goes first, while nobody
// else can have the lock.
func (f *stateFile) close() error {
	return errors.Join(os.Remove(f.lock.Name()), f.lock.Close())
}
