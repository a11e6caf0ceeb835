package chat

import (
	"testing"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/client"
)

func TestWhatNoticesSay(t *testing.T) {
	t.Parallel()
	c := conversation{me: me, group: 7}
	for want, n := range map[string]struct {
		kind wirev1.NoticeType
		body proto.Message
	}{
		`ann named the group "go"`:           {wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_NAME, &wirev1.NoticeUpdateGroupName{Operator: "ann", Name: "go"}},
		"ann brought in bob, me":             {wirev1.NoticeType_NOTICE_TYPE_SIGN_IN_GROUP, &wirev1.NoticeSignInGroup{Inviter: "ann", Members: []string{bob, me}}},
		"bob joined":                         {wirev1.NoticeType_NOTICE_TYPE_SIGN_IN_GROUP, &wirev1.NoticeSignInGroup{Inviter: bob, Members: []string{bob}}},
		"ann left":                           {wirev1.NoticeType_NOTICE_TYPE_SIGN_OUT_GROUP, &wirev1.NoticeSignOutGroup{Operator: "ann"}},
		"ann removed bob":                    {wirev1.NoticeType_NOTICE_TYPE_KICK_OUT_GROUP, &wirev1.NoticeKickOutGroup{Members: []string{bob}}},
		"ann disbanded the group":            {wirev1.NoticeType_NOTICE_TYPE_DELETE_GROUP, &wirev1.NoticeDeleteGroup{}},
		"ann muted everybody but the admins": {wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_MUTED, &wirev1.NoticeUpdateGroupMuted{Type: 1}},
		"ann lets everybody speak":           {wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_MUTED, &wirev1.NoticeUpdateGroupMuted{}},
		"ann muted me":                       {wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_MEMBER_MUTED, &wirev1.NoticeUpdateGroupMemberMuted{Members: []string{me}}},
		"ann gave the group to bob":          {wirev1.NoticeType_NOTICE_TYPE_UPDATE_GROUP_OWNER, &wirev1.NoticeUpdateGroupOwner{NewOwner: bob}},
		"[notice]":                           {99, &wirev1.NoticeDeleteGroup{}},
	} {
		notice := client.Encode(&wirev1.Notice{Type: n.kind, Body: client.Encode(n.body)})
		if got := c.words(&said{from: "ann", kind: wirev1.MsgType_MSG_TYPE_NOTICE, notice: notice}); got != want {
			t.Errorf("notice %s says %q, want %q", n.kind, got, want)
		}
	}
}

func TestWhatSignalsSay(t *testing.T) {
	t.Parallel()
	c := conversation{me: me, group: 7}
	for _, row := range []struct {
		want string
		kind wirev1.SignalType
		body proto.Message
	}{
		{"now an admin: bob", wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_TYPE, &wirev1.SignalUpdateGroupMemberType{Group: 7, Uid: bob, Type: 1}},
		{"now a member: me", wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_TYPE, &wirev1.SignalUpdateGroupMemberType{Group: 7, Uid: me}},
		{"", wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_TYPE, &wirev1.SignalUpdateGroupMemberType{Group: 7, Uid: bob, Type: 2}},
		{"", wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_TYPE, &wirev1.SignalUpdateGroupMemberType{Group: 8, Uid: bob, Type: 1}},
		{"no longer muted: bob", wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_MUTE_TIME, &wirev1.SignalUpdateGroupMemberMuteTime{Group: 7, Uid: []string{bob}}},
		{"", wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_MEMBER_MUTE_TIME, &wirev1.SignalUpdateGroupMemberMuteTime{Group: 7, Uid: []string{bob}, MuteTime: 1}},
		{"how people join the group has changed", wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_JOIN_TYPE, &wirev1.SignalUpdateGroupJoinType{Group: 7, Type: 1}},
		{"whether members may become friends has changed", wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_FRIEND_TYPE, &wirev1.SignalUpdateGroupFriendType{Group: 7, Type: 1}},
		{"the group has another avatar", wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_AVATAR, &wirev1.SignalUpdateGroupAvatar{Group: 7}},
		{"", wirev1.SignalType_SIGNAL_TYPE_UPDATE_GROUP_NAME, &wirev1.SignalUpdateGroupName{Group: 7, Name: "a notice says it"}},
	} {
		if got := c.change(&wirev1.Signal{Type: row.kind, Body: client.Encode(row.body)}); got != row.want {
			t.Errorf("signal %s says %q, want %q", row.kind, got, row.want)
		}
	}
}

func TestWhatMessagesSay(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		kind wirev1.MsgType
		msg  []byte
		want string
	}{
		{wirev1.MsgType_MSG_TYPE_TEXT, client.Encode(&wirev1.Text{Content: "hello"}), "hello"},
		{wirev1.MsgType_MSG_TYPE_TEXT, nil, ""},
		{wirev1.MsgType_MSG_TYPE_TEXT, []byte("\x07\xff secret"), "[text, encrypted]"},
		{wirev1.MsgType_MSG_TYPE_IMAGE, client.Encode(&wirev1.Image{MediaUrl: "http://x/y"}), "[image]"},
		{wirev1.MsgType_MSG_TYPE_FILE, client.Encode(&wirev1.File{MediaUrl: "http://x/y", Name: "plan.pdf"}), "[file plan.pdf]"},
		{wirev1.MsgType_MSG_TYPE_CARD, client.Encode(&wirev1.Card{Bank: "b", Name: "n", Account: "1"}), "[bank card]"},
		{99, []byte("?"), "[message of type 99, encrypted]"},
	} {
		m := &wirev1.Common{LogId: 3, From: bob, Target: me, MsgType: row.kind, Msg: row.msg}
		e := eventOf(client.Event{Pos: m.LogId, Message: m})
		if got := describe(e.said.kind, e.said.content); got != row.want || e.pos != 3 {
			t.Errorf("%s %q is shown as %q at %d, want %q", row.kind, row.msg, got, e.pos, row.want)
		}
	}
}

func TestLongUidsAreShortenedOnATerminal(t *testing.T) {
	t.Parallel()
	c := conversation{me: "someone", short: true}
	if got := c.names([]string{me, bob, "someone"}); got != "1Aqutx…TddR, bob, me" {
		t.Errorf("the names are %q", got)
	}
}
