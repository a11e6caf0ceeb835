//go:build unix

package connlimit

import (
	"math"
	"syscall"
)

// Files is how many files the process may have open, of which connections are the
// most. The runtime has raised the limit as far as the system allows.
func Files() int64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(limit.Cur)
}
