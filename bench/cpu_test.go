package main

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestMeterSeesTheCPUOfAnotherProcess(t *testing.T) {
	t.Parallel()
	busy := exec.Command("sh", "-c", "while :; do :; done")
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := busy.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = busy.Wait() // it was killed
	}()
	m := meter{busy.Process.Pid}
	deadline := time.Now().Add(30 * time.Second)
	for {
		used, err := m.read()
		if err != nil {
			t.Fatal(err)
		}
		if used.sum() >= 20*time.Millisecond {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a process that never rests has used only %v", used)
		}
	}
}

func TestMeterFailsForAProcessThatIsNoMore(t *testing.T) {
	t.Parallel()
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	if used, err := (meter{gone.Process.Pid}).read(); err == nil {
		t.Errorf("a process that ended has used %v", used)
	}
}

func TestPeakMemoryIsThatOfTheProcess(t *testing.T) {
	t.Parallel()
	peak, err := peakMemory(os.Getpid())
	if err != nil || peak < 1<<20 {
		t.Errorf("this process has %d bytes, %v", peak, err)
	}
}

func TestParsePeak(t *testing.T) {
	t.Parallel()
	got, err := parsePeak("Name:\tparley\nVmPeak:\t 9000 kB\nVmHWM:\t   4321 kB\nVmRSS:\t 1 kB\n")
	if err != nil || got != 4321<<10 {
		t.Errorf("parsePeak = %d, %v; want %d", got, err, 4321<<10)
	}
	for _, status := range []string{"", "VmRSS:\t1 kB\n", "VmHWM:\tlots\n", "VmHWM:\t12 MB\n"} {
		if got, err := parsePeak(status); err == nil {
			t.Errorf("parsePeak(%q) = %d, want an error", status, got)
		}
	}
}
