package eventlog

import (
	"context"
	"reflect"
	"testing"

	"parley/pkg/id"
)

// A server that knows no VALUES is asked in another form, for the same.
func TestSeatsAreAskedForInTwoForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.group(l, 1, "alice", "bob")
	w.group(l, 2, "bob")
	w.change(l, func(tx *Tx) error { return tx.Mute(1, 99, "bob") })
	var asked seats
	asked.add(1, "alice")
	asked.add(1, "bob")
	asked.add(2, "alice")
	asked.add(3, "alice")
	want := &seatStates{
		groups: map[id.GID]GroupState{1: {Exists: true}, 2: {Exists: true}, 3: {}},
		members: map[seat]Membership{
			{1, "alice"}: {Present: true, Role: Owner}, {1, "bob"}: {Present: true, MutedUntil: 99}, {2, "alice"}: {}, {3, "alice"}: {},
		},
	}
	for name, d := range map[string]dialect{"of the engine": l.sql, "of any server": mysql{}} {
		got, err := asked.read(context.Background(), l.reader, d)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("the form %s: got %+v, %v; want %+v", name, got, err, want)
		}
	}
}
