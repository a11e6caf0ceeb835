package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// meter reads what processes have used of the CPU, as user and in the system.
type meter []int

// usage is CPU time of the processes of a meter, in their order.
type usage []time.Duration

func (m meter) read() (usage, error) {
	all := make(usage, len(m))
	for i, pid := range m {
		used, err := cpuOf(pid)
		if err != nil {
			return nil, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
		}
		all[i] = used
	}
	return all, nil
}

// since returns what was used after earlier.
func (u usage) since(earlier usage) usage {
	used := make(usage, len(u))
	for i := range u {
		used[i] = u[i] - earlier[i]
	}
	return used
}

func (u usage) sum() time.Duration {
	var sum time.Duration
	for _, used := range u {
		sum += used
	}
	return sum
}

// The memory of a process as Linux names it: what is resident, and the most that
// ever was.
const (
	resident = "VmRSS"
	peak     = "VmHWM"
)

// memoryOf returns one of the sizes of a process in bytes.
func memoryOf(pid int, size string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	return parseMemory(string(status), size)
}

func parseMemory(status, size string) (int64, error) {
	for line := range strings.Lines(status) {
		value, ok := strings.CutPrefix(line, size+":")
		if !ok {
			continue
		}
		value, ok = strings.CutSuffix(strings.TrimSpace(value), " kB")
		kb, err := strconv.ParseInt(value, 10, 64)
		if !ok || err != nil {
			return 0, fmt.Errorf("%s is %q, not a number of kB", size, value)
		}
		return kb << 10, nil
	}
	return 0, fmt.Errorf("the status of the process has no %s", size)
}
