package grouptest

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/wire"
)

// Event is what a client reads, decoded.
type Event struct {
	Pos eventlog.Position
	// Group is the one that it tells of.
	Group id.GID
	// Body is the Signal… or Notice… message in it; nil for a message that
	// somebody sent.
	Body proto.Message
	// From and MsgID are those of messages and notices.
	From  id.UID
	MsgID string
	// At is the time that a client reads in it: of a signal when it is in its
	// body, of messages and notices their datetime.
	At int64
}

// signals and notices make an empty body of each type that groups have.
var signals = map[wirev1.SignalType]func() proto.Message{
	wirev1.SignalType_SIGNAL_TYPE_SIGN_IN_GROUP:                 func() proto.Message { return new(wirev1.SignalSignInGroup) },
	wirev1.SignalType_SIGNAL_TYPE_SIGN_OUT_GROUP:                func() proto.Message { return new(wirev1.SignalSignOutGroup) },
	wirev1.SignalType_SIGNAL_TYPE_DELETE_GROUP:                  func() proto.Message { return new(wirev1.SignalDeleteGroup) },
	wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_JOIN_TYPE:        func() proto.Message { return new(wirev1.SignalUpdateGroupJoinType) },
	wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_FRIEND_TYPE:      func() proto.Message { return new(wirev1.SignalUpdateGroupFriendType) },
	wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MUTE_TYPE:        func() proto.Message { return new(wirev1.SignalUpdateGroupMuteType) },
	wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_TYPE:      func() proto.Message { return new(wirev1.SignalUpdateGroupMemberType) },
	wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_MUTE_TIME: func() proto.Message { return new(wirev1.SignalUpdateGroupMemberMuteTime) },
	wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_NAME:             func() proto.Message { return new(wirev1.SignalUpdateGroupName) },
	wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_AVATAR:           func() proto.Message { return new(wirev1.SignalUpdateGroupAvatar) },
}

var notices = map[wirev1.NoticeType]func() proto.Message{
	wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_NAME:         func() proto.Message { return new(wirev1.NoticeUpdateGroupName) },
	wirev1.NoticeType_NOTICE_TYPE_SIGN_IN_GROUP:             func() proto.Message { return new(wirev1.NoticeSignInGroup) },
	wirev1.NoticeType_NOTICE_TYPE_SIGN_OUT_GROUP:            func() proto.Message { return new(wirev1.NoticeSignOutGroup) },
	wirev1.NoticeType_NOTICE_TYPE_KICK_OUT_GROUP:            func() proto.Message { return new(wirev1.NoticeKickOutGroup) },
	wirev1.NoticeType_NOTICE_TYPE_DELETE_GROUP:              func() proto.Message { return new(wirev1.NoticeDeleteGroup) },
	wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_MUTED:        func() proto.Message { return new(wirev1.NoticeUpdateGroupMuted) },
	wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_MEMBER_MUTED: func() proto.Message { return new(wirev1.NoticeUpdateGroupMemberMuted) },
	wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_OWNER:        func() proto.Message { return new(wirev1.NoticeUpdateGroupOwner) },
}

// Decode reads an event as a client does, from the bytes that it gets.
func Decode(e *eventlog.Event) (Event, error) {
	encoded, err := wire.Render(e)
	if err != nil {
		return Event{}, err
	}
	var envelope wirev1.Proto
	if err := proto.Unmarshal(encoded, &envelope); err != nil {
		return Event{}, fmt.Errorf("decode event %d: %w", e.Pos, err)
	}
	d := Event{Pos: e.Pos}
	if envelope.EventType == wirev1.EventType_EVENT_TYPE_SIGNAL {
		return d, d.signal(envelope.Body)
	}
	return d, d.common(envelope.Body)
}

func (d *Event) signal(encoded []byte) error {
	var s wirev1.Signal
	if err := proto.Unmarshal(encoded, &s); err != nil {
		return fmt.Errorf("decode signal %d: %w", d.Pos, err)
	}
	if s.Sid != int64(d.Pos) || !s.Reliable {
		return fmt.Errorf("signal %d has sid %d and says reliable: %t", d.Pos, s.Sid, s.Reliable)
	}
	body, known := signals[s.Type]
	if !known {
		return fmt.Errorf("signal %d has type %s", d.Pos, s.Type)
	}
	d.Body = body()
	if err := proto.Unmarshal(s.Body, d.Body); err != nil {
		return fmt.Errorf("decode signal %d: %w", d.Pos, err)
	}
	timed := d.Body.(interface {
		GetGroup() int64
		GetTime() uint64
	})
	d.Group, d.At = id.GID(timed.GetGroup()), int64(timed.GetTime())
	return nil
}

func (d *Event) common(encoded []byte) error {
	var m wirev1.Common
	if err := proto.Unmarshal(encoded, &m); err != nil {
		return fmt.Errorf("decode message %d: %w", d.Pos, err)
	}
	d.From, d.MsgID, d.At = id.UID(m.From), m.MsgId, int64(m.Datetime)
	d.Group, _ = id.ParseGID(m.Target)
	if m.MsgType != wirev1.MsgType_MSG_TYPE_NOTICE {
		return nil
	}
	var n wirev1.Notice
	if err := proto.Unmarshal(m.Msg, &n); err != nil {
		return fmt.Errorf("decode notice %d: %w", d.Pos, err)
	}
	body, known := notices[n.Type]
	if !known {
		return fmt.Errorf("notice %d has type %s", d.Pos, n.Type)
	}
	d.Body = body()
	if err := proto.Unmarshal(n.Body, d.Body); err != nil {
		return fmt.Errorf("decode notice %d: %w", d.Pos, err)
	}
	if g := d.Body.(interface{ GetGroup() int64 }).GetGroup(); id.GID(g) != d.Group {
		return fmt.Errorf("notice %d to group %s tells of group %d", d.Pos, d.Group, g)
	}
	return nil
}

// String says in a few words what the event is: "m1 from alice", "sign in bob,
// carol", "notice: alice signs in bob, carol".
func (d Event) String() string {
	switch b := d.Body.(type) {
	case *wirev1.SignalSignInGroup:
		return "sign in " + names(b.Uid)
	case *wirev1.SignalSignOutGroup:
		return "sign out " + names(b.Uid)
	case *wirev1.SignalDeleteGroup:
		return "delete the group"
	case *wirev1.SignalUpdateGroupJoinType:
		return fmt.Sprint("join type ", b.Type)
	case *wirev1.SignalUpdateGroupFriendType:
		return fmt.Sprint("friend type ", b.Type)
	case *wirev1.SignalUpdateGroupMuteType:
		return fmt.Sprint("mute type ", b.Type)
	case *wirev1.SignalUpdateGroupMemberType:
		return fmt.Sprintf("role of %s %d", b.Uid, b.Type)
	case *wirev1.SignalUpdateGroupMemberMuteTime:
		return fmt.Sprintf("mute %s until %d", names(b.Uid), b.MuteTime)
	case *wirev1.SignalUpdateGroupName:
		return "name " + b.Name
	case *wirev1.SignalUpdateGroupAvatar:
		return "avatar " + b.Avatar

	case *wirev1.NoticeUpdateGroupName:
		return d.notice(b, "names it "+b.Name)
	case *wirev1.NoticeSignInGroup:
		return d.notice(nil, fmt.Sprintf("%s signs in %s", b.Inviter, names(b.Members)))
	case *wirev1.NoticeSignOutGroup:
		return d.notice(b, "signs out")
	case *wirev1.NoticeKickOutGroup:
		return d.notice(b, "kicks out "+names(b.Members))
	case *wirev1.NoticeDeleteGroup:
		return d.notice(b, "deletes the group")
	case *wirev1.NoticeUpdateGroupMuted:
		return d.notice(b, fmt.Sprint("sets mute type ", b.Type))
	case *wirev1.NoticeUpdateGroupMemberMuted:
		return d.notice(b, "mutes "+names(b.Members))
	case *wirev1.NoticeUpdateGroupOwner:
		return d.notice(nil, fmt.Sprintf("%s gives the group to %s", d.From, b.NewOwner))
	}
	return fmt.Sprintf("%s from %s", d.MsgID, d.From)
}

// notice is a notice in words. Its operator, where it has one, is who it comes
// from.
func (d Event) notice(by interface{ GetOperator() string }, what string) string {
	if by == nil {
		return "notice: " + what
	}
	if by.GetOperator() != string(d.From) {
		return fmt.Sprintf("notice from %s: %s %s", d.From, by.GetOperator(), what)
	}
	return fmt.Sprintf("notice: %s %s", d.From, what)
}

// text is a text message to a group as clients send it.
func text(g id.GID, msgID string) []byte {
	return encode(&wirev1.Proto{Body: encode(&wirev1.Common{
		ChannelType: wirev1.ChannelType_CHANNEL_TYPE_GROUP, MsgId: msgID, Target: g.String(),
		MsgType: wirev1.MsgType_MSG_TYPE_TEXT, Msg: encode(&wirev1.Text{Content: "text of " + msgID}),
	})})
}

func encode(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", m, err))
	}
	return b
}
