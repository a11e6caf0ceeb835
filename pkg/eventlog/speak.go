package eventlog

import (
	"math"

	"parley/pkg/fault"
)

// Role is what somebody may do in a group. A higher role is a larger number.
type Role int8

// The roles of members.
const (
	Member Role = 0
	Admin  Role = 1
	Owner  Role = 2
)

// Status is whether a group lives.
type Status int8

// The states of groups. Their values are the public ones.
const (
	Normal    Status = 0
	Blocked   Status = 1
	Disbanded Status = 2
)

// Forever is the end of a mute that has none, and of an interval that is open.
const Forever = math.MaxInt64

// GroupState is what the log knows about a group.
type GroupState struct {
	Exists  bool
	Status  Status
	MuteAll bool
}

// Membership is what the log knows about somebody in a group now.
type Membership struct {
	Present    bool
	Role       Role
	MutedUntil int64 // Unix milliseconds; 0 when never muted
}

// MayAct decides whether somebody can do anything in a group: it exists, is
// neither blocked nor disbanded, and he is in it.
func MayAct(g GroupState, m Membership) error {
	switch {
	case !g.Exists:
		return fault.NoSuchGroup
	case g.Status == Blocked:
		return fault.GroupBlocked
	case g.Status == Disbanded:
		return fault.GroupDisbanded
	case !m.Present:
		return fault.NotMember
	}
	return nil
}

// MaySpeak decides whether somebody may send to a group at a time, given in
// Unix milliseconds.
func MaySpeak(g GroupState, m Membership, at int64) error {
	if err := MayAct(g, m); err != nil {
		return err
	}
	if g.MuteAll && m.Role == Member || m.MutedUntil > at {
		return fault.Muted
	}
	return nil
}
