package sqldb_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
)

// Everybody who writes two rows in one transaction finds both in a backup, or none.
func TestABackupIsOfOneMoment(t *testing.T) {
	t.Parallel()
	cfg, file := sqldbtest.File(t)
	db := sqldbtest.Open(t, cfg, file)
	stop, done := make(chan struct{}), make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		written := sync.OnceFunc(func() { close(begun) })
		for pos := 1; ; pos += 2 {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			tx, err := db.WriterSQL().Begin()
			if err == nil {
				for _, p := range []int{pos, pos + 1} {
					_, e := tx.Exec(insertEvent, p, "scope", fmt.Sprint(p), []byte("body"))
					err = errors.Join(err, e)
				}
				_, e := tx.Exec("UPDATE log_position SET pos = ?", pos+1)
				err = errors.Join(err, e, tx.Commit())
			}
			written()
			if err != nil {
				done <- err
				return
			}
		}
	}()
	<-begun
	// As another process, which has the database open too.
	other, err := sqldb.Open(t.Context(), cfg, file)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, name := range []string{"first.db", "second.db"} {
		kept := filepath.Join(t.TempDir(), name)
		if err := sqldb.Backup(t.Context(), other, kept); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the copy is %v, %v", info.Mode(), err)
		}
		copied := sqldbtest.Open(t, sqldb.Config{}, kept)
		var head, events int
		if err := copied.ReaderSQL().QueryRow("SELECT pos, (SELECT COUNT(*) FROM log_event) FROM log_position").Scan(&head, &events); err != nil {
			t.Fatal(err)
		}
		if head != events || head == 0 || head%2 != 0 {
			t.Errorf("the copy has %d events and the position %d", events, head)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Errorf("writing beside a backup: %v", err)
	}
}

func TestABackupLeavesOtherFilesAlone(t *testing.T) {
	t.Parallel()
	cfg, file := sqldbtest.File(t)
	db := sqldbtest.Open(t, cfg, file)
	folder := t.TempDir()
	kept := filepath.Join(folder, "kept.db")
	if err := os.WriteFile(kept, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sqldb.Backup(t.Context(), db, kept); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a backup over a file gave %v", err)
	}
	if got, err := os.ReadFile(kept); string(got) != "mine" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if files, err := os.ReadDir(folder); len(files) != 1 {
		t.Errorf("the folder has %v, %v", files, err)
	}
}
