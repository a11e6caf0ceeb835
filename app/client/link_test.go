package client

import (
	"testing"
	"time"
)

func TestPausesGrowAndEnd(t *testing.T) {
	t.Parallel()
	var b backoff
	if first := b.next(); first != 0 {
		t.Errorf("the first pause is %s", first)
	}
	seen := make(map[time.Duration]bool)
	for n := range 100 {
		most := min(firstPause<<min(n, 10), maxPause)
		pause := b.next()
		if pause > most || pause < most/2 {
			t.Errorf("pause %d is %s, want %s to %s", n, pause, most/2, most)
		}
		seen[pause] = true
	}
	if len(seen) < 50 {
		t.Errorf("a hundred pauses have %d lengths: nothing is left to chance", len(seen))
	}
}

func TestAddressesOfTheSocket(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"http://localhost:8888":  "ws://localhost:8888/sub",
		"https://chat.example/":  "wss://chat.example/sub",
		"http://example/parley/": "ws://example/parley/sub",
		"ws://example:3102":      "ws://example:3102/sub",
		"wss://example/sub/":     "wss://example/sub/",
		"localhost:8888":         "",
		"ftp://example":          "",
		"":                       "",
	} {
		if got, err := socketURL(address); got != want || (err == nil) != (want != "") {
			t.Errorf("the socket of %q is %q, %v, want %q", address, got, err, want)
		}
	}
}

func TestTerminalsOnAMachineAreOneDevice(t *testing.T) {
	t.Parallel()
	a := deviceUUID("ann", "desk")
	if a != deviceUUID("ann", "desk") || a == deviceUUID("ann", "laptop") || a == deviceUUID("bob", "desk") || len(a) != 36 {
		t.Errorf("the uuid is %q", a)
	}
}
