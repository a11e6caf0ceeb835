package eventlog

import (
	"errors"
	"testing"

	"parley/pkg/fault"
)

func TestMaySpeak(t *testing.T) {
	t.Parallel()
	const now = 1000
	alive := GroupState{Exists: true}
	quiet := GroupState{Exists: true, MuteAll: true}
	for _, c := range []struct {
		name   string
		group  GroupState
		member Membership
		want   error
	}{
		{"a member", alive, Membership{Present: true}, nil},
		{"an admin", alive, Membership{Present: true, Role: Admin}, nil},
		{"the owner", alive, Membership{Present: true, Role: Owner}, nil},
		{"no such group", GroupState{}, Membership{}, fault.NoSuchGroup},
		{"no such group, whatever else is said", GroupState{Status: Blocked}, Membership{Present: true}, fault.NoSuchGroup},
		{"blocked, the owner", GroupState{Exists: true, Status: Blocked}, Membership{Present: true, Role: Owner}, fault.GroupBlocked},
		{"blocked, a stranger", GroupState{Exists: true, Status: Blocked}, Membership{}, fault.GroupBlocked},
		{"disbanded, the owner", GroupState{Exists: true, Status: Disbanded}, Membership{Present: true, Role: Owner}, fault.GroupDisbanded},
		{"a stranger", alive, Membership{}, fault.NotMember},
		{"a stranger while all are muted", quiet, Membership{}, fault.NotMember},
		{"a member while all are muted", quiet, Membership{Present: true}, fault.Muted},
		{"an admin while all are muted", quiet, Membership{Present: true, Role: Admin}, nil},
		{"the owner while all are muted", quiet, Membership{Present: true, Role: Owner}, nil},
		{"muted for ever", alive, Membership{Present: true, MutedUntil: Forever}, fault.Muted},
		{"muted one more moment", alive, Membership{Present: true, MutedUntil: now + 1}, fault.Muted},
		{"muted until now", alive, Membership{Present: true, MutedUntil: now}, nil},
		{"muted in the past", alive, Membership{Present: true, MutedUntil: now - 1}, nil},
		{"a muted admin", alive, Membership{Present: true, Role: Admin, MutedUntil: Forever}, fault.Muted},
	} {
		if err := MaySpeak(c.group, c.member, now); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}
