package sqldb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup copies an embedded database into a new file, for its owner alone to read.
// The copy is a database by itself, as of one moment between the call and its end,
// and on disk when Backup returns. Other processes read and write on meanwhile. The
// file gets its name when it is complete; one that exists is left as it is.
func Backup(ctx context.Context, db *DB, file string) (err error) {
	if db.Dialect != SQLite {
		return errors.New("back up the database: it is not the embedded one")
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("back up the database into %s: %w", file, os.ErrExist)
	}
	copied, err := os.CreateTemp(filepath.Dir(file), ".backup-*")
	if err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	defer func() {
		err = errors.Join(err, copied.Close(), os.Remove(copied.Name()))
	}()
	// VACUUM INTO takes a file that is empty, and does not wait for the disk.
	if _, err := db.writer.ExecContext(ctx, "VACUUM INTO ?", copied.Name()); err != nil {
		return fmt.Errorf("back up the database into %s: %w", file, err)
	}
	if err := copied.Sync(); err != nil {
		return fmt.Errorf("back up the database into %s: %w", file, err)
	}
	if err := os.Link(copied.Name(), file); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	return syncFolder(filepath.Dir(file))
}

// syncFolder puts the names in a folder on disk.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
