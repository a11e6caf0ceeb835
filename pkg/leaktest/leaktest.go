// Package leaktest finds goroutines that outlive what started them.
package leaktest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines may take to end after the last test.
const patience = 5 * time.Second

// Main is a TestMain that runs the tests and then fails when goroutines that
// functions of this prefix started, such as "parley/record/", are still there.
func Main(m *testing.M, prefix string) {
	code := m.Run()
	if code == 0 {
		if left := after(patience, prefix); left != "" {
			fmt.Fprintf(os.Stderr, "goroutines outlive their tests:\n%s\n", left)
			code = 1
		}
	}
	os.Exit(code)
}

// after returns the stacks of the goroutines that do not end in time.
func after(patience time.Duration, prefix string) string {
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		stacks := make([]byte, 4<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		var left []string
		for _, s := range strings.Split(string(stacks), "\n\n") {
			if strings.Contains(s, "created by "+prefix) {
				left = append(left, s)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}
