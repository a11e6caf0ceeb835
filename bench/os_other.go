//go:build !linux

package main

import (
	"errors"
	"time"
)

// cpuOf works on Linux only, and so does the benchmark.
func cpuOf(int) (time.Duration, error) { return 0, errors.ErrUnsupported }

// sleep is for the benchmark, too.
func sleep(time.Duration) error { return errors.ErrUnsupported }
