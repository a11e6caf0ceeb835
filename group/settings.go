package group

import (
	"context"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// set changes something of a group that admins and the owner decide about. fn
// tells of what it changed; what it left as it was is no change.
func (s *Service) set(ctx context.Context, caller id.UID, g id.GID, fn func(*change) error) error {
	return s.change(ctx, g, caller, Set, nil, fn)
}

// SetName sets the names of a group. An empty one stays as it is.
func (s *Service) SetName(ctx context.Context, caller id.UID, g id.GID, name, publicName string) error {
	if err := checkText("name", name, maxName); err != nil {
		return err
	}
	if err := checkText("publicName", publicName, maxName); err != nil {
		return err
	}
	return s.set(ctx, caller, g, func(c *change) error {
		if name != "" {
			c.group.Name = name
		}
		if publicName != "" {
			c.group.PublicName = publicName
		}
		if *c.group != c.before {
			c.tellName(c.group.Name)
		}
		return nil
	})
}

// SetAvatar sets the avatar of a group.
func (s *Service) SetAvatar(ctx context.Context, caller id.UID, g id.GID, avatar string) error {
	if err := checkText("avatar", avatar, maxAvatar); err != nil {
		return err
	}
	return s.set(ctx, caller, g, func(c *change) error {
		if c.group.Avatar != avatar {
			c.group.Avatar = avatar
			c.tellAvatar(avatar)
		}
		return nil
	})
}

// SetJoinType sets how people come into a group.
func (s *Service) SetJoinType(ctx context.Context, caller id.UID, g id.GID, t JoinType) error {
	if t < JoinFreely || t > JoinByConsent {
		return fault.Invalid("joinType", "must be 0, 1 or 2")
	}
	return s.set(ctx, caller, g, func(c *change) error {
		if c.group.JoinType != t {
			c.group.JoinType = t
			c.tellJoinType(t)
		}
		return nil
	})
}

// SetFriendType sets whether members may become friends through a group.
func (s *Service) SetFriendType(ctx context.Context, caller id.UID, g id.GID, t FriendType) error {
	if t != FriendsAllowed && t != FriendsForbidden {
		return fault.Invalid("friendType", "must be 0 or 1")
	}
	return s.set(ctx, caller, g, func(c *change) error {
		if c.group.FriendType != t {
			c.group.FriendType = t
			c.tellFriendType(t)
		}
		return nil
	})
}

// SetMuteType sets whether plain members may speak.
func (s *Service) SetMuteType(ctx context.Context, caller id.UID, g id.GID, t MuteType) error {
	if t != AllSpeak && t != AdminsSpeak {
		return fault.Invalid("muteType", "must be 0 or 1")
	}
	return s.set(ctx, caller, g, func(c *change) error {
		if c.group.MuteType == t {
			return nil
		}
		c.group.MuteType = t
		if err := c.tx.SetMuteAll(g, t == AdminsSpeak); err != nil {
			return err
		}
		c.tellMuteType(t)
		return nil
	})
}
