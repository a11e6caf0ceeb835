package group

import (
	"context"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// Invite brings users into a group, or makes applications for them where the
// group wants its admins' consent; the answer is fault.ApplicationPending then.
// It returns how many members the group has now.
func (s *Service) Invite(ctx context.Context, caller id.UID, g id.GID, users []id.UID) (memberNum int32, err error) {
	if users, err = checkUsers("newMemberIds", users); err != nil {
		return 0, err
	}
	pending := false
	err = s.change(ctx, g, caller, Invite, users, func(c *change) error {
		way, err := mayInvite(c.group.JoinType, c.caller)
		if err != nil {
			return err
		}
		people := c.people.absent(users)
		if len(people) == 0 {
			return fault.AllInvitedAreIn
		}
		if pending = way == byApplication; pending {
			return s.store.Apply(c.tx, c.applications(caller, people))
		}
		err = c.letIn(caller, people, c.overtaken())
		memberNum = c.group.MemberNum
		return err
	})
	if err == nil && pending {
		err = fault.ApplicationPending
	}
	return memberNum, err
}

// Join brings the caller into a group, or makes an application where the group
// wants its admins' consent; the answer is fault.ApplicationPending then, the
// first time and every time until it is answered. The inviter is only shown. One
// who is not in the group counts as the caller himself.
func (s *Service) Join(ctx context.Context, caller id.UID, g id.GID, inviter id.UID) error {
	if len(inviter) > id.MaxUID {
		return fault.Invalid("inviterId", "must have at most %d bytes", id.MaxUID)
	}
	pending := false
	err := s.changeBy(ctx, g, caller, []id.UID{inviter}, func(c *change) error {
		if err := c.group.alive(); err != nil {
			return err
		}
		way, err := mayJoin(c.group.JoinType, c.caller)
		if err != nil {
			return err
		}
		if by := c.people.Of(inviter); !by.Present() {
			inviter = caller
		}
		people := []Member{c.caller}
		if pending = way == byApplication; pending {
			return s.store.Apply(c.tx, c.applications(inviter, people))
		}
		return c.letIn(inviter, people, c.overtaken())
	})
	if err == nil && pending {
		return fault.ApplicationPending
	}
	return err
}

// overtaken is the answer to applications of people who get in another way.
func (c *change) overtaken() Answer {
	return Answer{Outcome: Overtaken, By: c.caller.User, At: c.now}
}

// letIn makes plain members of people who are not in the group, all of them or,
// when there is no room, none. A mute from an earlier stay goes on. Their open
// applications are closed with an answer.
func (c *change) letIn(inviter id.UID, people []Member, a Answer) error {
	if err := c.group.room(len(people)); err != nil {
		return err
	}
	g, users := c.group.ID, uids(people)
	members := make([]Member, len(people))
	newcomers := make([]eventlog.Newcomer, len(people))
	for i, m := range people {
		c.group.Seats++
		members[i] = Member{User: m.User, Role: eventlog.Member, MutedUntil: m.MutedUntil, Seat: c.group.Seats}
		newcomers[i] = newcomer(members[i])
	}
	c.group.MemberNum += int32(len(people))
	if err := c.put(members...); err != nil {
		return err
	}
	if err := c.service.store.Answer(c.tx, g, users, a); err != nil {
		return err
	}
	if err := c.tx.Admit(g, newcomers...); err != nil {
		return err
	}
	signIn := c.tellSignIn(users)
	c.noticeSignIn(inviter, users)
	c.at(signIn, func(p eventlog.Position) error { return c.tx.Join(g, p, users...) })
	return nil
}

// newcomer is a member as the log is told of him.
func newcomer(m Member) eventlog.Newcomer {
	return eventlog.Newcomer{User: m.User, Role: m.Role, MutedUntil: m.MutedUntil}
}
