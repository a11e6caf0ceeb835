package scratch_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/pkg/fault"
	"parley/pkg/scratch"
)

func open(t *testing.T, max int64) (folder *scratch.Folder, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "made", "when needed")
	folder, err := scratch.Open(path, max)
	if err != nil {
		t.Fatal(err)
	}
	return folder, path
}

func newFile(t *testing.T, d *scratch.Desk, content string) *scratch.File {
	t.Helper()
	f, err := d.New()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, content); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAFileIsReadAsOftenAsNeeded(t *testing.T) {
	t.Parallel()
	folder, _ := open(t, 100)
	desk := folder.Desk()
	f := newFile(t, desk, "some ")
	if _, err := io.WriteString(f, "bytes"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := io.ReadAll(f.Reader()); err != nil || string(got) != "some bytes" || f.Size() != 10 {
			t.Errorf("read %q of %d bytes, error %v", got, f.Size(), err)
		}
	}
	if err := desk.Close(); err != nil {
		t.Error(err)
	}
}

func TestNothingIsLeftOfADeskNorOfAProcessThatDies(t *testing.T) {
	t.Parallel()
	folder, path := open(t, 100)
	desk := folder.Desk()
	newFile(t, desk, "one")
	newFile(t, desk, "two")
	if found, err := os.ReadDir(path); err != nil || len(found) != 0 {
		t.Errorf("the folder has %v (%v), which a process that is killed would leave", found, err)
	}
	if used := folder.Used(); used != 6 {
		t.Errorf("%d bytes are used, want 6", used)
	}
	if err := desk.Close(); err != nil || folder.Used() != 0 {
		t.Errorf("%d bytes are used by nobody, error %v", folder.Used(), err)
	}
	if err := desk.Close(); err != nil {
		t.Errorf("closing it twice: %v", err)
	}
}

func TestAFullFolderIsOverloadUntilADeskIsClosed(t *testing.T) {
	t.Parallel()
	folder, _ := open(t, 10)
	first, second := folder.Desk(), folder.Desk()
	newFile(t, first, strings.Repeat("x", 6))
	f := newFile(t, second, "xxxx")
	if n, err := io.WriteString(f, "x"); !errors.Is(err, fault.Overloaded) || n != 0 {
		t.Errorf("the eleventh of ten bytes: %d written, error %v", n, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "xxxxxx"); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestADeskIsFoundInItsContext(t *testing.T) {
	t.Parallel()
	folder, _ := open(t, 10)
	desk := folder.Desk()
	if got := scratch.Of(scratch.With(context.Background(), desk)); got != desk {
		t.Errorf("found %v", got)
	}
	if got := scratch.Of(context.Background()); got != nil {
		t.Errorf("found %v where there is none", got)
	}
}

func TestAFolderThatCannotBeUsedIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := scratch.Open(file, 1); err == nil {
		t.Error("a file was taken for a folder")
	}
}
