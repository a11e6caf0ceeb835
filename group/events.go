package group

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/wire"
)

// tale makes an event of a change once its time is known. The event says nothing
// yet of its id and its audience, which are the same for all tales of a change.
type tale func(g id.GID, operator id.UID, at int64) (eventlog.Kind, []byte, error)

// signal is a tale for apps. body makes what is in it from the group and the
// time of the event.
func signal(t wirev1.SignalType, body func(g int64, at uint64) proto.Message) tale {
	return func(g id.GID, _ id.UID, at int64) (eventlog.Kind, []byte, error) {
		b, err := wire.Signal(t, body(int64(g), uint64(at)))
		return eventlog.Signal, b, err
	}
}

// notice is a tale for people, which apps show among the messages. body makes
// what is in it from the group and the operator. msgID is the id under which
// apps keep it.
func notice(t wirev1.NoticeType, msgID string, body func(g int64, operator string) proto.Message) tale {
	return func(g id.GID, operator id.UID, _ int64) (eventlog.Kind, []byte, error) {
		b, err := wire.Notice(t, g, msgID, body(int64(g), string(operator)))
		return eventlog.Notice, b, err
	}
}

// names gives the events of one request their ids, the same in every try: an id
// may have been stored by a try whose end nobody saw.
type names struct {
	fresh func() string
	given []string
}

func (n *names) at(i int) string {
	for len(n.given) <= i {
		n.given = append(n.given, n.fresh())
	}
	return n.given[i]
}

// tell adds an event to the change and returns its number.
func (c *change) tell(t tale) int {
	c.tales = append(c.tales, t)
	return len(c.tales) - 1
}

func (c *change) signal(t wirev1.SignalType, body func(g int64, at uint64) proto.Message) int {
	return c.tell(signal(t, body))
}

func (c *change) notice(t wirev1.NoticeType, body func(g int64, operator string) proto.Message) int {
	return c.tell(notice(t, c.names.at(len(c.tales)), body))
}

// event makes the event of tale number i.
func (c *change) event(i int, at int64) (eventlog.Event, error) {
	kind, body, err := c.tales[i](c.group.ID, c.caller.User, at)
	if err != nil {
		return eventlog.Event{}, fmt.Errorf("write event %d of a change of group %s: %w", i, c.group.ID, err)
	}
	return eventlog.Event{
		ID:       c.names.at(i),
		Author:   c.caller.User,
		Audience: eventlog.ToGroup(c.group.ID),
		Kind:     kind,
		Body:     body,
	}, nil
}

// The tales themselves, in the order of wire.md.

func (c *change) tellSignIn(users []id.UID) int {
	return c.signal(wirev1.SignalType_SIGNAL_TYPE_SIGN_IN_GROUP, func(g int64, at uint64) proto.Message {
		return &wirev1.SignalSignInGroup{Uid: id.Texts(users), Group: g, Time: at}
	})
}

func (c *change) noticeSignIn(inviter id.UID, users []id.UID) {
	c.notice(wirev1.NoticeType_NOTICE_TYPE_SIGN_IN_GROUP, func(g int64, _ string) proto.Message {
		return &wirev1.NoticeSignInGroup{Group: g, Inviter: string(inviter), Members: id.Texts(users)}
	})
}

func (c *change) tellSignOut(users []id.UID) int {
	return c.signal(wirev1.SignalType_SIGNAL_TYPE_SIGN_OUT_GROUP, func(g int64, at uint64) proto.Message {
		return &wirev1.SignalSignOutGroup{Uid: id.Texts(users), Group: g, Time: at}
	})
}

func (c *change) noticeSignOut() {
	c.notice(wirev1.NoticeType_NOTICE_TYPE_SIGN_OUT_GROUP, func(g int64, operator string) proto.Message {
		return &wirev1.NoticeSignOutGroup{Group: g, Operator: operator}
	})
}

func (c *change) noticeKickOut(users []id.UID) {
	c.notice(wirev1.NoticeType_NOTICE_TYPE_KICK_OUT_GROUP, func(g int64, operator string) proto.Message {
		return &wirev1.NoticeKickOutGroup{Group: g, Operator: operator, Members: id.Texts(users)}
	})
}

func (c *change) tellDisband() int {
	return c.signal(wirev1.SignalType_SIGNAL_TYPE_DELETE_GROUP, func(g int64, at uint64) proto.Message {
		return &wirev1.SignalDeleteGroup{Group: g, Time: at}
	})
}

func (c *change) noticeDisband() {
	c.notice(wirev1.NoticeType_NOTICE_TYPE_DELETE_GROUP, func(g int64, operator string) proto.Message {
		return &wirev1.NoticeDeleteGroup{Group: g, Operator: operator}
	})
}

func (c *change) tellRole(u id.UID, role eventlog.Role) {
	c.signal(wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_TYPE, func(g int64, at uint64) proto.Message {
		return &wirev1.SignalUpdateGroupMemberType{Group: g, Uid: string(u), Type: int32(role), Time: at}
	})
}

func (c *change) tellMute(users []id.UID, until int64) {
	c.signal(wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_MUTE_TIME, func(g int64, at uint64) proto.Message {
		return &wirev1.SignalUpdateGroupMemberMuteTime{Group: g, Uid: id.Texts(users), MuteTime: until, Time: at}
	})
}

func (c *change) noticeMute(users []id.UID) {
	c.notice(wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_MEMBER_MUTED, func(g int64, operator string) proto.Message {
		return &wirev1.NoticeUpdateGroupMemberMuted{Group: g, Operator: operator, Members: id.Texts(users)}
	})
}

func (c *change) noticeOwner(u id.UID) {
	c.notice(wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_OWNER, func(g int64, _ string) proto.Message {
		return &wirev1.NoticeUpdateGroupOwner{Group: g, NewOwner: string(u)}
	})
}

func (c *change) tellName(name string) {
	c.signal(wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_NAME, func(g int64, at uint64) proto.Message {
		return &wirev1.SignalUpdateGroupName{Group: g, Name: name, Time: at}
	})
	c.notice(wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_NAME, func(g int64, operator string) proto.Message {
		return &wirev1.NoticeUpdateGroupName{Group: g, Operator: operator, Name: name}
	})
}

func (c *change) tellAvatar(avatar string) {
	c.signal(wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_AVATAR, func(g int64, at uint64) proto.Message {
		return &wirev1.SignalUpdateGroupAvatar{Group: g, Avatar: avatar, Time: at}
	})
}

func (c *change) tellJoinType(t JoinType) {
	c.signal(wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_JOIN_TYPE, func(g int64, at uint64) proto.Message {
		return &wirev1.SignalUpdateGroupJoinType{Group: g, Type: int32(t), Time: at}
	})
}

func (c *change) tellFriendType(t FriendType) {
	c.signal(wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_FRIEND_TYPE, func(g int64, at uint64) proto.Message {
		return &wirev1.SignalUpdateGroupFriendType{Group: g, Type: int32(t), Time: at}
	})
}

func (c *change) tellMuteType(t MuteType) {
	c.signal(wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MUTE_TYPE, func(g int64, at uint64) proto.Message {
		return &wirev1.SignalUpdateGroupMuteType{Group: g, Type: int32(t), Time: at}
	})
	c.notice(wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_MUTED, func(g int64, operator string) proto.Message {
		return &wirev1.NoticeUpdateGroupMuted{Group: g, Operator: operator, Type: int32(t)}
	})
}
