package chat

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/client"
	"parley/pkg/id"
)

// conversation is who talks, and what an event says about it in words.
type conversation struct {
	me    id.UID
	other id.UID // empty in a group
	group id.GID
	short bool // whether uids are shortened
}

// has reports whether something was said in the conversation.
func (c *conversation) has(s *said) bool {
	if c.other == "" {
		return s.toGroup && s.target == c.group.String()
	}
	from, to := id.UID(s.from), id.UID(s.target)
	return !s.toGroup && (from == c.me && to == c.other || from == c.other && to == c.me)
}

// name is how a user is called. There are no names but uids.
func (c *conversation) name(uid string) string {
	switch {
	case id.UID(uid) == c.me:
		return "me"
	case c.short:
		return client.Shorten(uid)
	}
	return uid
}

func (c *conversation) names(uids []string) string {
	names := make([]string, len(uids))
	for i, uid := range uids {
		names[i] = c.name(uid)
	}
	return strings.Join(names, ", ")
}

// words are what a message or a notice says.
func (c *conversation) words(s *said) string {
	if s.kind == wirev1.MsgType_MSG_TYPE_NOTICE {
		return c.notice(s)
	}
	return c.name(s.from) + ": " + describe(s.kind, s.content)
}

// read decodes m and then calls words; what does not parse says nothing.
func read[M proto.Message](body []byte, m M, words func(M) string) string {
	if proto.Unmarshal(body, m) != nil {
		return ""
	}
	return words(m)
}

// notice is what a notice to the group says.
func (c *conversation) notice(s *said) string {
	var n wirev1.Notice
	if proto.Unmarshal(s.notice, &n) != nil {
		return "[notice]"
	}
	operator := c.name(s.from)
	switch n.Type {
	case wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_NAME:
		return read(n.Body, new(wirev1.NoticeUpdateGroupName), func(m *wirev1.NoticeUpdateGroupName) string {
			return fmt.Sprintf("%s named the group %q", operator, m.Name)
		})
	case wirev1.NoticeType_NOTICE_TYPE_SIGN_IN_GROUP:
		return read(n.Body, new(wirev1.NoticeSignInGroup), func(m *wirev1.NoticeSignInGroup) string {
			if slices.Contains(m.Members, m.Inviter) {
				return c.names(m.Members) + " joined"
			}
			return c.name(m.Inviter) + " brought in " + c.names(m.Members)
		})
	case wirev1.NoticeType_NOTICE_TYPE_SIGN_OUT_GROUP:
		return operator + " left"
	case wirev1.NoticeType_NOTICE_TYPE_KICK_OUT_GROUP:
		return read(n.Body, new(wirev1.NoticeKickOutGroup), func(m *wirev1.NoticeKickOutGroup) string {
			return operator + " removed " + c.names(m.Members)
		})
	case wirev1.NoticeType_NOTICE_TYPE_DELETE_GROUP:
		return operator + " disbanded the group"
	case wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_MUTED:
		return read(n.Body, new(wirev1.NoticeUpdateGroupMuted), func(m *wirev1.NoticeUpdateGroupMuted) string {
			if m.Type == 0 {
				return operator + " lets everybody speak"
			}
			return operator + " muted everybody but the admins"
		})
	case wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_MEMBER_MUTED:
		return read(n.Body, new(wirev1.NoticeUpdateGroupMemberMuted), func(m *wirev1.NoticeUpdateGroupMemberMuted) string {
			return operator + " muted " + c.names(m.Members)
		})
	case wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_OWNER:
		return read(n.Body, new(wirev1.NoticeUpdateGroupOwner), func(m *wirev1.NoticeUpdateGroupOwner) string {
			return operator + " gave the group to " + c.name(m.NewOwner)
		})
	}
	return "[notice]"
}

// memberTypes name the roles that a signal tells of. Of a new owner a notice
// tells.
var memberTypes = map[int32]string{0: "a member", 1: "an admin"}

// change is what a signal says about the settings and the members of this group.
// It is empty for the changes of which a notice tells.
func (c *conversation) change(s *wirev1.Signal) string {
	if c.other != "" {
		return ""
	}
	here := func(group int64, words string) string {
		if id.GID(group) != c.group {
			return ""
		}
		return words
	}
	switch s.Type {
	case wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_JOIN_TYPE:
		return read(s.Body, new(wirev1.SignalUpdateGroupJoinType), func(m *wirev1.SignalUpdateGroupJoinType) string {
			return here(m.Group, "how people join the group has changed")
		})
	case wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_FRIEND_TYPE:
		return read(s.Body, new(wirev1.SignalUpdateGroupFriendType), func(m *wirev1.SignalUpdateGroupFriendType) string {
			return here(m.Group, "whether members may become friends has changed")
		})
	case wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_AVATAR:
		return read(s.Body, new(wirev1.SignalUpdateGroupAvatar), func(m *wirev1.SignalUpdateGroupAvatar) string {
			return here(m.Group, "the group has another avatar")
		})
	case wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_TYPE:
		return read(s.Body, new(wirev1.SignalUpdateGroupMemberType), func(m *wirev1.SignalUpdateGroupMemberType) string {
			if role, ok := memberTypes[m.Type]; ok {
				return here(m.Group, "now "+role+": "+c.name(m.Uid))
			}
			return ""
		})
	case wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_MUTE_TIME:
		return read(s.Body, new(wirev1.SignalUpdateGroupMemberMuteTime), func(m *wirev1.SignalUpdateGroupMemberMuteTime) string {
			if m.MuteTime != 0 {
				return ""
			}
			return here(m.Group, "no longer muted: "+c.names(m.Uid))
		})
	}
	return ""
}
