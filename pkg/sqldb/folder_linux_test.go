package sqldb_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"parley/pkg/sqldb"
)

func TestAFolderThatCannotBeWrittenIsSaidClearly(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() {
		// Linux asks each thread for its rights to files: this goroutine's
		// thread gives up root's, and ends with the goroutine.
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			const nobody = 65534
			syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0)
		}
		db, err := sqldb.Open(context.Background(), sqldb.Config{}, filepath.Join(folder, "parley.db"))
		if err == nil {
			err = errors.Join(errors.New("it opened"), db.Close())
		}
		result <- err
	}()
	text := (<-result).Error()
	if !strings.Contains(text, "the data folder "+folder+" cannot be written") || !strings.Contains(text, "permission denied") {
		t.Errorf("the error is %q", text)
	}
}
