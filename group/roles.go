package group

import (
	"context"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// ChangeOwner gives a group to another member. The old owner becomes a plain
// one.
func (s *Service) ChangeOwner(ctx context.Context, caller id.UID, g id.GID, user id.UID) error {
	if err := checkUser("memberId", user); err != nil {
		return err
	}
	return s.change(ctx, g, caller, ChangeOwner, []id.UID{user}, func(c *change) error {
		heir := c.people.Of(user)
		if err := mayBecomeOwner(c.caller, heir); err != nil {
			return err
		}
		if err := c.setRole(c.caller, eventlog.Member); err != nil {
			return err
		}
		if err := c.setRole(heir, eventlog.Owner); err != nil {
			return err
		}
		c.tellRole(user, eventlog.Owner)
		c.tellRole(caller, eventlog.Member)
		c.tellUnmute(heir)
		c.noticeOwner(user)
		return nil
	})
}

// ParseRole reads a role that can be given to a member.
func ParseRole(n int32) (eventlog.Role, error) {
	if n != int32(eventlog.Member) && n != int32(eventlog.Admin) {
		return 0, fault.Invalid("memberType", "must be 0 or 1")
	}
	return eventlog.Role(n), nil
}

// SetRole makes an admin or a plain member of a member. A role that he has is no
// change.
func (s *Service) SetRole(ctx context.Context, caller id.UID, g id.GID, user id.UID, role eventlog.Role) error {
	if err := checkUser("memberId", user); err != nil {
		return err
	}
	return s.change(ctx, g, caller, SetRole, []id.UID{user}, func(c *change) error {
		target := c.people.Of(user)
		if err := maySetRole(c.caller, target, role, c.group.AdminNum, s.cfg.MaxAdmins); err != nil {
			return err
		}
		if target.Role == role {
			return nil
		}
		if err := c.setRole(target, role); err != nil {
			return err
		}
		c.tellRole(user, role)
		if role == eventlog.Admin {
			c.tellUnmute(target)
		}
		return nil
	})
}

// setRole gives a role to a member and keeps count of the admins. Who is more
// than a plain member is not muted.
func (c *change) setRole(m Member, role eventlog.Role) error {
	if m.Role == eventlog.Admin {
		c.group.AdminNum--
	}
	if role == eventlog.Admin {
		c.group.AdminNum++
	}
	m.Role = role
	if role > eventlog.Member && m.MutedUntil != 0 {
		m.MutedUntil = 0
		if err := c.tx.Mute(c.group.ID, 0, m.User); err != nil {
			return err
		}
	}
	if err := c.tx.SetRole(c.group.ID, role, m.User); err != nil {
		return err
	}
	return c.put(m)
}

// tellUnmute tells that the mute of m, as he was before the change, was lifted,
// if there was one.
func (c *change) tellUnmute(m Member) {
	if m.MuteEnd(c.now) != 0 {
		c.tellMute([]id.UID{m.User}, 0)
	}
}

// SetMemberName sets the caller's own name in a group.
func (s *Service) SetMemberName(ctx context.Context, caller id.UID, g id.GID, name string) error {
	if err := checkText("memberName", name, maxMemberName); err != nil {
		return err
	}
	return s.change(ctx, g, caller, SetMemberName, nil, func(c *change) error {
		if c.caller.Name == name {
			return nil
		}
		c.caller.Name = name
		return c.put(c.caller)
	})
}
