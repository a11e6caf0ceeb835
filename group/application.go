package group

import (
	"context"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// Application is somebody's wish to join a group, or a member's to have him in
// it, which an admin or the owner answers.
type Application struct {
	ID        int64 // positive, below 2^53; set by the store
	Group     id.GID
	User      id.UID // who is to join
	Inviter   id.UID // who invited him, or the same
	Outcome   Outcome
	CreatedAt int64 // Unix milliseconds
}

// Outcome is what became of an application. Its values are stored.
type Outcome int8

// The outcomes.
const (
	Open     Outcome = 0
	Accepted Outcome = 1
	Rejected Outcome = 2
	// Overtaken is the outcome when somebody got in another way.
	Overtaken Outcome = 3
)

// Answer is how applications are closed.
type Answer struct {
	Outcome Outcome
	By      id.UID
	At      int64 // Unix milliseconds
}

// applications are those of people to the group of a change.
func (c *change) applications(inviter id.UID, people []Member) []Application {
	list := make([]Application, len(people))
	for i, m := range people {
		list[i] = Application{Group: c.group.ID, User: m.User, Inviter: inviter, CreatedAt: c.now}
	}
	return list
}

// Applications returns a page of the open applications to a group: at most
// count after a given one, the oldest first. It is for admins and the owner.
func (s *Service) Applications(ctx context.Context, caller id.UID, g id.GID, after int64, count int) ([]Application, error) {
	if _, err := s.look(ctx, caller, g, ReadApplications); err != nil {
		return nil, err
	}
	return s.store.Applications(ctx, g, after, count)
}

// AnswerApplication lets somebody in as if he had been invited, or turns him
// away, and returns how many members the group has now. One that cannot be
// accepted because the group is full stays open.
func (s *Service) AnswerApplication(ctx context.Context, caller id.UID, g id.GID, application int64, accept bool) (memberNum int32, err error) {
	err = s.change(ctx, g, caller, AnswerApplication, nil, func(c *change) error {
		a, err := s.store.Application(c.tx, g, application)
		if err != nil {
			return err
		}
		if a.Outcome != Open {
			return fault.ApplicationClosed
		}
		answer := Answer{Outcome: Rejected, By: caller, At: c.now}
		if accept {
			answer.Outcome = Accepted
			if err := c.read(a.User); err != nil {
				return err
			}
			if err := c.letIn(caller, []Member{c.people.Of(a.User)}, answer); err != nil {
				return err
			}
		} else if err := s.store.Answer(c.tx, g, []id.UID{a.User}, answer); err != nil {
			return err
		}
		memberNum = c.group.MemberNum
		return nil
	})
	return memberNum, err
}
