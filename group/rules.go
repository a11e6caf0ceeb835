package group

import (
	"parley/pkg/eventlog"
	"parley/pkg/fault"
)

// Action is something that a member does in his group.
type Action int

// The actions. What outsiders do, reading what is public and joining, is not
// among them.
const (
	Read Action = iota // the group, its members, one member
	ReadMuted
	Invite
	Leave
	Remove
	Disband
	ChangeOwner
	SetRole
	SetMemberName
	Mute
	Set // a name, the avatar or a type of the group
	ReadApplications
	AnswerApplication
)

// demand is the least role that an action takes, and what others hear.
type demand struct {
	role    eventlog.Role
	refusal fault.Code
}

var demands = map[Action]demand{
	Read:              {role: eventlog.Member},
	ReadMuted:         {eventlog.Admin, fault.AdminRequired},
	Invite:            {role: eventlog.Member}, // see mayInvite
	Leave:             {role: eventlog.Member}, // see mayLeave
	Remove:            {eventlog.Admin, fault.AdminRequired},
	Disband:           {eventlog.Owner, fault.OnlyOwnerDisbands},
	ChangeOwner:       {eventlog.Owner, fault.OnlyOwnerTransfers},
	SetRole:           {eventlog.Owner, fault.OnlyOwnerSetsAdmin},
	SetMemberName:     {role: eventlog.Member},
	Mute:              {eventlog.Admin, fault.AdminRequired},
	Set:               {eventlog.Admin, fault.AdminRequired},
	ReadApplications:  {eventlog.Admin, fault.AdminRequired},
	AnswerApplication: {eventlog.Admin, fault.AdminRequired},
}

// May decides whether the caller may do a in g, whoever it is done to: the group
// lives, he is in it, and his role is high enough. It decides in that order.
func May(g *Group, caller Member, a Action) error {
	if err := g.alive(); err != nil {
		return err
	}
	if !caller.Present() {
		return fault.NotMember
	}
	if need := demands[a]; caller.Role < need.role {
		return need.refusal
	}
	return nil
}

// way is how somebody gets into a group.
type way int

const (
	directly way = iota
	byApplication
)

// mayInvite decides what becomes of a member's invitation.
func mayInvite(t JoinType, caller Member) (way, error) {
	switch {
	case caller.Role >= eventlog.Admin || t == JoinFreely:
		return directly, nil
	case t == JoinByConsent:
		return byApplication, nil
	}
	return 0, fault.InviteForbidden
}

// mayJoin decides what becomes of somebody's wish to join.
func mayJoin(t JoinType, caller Member) (way, error) {
	switch {
	case caller.Present():
		return 0, fault.AlreadyMember
	case t == JoinFreely:
		return directly, nil
	case t == JoinByConsent:
		return byApplication, nil
	}
	return 0, fault.InviteForbidden
}

// mayLeave decides whether a member may go: an owner has to find another one
// first.
func mayLeave(caller Member) error {
	if caller.Role == eventlog.Owner {
		return fault.OwnerCannotExit
	}
	return nil
}

// mayRemove decides about those whom the caller wants to remove and who are in
// the group: all of them go or nobody.
func mayRemove(caller Member, targets []Member) error {
	for _, t := range targets {
		if t.Role >= caller.Role {
			return fault.HigherRoleRequired
		}
	}
	if len(targets) == 0 {
		return fault.NobodyToRemove
	}
	return nil
}

// mayBecomeOwner decides whether the owner may give the group to target.
func mayBecomeOwner(caller, target Member) error {
	switch {
	case target.User == caller.User:
		return fault.TransferToSelf
	case !target.Present():
		return fault.TargetNotMember
	}
	return nil
}

// maySetRole decides whether the owner may make an admin or a plain member of
// target, of whom there are admins in the group already.
func maySetRole(caller, target Member, role eventlog.Role, admins, most int32) error {
	switch {
	case target.User == caller.User:
		return fault.OnlyOwnerSetsAdmin
	case !target.Present():
		return fault.TargetNotMember
	case role == eventlog.Admin && target.Role != eventlog.Admin && admins >= most:
		return fault.TooManyAdmins
	}
	return nil
}

// mutable reports whether m can be muted: admins and the owner cannot.
func mutable(m Member) bool { return m.Role == eventlog.Member }
