// Package local keeps objects in a folder: the provider for who has no cloud.
//
// A Store is a provider's server, its SDK and its client in one. The service and
// the gateway may each have one on the same folder, in processes of their own:
// nothing that matters is kept in memory, and nothing is locked.
//
// # Files
//
// Below the folder there is one folder for every bucket, named by the SHA-256 of
// the bucket's name, with
//
//	objects/ab/abcd…       an object, named by the SHA-256 of its key
//	uploads/0123…/about    an upload in parts
//	uploads/0123…/00007    its part 7
//	uploads/0123….done     an upload that has just been completed
//	tmp/…                  what is being written or removed
//
// Names are hashes since a key may have any bytes, be longer than a file's name,
// and be the folder of another key.
//
// # Half objects
//
// There are none, whenever a process is killed or the power fails. A file holds its
// content and, behind it, a label with the key, the content type, the size and the
// ETag. It is written in tmp, flushed to the disk, and renamed to its name, which
// replaces what was there in one step. So content and label become visible as one,
// which a label in a file of its own could not, and whoever reads the old file reads
// on in it. The label is behind the content and not before it because size and
// ETag are known last, and so that offsets in the file are those in the object,
// which lets the kernel send a file to a socket by itself.
package local

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"parley/oss"
)

// Only the process's own user reads the files: whoever may read an object gets it
// by its URL, but nobody gets a list of them.
const (
	folderMode = 0o700
	fileMode   = 0o600
)

// Options are what a Store may be told.
type Options struct {
	// Failed is told why a reader was answered with 500. It may be nil.
	Failed func(error)
}

// Store is a folder of buckets. It is an oss.Carrier for what its buckets sign, and
// an http.Handler for reading objects.
type Store struct {
	folder string
	failed func(error)
	// flushed are the folders that this process knows to survive a power failure.
	flushed sync.Map
}

var _ oss.Carrier = (*Store)(nil)

// Open returns the store in a folder, which it makes if it is not there.
func Open(folder string, o Options) (*Store, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("open the object store: %w", err)
	}
	if err := os.MkdirAll(folder, folderMode); err != nil {
		return nil, fmt.Errorf("open the object store: %w", err)
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	return &Store{folder: folder, failed: o.Failed}, nil
}

// Bucket returns the bucket of a name, which has 1 to 255 bytes. Its objects are
// read below publicURL, or, where that is empty, at the origin that a client came
// by.
func (s *Store) Bucket(name, publicURL string) oss.Provider {
	return &bucket{name: name, publicURL: publicURL, root: s.root(name)}
}

// root is where the files of a bucket are.
type root struct {
	*Store
	path string
}

func (s *Store) root(bucket string) root { return root{s, filepath.Join(s.folder, hashName(bucket))} }

func (r root) object(key oss.Key) string {
	name := hashName(string(key))
	return filepath.Join(r.path, "objects", name[:2], name)
}

func (r root) tmp() string     { return filepath.Join(r.path, "tmp") }
func (r root) uploads() string { return filepath.Join(r.path, "uploads") }

func hashName(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// in does something in a folder, which is made if it is not there.
func (s *Store) in(folder string, do func() error) error {
	if err := s.ready(folder); err != nil {
		return err
	}
	err := do()
	if errors.Is(err, fs.ErrNotExist) {
		// Somebody may have emptied the store meanwhile.
		s.flushed.Clear()
		if err := s.ready(folder); err != nil {
			return err
		}
		err = do()
	}
	return err
}

// ready makes a folder and those above it, up to the store's, and flushes their
// names to the disk: even those that were there, since who made them may have died
// before he did that.
func (s *Store) ready(folder string) error {
	if _, ok := s.flushed.Load(folder); ok {
		return nil
	}
	if folder == s.folder {
		if err := os.MkdirAll(folder, folderMode); err != nil {
			return err
		}
	} else {
		if err := s.ready(filepath.Dir(folder)); err != nil {
			return err
		}
		if err := os.Mkdir(folder, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := syncFolder(filepath.Dir(folder)); err != nil {
		return err
	}
	s.flushed.Store(folder, nil)
	return nil
}

// syncFolder flushes the names in a folder to the disk.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// broken is the error for when the disk does not do what it should.
func broken(op string, err error) error {
	return &oss.ProviderError{Provider: oss.Local, Op: op, Status: 500, Code: "InternalError", Err: err}
}

// refusal is the error for what nobody may do.
func refusal(op string, status int, code, why string) error {
	return &oss.ProviderError{Provider: oss.Local, Op: op, Status: status, Code: code, Err: errors.New(why)}
}
