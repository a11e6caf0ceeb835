package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// meter adds up what processes have used of the CPU, as user and in the system.
type meter []int

func (m meter) read() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range m {
		used, err := cpuOf(pid)
		if err != nil {
			return 0, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
		}
		sum += used
	}
	return sum, nil
}

// peakMemory returns the largest resident size that a process has had, in
// bytes.
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	return parsePeak(string(status))
}

func parsePeak(status string) (int64, error) {
	for line := range strings.Lines(status) {
		value, ok := strings.CutPrefix(line, "VmHWM:")
		if !ok {
			continue
		}
		value, ok = strings.CutSuffix(strings.TrimSpace(value), " kB")
		kb, err := strconv.ParseInt(value, 10, 64)
		if !ok || err != nil {
			return 0, fmt.Errorf("VmHWM is %q, not a number of kB", value)
		}
		return kb << 10, nil
	}
	return 0, fmt.Errorf("the status of the process has no VmHWM")
}
