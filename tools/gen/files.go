package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// files are contents by their slash-separated path in the project.
type files map[string][]byte

// read adds the file or the files of the folder name below dir.
func (f files) read(dir, name string) error {
	return filepath.WalkDir(filepath.Join(dir, name), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		f[filepath.ToSlash(rel)] = content
		return nil
	})
}

// change is one step that brings the project in line: writing a file, or
// removing one when content is nil.
type change struct {
	path    string
	content []byte
}

func (c change) String() string {
	if c.content == nil {
		return "remove " + c.path
	}
	return "write " + c.path
}

// owned reports whether every file at this path is generated, so that one
// which is not wanted any more has to go.
func owned(name string) bool {
	if strings.HasPrefix(name, "api/proto/") {
		return strings.HasSuffix(name, ".pb.go")
	}
	for _, g := range gateways {
		if strings.HasPrefix(name, g.dir+"/internal/handler/") || strings.HasPrefix(name, g.dir+"/internal/types/") {
			return true
		}
	}
	return false
}

// startOnly reports whether a file is only given a start: logic is written by
// hand once goctl has made the first version, and never touched again.
func startOnly(name string) bool {
	for _, g := range gateways {
		if strings.HasPrefix(name, g.dir+"/internal/logic/") {
			return true
		}
	}
	return false
}

// compare returns what has to change in root until it has want, in the order
// of the paths.
func compare(root string, want files) ([]change, error) {
	var changes []change
	have := files{}
	for _, dir := range ownedDirs() {
		err := have.read(root, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read %s: %w", dir, err)
		}
	}
	for name := range have {
		if _, ok := want[name]; !ok && owned(name) {
			changes = append(changes, change{path: name})
		}
	}
	for name, content := range want {
		old, err := os.ReadFile(filepath.Join(root, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case startOnly(name) || bytes.Equal(old, content):
			continue
		}
		changes = append(changes, change{path: name, content: content})
	}
	slices.SortFunc(changes, func(a, b change) int { return strings.Compare(a.path, b.path) })
	return changes, nil
}

func ownedDirs() []string {
	dirs := []string{"api/proto"}
	for _, g := range gateways {
		dirs = append(dirs, path.Join(g.dir, "internal/handler"), path.Join(g.dir, "internal/types"))
	}
	return dirs
}

// apply makes the changes in root.
func apply(root string, changes []change) error {
	for _, c := range changes {
		name := filepath.Join(root, filepath.FromSlash(c.path))
		if c.content == nil {
			if err := os.Remove(name); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, c.content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
