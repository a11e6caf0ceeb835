package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// startProfile records where processes spend their time, if that was asked for,
// until stop is called. It leaves a file for perf report.
func (b *bench) startProfile(ctx context.Context, name string, m meter) (stop func() error, err error) {
	if b.profile == "" {
		return func() error { return nil }, nil
	}
	if err := os.MkdirAll(b.profile, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder for profiles: %w", err)
	}
	pids := make([]string, len(m))
	for i, pid := range m {
		pids[i] = strconv.Itoa(pid)
	}
	perf := exec.CommandContext(ctx, "perf", "record", "-q", "-g", "-F", "499",
		"-o", filepath.Join(b.profile, name+".perf"), "-p", strings.Join(pids, ","))
	perf.Stderr = os.Stderr
	if err := perf.Start(); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return func() error {
		if err := perf.Process.Signal(os.Interrupt); err != nil {
			return fmt.Errorf("end the profile: %w", err)
		}
		// perf repeats the signal that ended it.
		var exit *exec.ExitError
		if err := perf.Wait(); err != nil && !errors.As(err, &exit) {
			return fmt.Errorf("end the profile: %w", err)
		}
		return nil
	}, nil
}
