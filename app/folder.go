package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"parley/pkg/launch"
)

// folder is the data folder of this process, which holds a lock on it. The
// lock is the kernel's and ends with the process, however it ends; the file
// stays.
type folder struct{ lock *os.File }

// openFolder makes the folder if need be and locks it. Two processes on one
// SQLite file would be slow but right; two object stores on one folder would
// not be.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, unusable(path, err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unusable(path, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("data folder %s is used by another process%s; stop that one, or choose another folder with -data", path, owner(lock))
		}
		return nil, fmt.Errorf("lock the data folder %s: %w", path, err)
	}
	f := &folder{lock}
	if err := f.sign(); err != nil {
		return nil, errors.Join(unusable(path, err), f.Close())
	}
	return f, nil
}

func unusable(path string, err error) error {
	return fmt.Errorf("data folder %s cannot be used: %w; make it writable, or choose another folder with -data", path, err)
}

// sign writes into the lock whose it is, for the message that the next one
// gets.
func (f *folder) sign() error {
	if err := f.lock.Truncate(0); err != nil {
		return err
	}
	_, err := f.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func owner(lock *os.File) string {
	text := make([]byte, 20)
	n, _ := lock.ReadAt(text, 0)
	if pid := strings.TrimSpace(string(text[:n])); pid != "" {
		return " (" + pid + ")"
	}
	return ""
}

// Close gives the folder to others.
func (f *folder) Close() error { return f.lock.Close() }

// startFolder is the module "folder".
func (a *App) startFolder(context.Context) (launch.Stop, error) {
	f, err := openFolder(a.config.Data)
	if err != nil {
		return nil, err
	}
	return func(context.Context) error { return f.Close() }, nil
}
