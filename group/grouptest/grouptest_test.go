package grouptest_test

import (
	"slices"
	"testing"
	"time"

	"parley/group/grouptest"
)

func TestAWorldTellsWhatHappenedInIt(t *testing.T) {
	t.Parallel()
	w := grouptest.New(t)
	g := w.Group("alice", "bob", "carol")
	start := w.Head()
	w.Promote(g, "alice", "bob")
	w.Mute(g, "bob", time.Hour, "carol")
	w.Beside().Send("bob", g, "m1")
	w.Leave(g, "carol")
	w.Join(g, "dave")
	want := []string{
		"role of bob 1",
		"mute carol until 1700003600000", "notice: bob mutes carol",
		"m1 from bob",
		"notice: carol signs out", "sign out carol",
		"sign in dave", "notice: dave signs in dave",
	}
	if got := w.Sync("alice", start); !slices.Equal(got, want) {
		t.Errorf("alice reads\n%q, want\n%q", got, want)
	}
	if got, want := w.Members(g), []string{"alice, owner", "bob, admin", "dave"}; !slices.Equal(got, want) {
		t.Errorf("the members are %q, want %q", got, want)
	}
	if faults := w.Faults(g); len(faults) > 0 {
		t.Errorf("the tables contradict each other: %q", faults)
	}
}
