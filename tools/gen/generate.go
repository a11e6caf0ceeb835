package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	apiformat "github.com/zeromicro/go-zero/tools/goctl/api/format"
	"github.com/zeromicro/go-zero/tools/goctl/api/gogen"
	"github.com/zeromicro/go-zero/tools/goctl/api/parser"
	"github.com/zeromicro/go-zero/tools/goctl/api/spec"
	"github.com/zeromicro/go-zero/tools/goctl/util/pathx"

	"parley/tools/openapi"
)

// gateway is a goctl project: the contract that it implements and its folder.
type gateway struct {
	contract string
	dir      string
}

var gateways = []gateway{
	{contract: "api/app.api", dir: "app/gateway"},
	{contract: "api/group.api", dir: "group/gateway"},
	{contract: "api/oss.api", dir: "oss/gateway"},
}

// generate makes all files in scratch and returns them by their path in the
// project.
func generate(root, scratch string) (files, error) {
	want := files{}
	// goctl finds the module's name in go.mod and rewrites the .api files
	// in its format, so it gets copies of both.
	for _, name := range []string{"go.mod", "api"} {
		if err := copyTo(scratch, root, name); err != nil {
			return nil, err
		}
	}
	specs, err := generateGateways(root, scratch, want)
	if err != nil {
		return nil, err
	}
	codes, err := openapi.ReadCodes(filepath.Join(root, "pkg/fault/code.go"))
	if err != nil {
		return nil, err
	}
	document, err := openapi.Generate(specs, codes)
	if err != nil {
		return nil, err
	}
	want["api/openapi.json"] = document
	return want, generateProto(root, scratch, want)
}

// generateGateways runs goctl on every contract. Of the project that goctl
// makes, only handlers, types and logic are of use here; configuration and
// main function are Parley's own.
func generateGateways(root, scratch string, want files) ([]*spec.ApiSpec, error) {
	templates, err := filepath.Abs(filepath.Join(root, "deploy/goctl"))
	if err != nil {
		return nil, err
	}
	pathx.RegisterGoctlHome(templates)

	contracts, err := filepath.Glob(filepath.Join(scratch, "api", "*.api"))
	if err != nil {
		return nil, err
	}
	for _, c := range contracts {
		if err := apiformat.ApiFormatByPath(c, false); err != nil {
			return nil, fmt.Errorf("format %s: %w", filepath.Base(c), err)
		}
		if err := want.read(scratch, filepath.Join("api", filepath.Base(c))); err != nil {
			return nil, err
		}
	}
	var specs []*spec.ApiSpec
	for _, g := range gateways {
		contract := filepath.Join(scratch, g.contract)
		s, err := parser.Parse(contract)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", g.contract, err)
		}
		specs = append(specs, s)
		if err := gogen.DoGenProject(contract, filepath.Join(scratch, g.dir), "go_zero", false); err != nil {
			return nil, fmt.Errorf("run goctl on %s: %w", g.contract, err)
		}
		for _, part := range []string{"handler", "types", "logic"} {
			if err := want.read(scratch, filepath.Join(g.dir, "internal", part)); err != nil {
				return nil, err
			}
		}
	}
	for name, content := range want {
		if startOnly(name) {
			want[name] = bytes.Replace(content, logxImport, []byte("\n"), 1)
		}
	}
	return specs, nil
}

// logxImport is what goctl always imports in logic, with the lines around it.
// Logic only translates, so that it has nothing to log.
var logxImport = []byte("\n\n\t\"github.com/zeromicro/go-zero/core/logx\"\n")

// generateProto runs buf. Its plugins are named in buf.gen.yaml.
func generateProto(root, scratch string, want files) error {
	out := filepath.Join(scratch, "proto")
	cmd := exec.Command("go", "tool", "-modfile=tools/go.mod", "buf", "generate", "api/proto",
		"--template", "api/proto/buf.gen.yaml", "--output", out)
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run buf generate: %w\n%s", err, text)
	}
	return filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(out, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		want[filepath.ToSlash(filepath.Join("api/proto", rel))] = content
		return err
	})
}

// copyTo copies the file or folder name of root into scratch.
func copyTo(scratch, root, name string) error {
	return filepath.WalkDir(filepath.Join(root, name), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(scratch, rel), 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(scratch, rel), content, 0o644)
	})
}
