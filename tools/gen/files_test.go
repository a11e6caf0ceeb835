package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestGeneratedFilesAreBroughtInLine(t *testing.T) {
	t.Parallel()

	const (
		handler = "group/gateway/internal/handler/group/a_handler.go"
		logic   = "group/gateway/internal/logic/group/a_logic.go"
	)
	tests := []struct {
		name string
		have files
		want files
		then files
	}{
		{
			name: "a new file is written",
			want: files{handler: []byte("new")},
			then: files{handler: []byte("new")},
		},
		{
			name: "a changed file is written again",
			have: files{handler: []byte("old")},
			want: files{handler: []byte("new")},
			then: files{handler: []byte("new")},
		},
		{
			name: "a handler without a route is removed",
			have: files{handler: []byte("old"), "api/proto/old/v1/old.pb.go": []byte("old")},
			want: files{},
			then: files{},
		},
		{
			name: "logic is started once and then left alone",
			have: files{logic: []byte("written by hand")},
			want: files{logic: []byte("start")},
			then: files{logic: []byte("written by hand")},
		},
		{
			name: "files beside the generated ones are left alone",
			have: files{
				"group/gateway/gateway.go":          []byte("hand"),
				"group/gateway/internal/svc/svc.go": []byte("hand"),
				"api/proto/group/v1/group.proto":    []byte("hand"),
			},
			want: files{},
			then: files{
				"group/gateway/gateway.go":          []byte("hand"),
				"group/gateway/internal/svc/svc.go": []byte("hand"),
				"api/proto/group/v1/group.proto":    []byte("hand"),
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			var before []change
			for name, content := range tt.have {
				before = append(before, change{path: name, content: content})
			}
			if err := apply(root, before); err != nil {
				t.Fatal(err)
			}

			changes, err := compare(root, tt.want)
			if err != nil {
				t.Fatal(err)
			}
			if err := apply(root, changes); err != nil {
				t.Fatal(err)
			}

			got := files{}
			if err := got.read(root, "."); err != nil {
				t.Fatal(err)
			}
			if len(got) != len(tt.then) {
				t.Errorf("the project has %d files, want %d", len(got), len(tt.then))
			}
			for name, content := range tt.then {
				if string(got[name]) != string(content) {
					t.Errorf("%s is %q, want %q", name, got[name], content)
				}
			}
			again, err := compare(root, tt.want)
			if err != nil || len(again) > 0 {
				t.Errorf("a second run would change %v, %v", again, err)
			}
		})
	}
}

func TestTheScratchCopyHasTheWholeFolder(t *testing.T) {
	t.Parallel()
	root, scratch := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "api", "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "api", "deep", "a.api"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := copyTo(scratch, root, "api"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(scratch, "api", "deep", "a.api"))
	if err != nil || !slices.Equal(got, []byte("x")) {
		t.Errorf("the copy is %q, %v", got, err)
	}
}
