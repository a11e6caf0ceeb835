package group

import (
	"context"

	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// Leave takes the caller out of a group.
func (s *Service) Leave(ctx context.Context, caller id.UID, g id.GID) error {
	return s.change(ctx, g, caller, Leave, nil, func(c *change) error {
		if err := mayLeave(c.caller); err != nil {
			return err
		}
		c.noticeSignOut()
		return c.letGo([]Member{c.caller})
	})
}

// Remove takes users out of a group: all of them who are in it, or nobody. It
// returns who went and how many members the group has now.
func (s *Service) Remove(ctx context.Context, caller id.UID, g id.GID, users []id.UID) (gone []id.UID, memberNum int32, err error) {
	if users, err = checkUsers("memberIds", users); err != nil {
		return nil, 0, err
	}
	err = s.change(ctx, g, caller, Remove, users, func(c *change) error {
		targets := c.people.present(users)
		if err := mayRemove(c.caller, targets); err != nil {
			return err
		}
		gone = uids(targets)
		c.noticeKickOut(gone)
		if err := c.letGo(targets); err != nil {
			return err
		}
		memberNum = c.group.MemberNum
		return nil
	})
	return gone, memberNum, err
}

// letGo ends the membership of members with the signal that tells of it, which
// is the last of the group that they read.
func (c *change) letGo(members []Member) error {
	g, users := c.group.ID, uids(members)
	gone := make([]Member, len(members))
	for i, m := range members {
		if m.Role == eventlog.Admin {
			c.group.AdminNum--
		}
		m.Role = Left
		gone[i] = m
	}
	c.group.MemberNum -= int32(len(members))
	if err := c.put(gone...); err != nil {
		return err
	}
	signOut := c.tellSignOut(users)
	c.at(signOut, func(p eventlog.Position) error { return c.tx.Leave(g, p, users...) })
	return nil
}

// Disband ends a group for ever.
func (s *Service) Disband(ctx context.Context, caller id.UID, g id.GID) error {
	return s.change(ctx, g, caller, Disband, nil, func(c *change) error {
		c.group.Status = eventlog.Disbanded
		c.group.MemberNum, c.group.AdminNum = 0, 0
		if err := s.store.DismissAll(c.tx, g); err != nil {
			return err
		}
		c.noticeDisband()
		disband := c.tellDisband()
		c.at(disband, func(p eventlog.Position) error { return c.tx.Disband(g, p) })
		return nil
	})
}
