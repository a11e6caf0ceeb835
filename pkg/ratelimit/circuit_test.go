package ratelimit

import (
	"errors"
	"testing"
	"time"
)

func TestAServerThatFailsIsLeftAloneForAWhile(t *testing.T) {
	t.Parallel()
	now := time.Now()
	failed := errors.New("connection refused")
	var c circuit
	for i, step := range []struct {
		passes time.Duration
		saw    error // nil: nothing happened
		good   bool  // a batch went well
		want   string
	}{
		{want: "closed"},
		{saw: failed, want: "closed"},
		{saw: failed, want: "closed"},
		{good: true, want: "closed"},
		{saw: failed, want: "closed"},
		{saw: failed, want: "closed"},
		{saw: failed, want: "open"},
		{passes: pauseFor - 1, want: "open"},
		{passes: 1, want: "trial"},
		{want: "open"}, // while somebody tries
		{saw: failed, want: "open"},
		{passes: pauseFor, want: "trial"},
		{passes: pauseFor - 1, want: "open"},
		{passes: 1, want: "trial"}, // the last try has not come to an end
		{good: true, want: "closed"},
		{saw: failed, want: "closed"},
	} {
		now = now.Add(step.passes)
		if step.good || step.saw != nil {
			c.saw(step.saw, now)
		}
		if got := []string{"closed", "trial", "open"}[c.state(now)]; got != step.want {
			t.Fatalf("step %d: it is %s, want %s", i, got, step.want)
		}
	}
}

func TestDenialsAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Now()
	d := newDenials()
	d.add("ann", 300*time.Millisecond, now)
	for _, step := range []struct{ passes, want time.Duration }{
		{100 * time.Millisecond, 200 * time.Millisecond}, {200 * time.Millisecond, 0},
	} {
		now = now.Add(step.passes)
		if got := d.wait("ann", now); got != step.want {
			t.Errorf("ann waits %s, want %s", got, step.want)
		}
	}
	for range 10 {
		now = now.Add(2 * denialsLast)
		d.add("ben", denialsLast, now)
	}
	if len(d.young)+len(d.old) > 2 {
		t.Errorf("%d keys are remembered, of which one can be denied", len(d.young)+len(d.old))
	}
	// A key of the old half counts until its time is over.
	now = now.Add(denialsLast + 1)
	d.add("cat", denialsLast, now)
	d.add("dan", denialsLast, now)
	now = now.Add(denialsLast / 2)
	if d.wait("cat", now) != denialsLast/2 || d.wait("dan", now) != denialsLast/2 || d.wait("ben", now) != 0 {
		t.Errorf("cat waits %s, dan %s, ben %s", d.wait("cat", now), d.wait("dan", now), d.wait("ben", now))
	}
}
