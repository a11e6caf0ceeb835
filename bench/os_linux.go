package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// cpuOf reads the CPU-time clock of a process, which counts in nanoseconds and
// includes threads that ended; /proc has ticks of 10 ms, or only threads that
// live. How the number of such a clock is made from a pid is part of Linux's
// interface: see clock_getcpuclockid(3).
func cpuOf(pid int) (time.Duration, error) {
	const scheduled = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}

// sleep blocks the thread for d.
func sleep(d time.Duration) error {
	for until := time.Now().Add(d); d > 0; d = time.Until(until) {
		t := unix.NsecToTimespec(int64(d))
		if err := unix.Nanosleep(&t, nil); err != nil && err != unix.EINTR {
			return fmt.Errorf("sleep: %w", err)
		}
	}
	return nil
}
