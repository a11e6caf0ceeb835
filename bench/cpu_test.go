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

func TestMemoryIsThatOfTheProcess(t *testing.T) {
	t.Parallel()
	now, err := memoryOf(os.Getpid(), resident)
	if err != nil || now < 1<<20 {
		t.Errorf("this process has %d bytes, %v", now, err)
	}
	most, err := memoryOf(os.Getpid(), peak)
	if err != nil || most < now {
		t.Errorf("this process has %d bytes and had %d at most, %v", now, most, err)
	}
}

func TestParseMemory(t *testing.T) {
	t.Parallel()
	const status = "Name:\tparley\nVmPeak:\t 9000 kB\nVmHWM:\t   4321 kB\nVmRSS:\t 1 kB\n"
	for size, want := range map[string]int64{peak: 4321 << 10, resident: 1 << 10} {
		if got, err := parseMemory(status, size); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", size, got, err, want)
		}
	}
	for _, status := range []string{"", "VmRSS:\t1 kB\n", "VmHWM:\tlots\n", "VmHWM:\t12 MB\n"} {
		if got, err := parseMemory(status, peak); err == nil {
			t.Errorf("the peak in %q is %d, want an error", status, got)
		}
	}
}
