package leaktest

import (
	"strings"
	"testing"
	"time"
)

func TestAGoroutineThatStaysIsFound(t *testing.T) {
	t.Parallel()
	stay, ended := make(chan struct{}), make(chan struct{})
	go func() { <-stay; close(ended) }()
	const here = "parley/pkg/leaktest.TestAGoroutineThatStays"
	if left := after(0, here); !strings.Contains(left, here) {
		t.Errorf("it was not found, but %q", left)
	}
	if left := after(0, "parley/elsewhere."); left != "" {
		t.Errorf("somebody else's was found: %s", left)
	}
	close(stay)
	<-ended
	if left := after(time.Minute, here); left != "" {
		t.Errorf("it ended and was found: %s", left)
	}
}
