// Command gen makes what follows from the contracts in api/: the handlers and
// types of the three gateways, the protobuf packages, and openapi.json. It
// makes everything in a scratch folder first and then brings the project in
// line with it, so that a second run changes nothing and a failed run changes
// nothing either.
//
//	go -C tools run ./gen          bring the project in line
//	go -C tools run ./gen -check   only say what is out of line, and fail
//
// It belongs to the tools module, because it uses goctl as a library and goctl
// must not become a dependency of the product.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	root := flag.String("root", "..", "folder of the project")
	check := flag.Bool("check", false, "change nothing, fail when something is out of line")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	scratch, err := os.MkdirTemp("", "parley-gen-")
	if err != nil {
		return fmt.Errorf("make a scratch folder: %w", err)
	}
	defer os.RemoveAll(scratch)

	want, err := generate(root, scratch)
	if err != nil {
		return err
	}
	changes, err := compare(root, want)
	if err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Println(c)
	}
	if !check {
		return apply(root, changes)
	}
	if len(changes) > 0 {
		return errors.New("generated files are out of date, run make gen")
	}
	return nil
}
