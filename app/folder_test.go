package app

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestAFolderBelongsToOneProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "data")
	first, err := openFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = openFolder(path)
	if err == nil {
		t.Fatal("two hold the folder at once")
	}
	for _, want := range []string{path, "used by another process (" + strconv.Itoa(os.Getpid()) + ")", "-data"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q in it", err, want)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openFolder(path)
	if err != nil {
		t.Fatalf("a folder that was given back cannot be had: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatCannotBeMadeIsAnError(t *testing.T) {
	t.Parallel()
	file := write(t, "not a folder")
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if _, err := openFolder(path); err == nil || !strings.Contains(err.Error(), "data folder "+path+" cannot be used") {
			t.Errorf("the error is %v", err)
		}
	}
}
