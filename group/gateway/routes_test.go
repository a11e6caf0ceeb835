package gateway_test

import (
	"google.golang.org/protobuf/proto"

	groupv1 "parley/api/proto/group/v1"
)

// route is what becomes of one request on its way to the service, and of the
// service's answer on its way back.
type route struct {
	name string
	path string
	body string // JSON, unless form is set
	form bool

	rpc     string
	request proto.Message
	answers []proto.Message
	data    string // byte for byte
}

// one is what most calls answer.
func one(m proto.Message) []proto.Message { return []proto.Message{m} }

const forEver = 9223372036854775807

func owner() *groupv1.Member { return &groupv1.Member{Uid: "alice", Name: "Al", Role: 2} }
func admin() *groupv1.Member { return &groupv1.Member{Uid: "bob", Role: 1} }
func muted() *groupv1.Member { return &groupv1.Member{Uid: "carol", Name: "C", MuteTime: forEver} }

const (
	ownerJSON = `{"memberId":"alice","memberName":"Al","memberType":2,"memberMuteTime":0}`
	adminJSON = `{"memberId":"bob","memberName":"","memberType":1,"memberMuteTime":0}`
	mutedJSON = `{"memberId":"carol","memberName":"C","memberType":0,"memberMuteTime":9223372036854775807}`
)

// seen has another value in every field, so that none can take another's place.
func seen() *groupv1.Group {
	return &groupv1.Group{
		Id: 8589934593, MarkId: "12345678", Name: "secret & <name>", PublicName: "friends", Avatar: "a.png", Introduce: "we",
		Owner: owner(), Person: muted(), MemberNum: 3, Maximum: 2000, Status: 1, CreateTime: 1656302880000,
		JoinType: 2, MuteType: 4, FriendType: 5, MuteNum: 6, AdminNum: 7, Key: "0123456789abcdef0123456789abcdef", GroupType: 8,
	}
}

// seenJSON lacks its last brace, because some answers go on with the members.
const seenJSON = `{"id":8589934593,"idStr":"8589934593","markId":"12345678","name":"secret & <name>","publicName":"friends",` +
	`"avatar":"a.png","introduce":"we","owner":` + ownerJSON + `,"person":` + mutedJSON + `,"memberNum":3,"maximum":2000,` +
	`"status":1,"createTime":1656302880000,"joinType":2,"muteType":4,"friendType":5,"muteNum":6,"adminNum":7,` +
	`"key":"0123456789abcdef0123456789abcdef","groupType":8`

// bareJSON is what is left of a group of which only the id and the status are
// shown.
const bareJSON = `{"id":9,"idStr":"9","markId":"","name":"","publicName":"","avatar":"","introduce":"","owner":null,"person":null,` +
	`"memberNum":0,"maximum":0,"status":2,"createTime":0,"joinType":0,"muteType":0,"friendType":0,"muteNum":0,"adminNum":0,` +
	`"key":"","groupType":0`

var routes = []route{
	{
		name: "create-group describes a group and its members", path: "/group/app/create-group",
		body: `{"name":"n","avatar":"a","introduce":"i","memberIds":["bob","carol"]}`,
		rpc:  "Create", request: &groupv1.CreateRequest{Caller: "alice", Name: "n", Avatar: "a", Introduce: "i", Uids: []string{"bob", "carol"}},
		answers: one(&groupv1.CreateResponse{Group: seen(), Members: []*groupv1.Member{owner(), admin(), muted()}}),
		data:    seenJSON + `,"members":[` + ownerJSON + `,` + adminJSON + `,` + mutedJSON + `]}`,
	},
	{
		name: "create-group needs no more than a name", path: "/group/app/create-group",
		body: `{"name":"n"}`,
		rpc:  "Create", request: &groupv1.CreateRequest{Caller: "alice", Name: "n"},
		answers: one(&groupv1.CreateResponse{Group: &groupv1.Group{Id: 9, Status: 2}}),
		data:    bareJSON + `,"members":[]}`,
	},
	{
		name: "create-group comes as a form too", path: "/group/app/create-group",
		body: `name=n&introduce=i&memberIds=bob&memberIds=carol`, form: true,
		rpc: "Create", request: &groupv1.CreateRequest{Caller: "alice", Name: "n", Introduce: "i", Uids: []string{"bob", "carol"}},
		answers: one(&groupv1.CreateResponse{Group: seen(), Members: []*groupv1.Member{owner()}}),
		data:    seenJSON + `,"members":[` + ownerJSON + `]}`,
	},
	{
		name: "group-info shows a group and its first members", path: "/group/app/group-info",
		body: `{"id":7}`,
		rpc:  "Info", request: &groupv1.InfoRequest{Caller: "alice", Group: 7},
		answers: one(&groupv1.InfoResponse{Group: seen(), Members: []*groupv1.Member{owner(), muted()}}),
		data:    seenJSON + `,"members":[` + ownerJSON + `,` + mutedJSON + `]}`,
	},
	{
		name: "group-pub-info shows a group without members", path: "/group/app/group-pub-info",
		body: `{"id":7}`,
		rpc:  "PublicInfo", request: &groupv1.PublicInfoRequest{Caller: "alice", Group: 7},
		answers: one(&groupv1.PublicInfoResponse{Group: seen()}),
		data:    seenJSON + `}`,
	},
	{
		name: "a group without an owner, seen from outside, has null for both", path: "/group/app/group-pub-info",
		body: `{"id":7}`,
		rpc:  "PublicInfo", request: &groupv1.PublicInfoRequest{Caller: "alice", Group: 7},
		answers: one(&groupv1.PublicInfoResponse{Group: &groupv1.Group{Id: 9, Status: 2}}),
		data:    bareJSON + `}`,
	},
	{
		name: "group-list joins the parts", path: "/group/app/group-list",
		body: ``,
		rpc:  "List", request: &groupv1.ListRequest{Caller: "alice"},
		answers: []proto.Message{
			&groupv1.ListResponse{Groups: []*groupv1.Group{seen()}},
			&groupv1.ListResponse{Groups: []*groupv1.Group{{Id: 9, Status: 2}, seen()}},
		},
		data: `{"groups":[` + seenJSON + `},` + bareJSON + `},` + seenJSON + `}]}`,
	},
	{
		name: "group-list of somebody in no group is empty", path: "/group/app/group-list",
		body: `{}`,
		rpc:  "List", request: &groupv1.ListRequest{Caller: "alice"},
		data: `{"groups":[]}`,
	},
	{
		name: "group-member-info shows a member", path: "/group/app/group-member-info",
		body: `{"id":7,"memberId":"carol"}`,
		rpc:  "Member", request: &groupv1.MemberRequest{Caller: "alice", Group: 7, Uid: "carol"},
		answers: one(&groupv1.MemberResponse{Member: muted()}),
		data:    mutedJSON,
	},
	{
		name: "group-member-list joins the parts", path: "/group/app/group-member-list",
		body: `{"id":7}`,
		rpc:  "Members", request: &groupv1.MembersRequest{Caller: "alice", Group: 7},
		answers: []proto.Message{
			&groupv1.MembersResponse{Members: []*groupv1.Member{owner(), admin()}},
			&groupv1.MembersResponse{Members: []*groupv1.Member{muted()}},
		},
		data: `{"id":7,"idStr":"7","members":[` + ownerJSON + `,` + adminJSON + `,` + mutedJSON + `]}`,
	},
	{
		name: "mute-list joins the parts", path: "/group/app/mute-list",
		body: `{"id":7}`,
		rpc:  "MutedMembers", request: &groupv1.MutedMembersRequest{Caller: "alice", Group: 7},
		answers: []proto.Message{
			&groupv1.MutedMembersResponse{Members: []*groupv1.Member{muted()}},
			&groupv1.MutedMembersResponse{Members: []*groupv1.Member{muted()}},
		},
		data: `{"members":[` + mutedJSON + `,` + mutedJSON + `]}`,
	},
	{
		name: "mute-list of a group in which nobody is muted is empty", path: "/group/app/mute-list",
		body: `{"id":7}`,
		rpc:  "MutedMembers", request: &groupv1.MutedMembersRequest{Caller: "alice", Group: 7},
		data: `{"members":[]}`,
	},
	{
		name: "invite-group-members names people", path: "/group/app/invite-group-members",
		body: `{"id":7,"newMemberIds":["bob","carol"]}`,
		rpc:  "Invite", request: &groupv1.InviteRequest{Caller: "alice", Group: 7, Uids: []string{"bob", "carol"}},
		answers: one(&groupv1.InviteResponse{MemberNum: 5}),
		data:    `{"id":7,"idStr":"7","memberNum":5}`,
	},
	{
		name: "join-group may name an inviter", path: "/group/app/join-group",
		body: `{"id":7,"inviterId":"bob"}`,
		rpc:  "Join", request: &groupv1.JoinRequest{Caller: "alice", Group: 7, Inviter: "bob"},
		answers: one(&groupv1.JoinResponse{}),
		data:    `{"id":7,"idStr":"7"}`,
	},
	{
		name: "join-group needs no more than a group", path: "/group/app/join-group",
		body: `{"id":7}`,
		rpc:  "Join", request: &groupv1.JoinRequest{Caller: "alice", Group: 7},
		answers: one(&groupv1.JoinResponse{}),
		data:    `{"id":7,"idStr":"7"}`,
	},
	{
		name: "group-exit names a group", path: "/group/app/group-exit",
		body: `{"id":7}`,
		rpc:  "Leave", request: &groupv1.LeaveRequest{Caller: "alice", Group: 7},
		answers: one(&groupv1.LeaveResponse{}),
		data:    `{}`,
	},
	{
		name: "group-remove tells who went", path: "/group/app/group-remove",
		body: `{"id":7,"memberIds":["bob","carol"]}`,
		rpc:  "Remove", request: &groupv1.RemoveRequest{Caller: "alice", Group: 7, Uids: []string{"bob", "carol"}},
		answers: one(&groupv1.RemoveResponse{MemberNum: 4, Uids: []string{"carol"}}),
		data:    `{"memberNum":4,"memberIds":["carol"]}`,
	},
	{
		name: "group-disband names a group", path: "/group/app/group-disband",
		body: `{"id":7}`,
		rpc:  "Disband", request: &groupv1.DisbandRequest{Caller: "alice", Group: 7},
		answers: one(&groupv1.DisbandResponse{}),
		data:    `{}`,
	},
	{
		name: "change-owner names the new owner", path: "/group/app/change-owner",
		body: `{"id":7,"memberId":"bob"}`,
		rpc:  "ChangeOwner", request: &groupv1.ChangeOwnerRequest{Caller: "alice", Group: 7, Uid: "bob"},
		answers: one(&groupv1.ChangeOwnerResponse{}),
		data:    `{}`,
	},
	{
		name: "member/type names a member and his role", path: "/group/app/member/type",
		body: `{"id":7,"memberId":"bob","memberType":1}`,
		rpc:  "SetRole", request: &groupv1.SetRoleRequest{Caller: "alice", Group: 7, Uid: "bob", Role: 1},
		answers: one(&groupv1.SetRoleResponse{}),
		data:    `{}`,
	},
	{
		name: "member/name has the caller's name", path: "/group/app/member/name",
		body: `{"id":7,"memberName":"Al"}`,
		rpc:  "SetMemberName", request: &groupv1.SetMemberNameRequest{Caller: "alice", Group: 7, Name: "Al"},
		answers: one(&groupv1.SetMemberNameResponse{}),
		data:    `{}`,
	},
	{
		name: "member/muteTime hands the time on as it is", path: "/group/app/member/muteTime",
		body: `{"id":7,"memberIds":["bob","carol"],"muteTime":9223372036854775807}`,
		rpc:  "Mute", request: &groupv1.MuteRequest{Caller: "alice", Group: 7, Uids: []string{"bob", "carol"}, MuteTime: forEver},
		answers: one(&groupv1.MuteResponse{Members: []*groupv1.Member{muted()}}),
		data:    `{"members":[` + mutedJSON + `]}`,
	},
	{
		name: "member/muteTime that concerns nobody is empty", path: "/group/app/member/muteTime",
		body: `{"id":7,"memberIds":[],"muteTime":0}`,
		rpc:  "Mute", request: &groupv1.MuteRequest{Caller: "alice", Group: 7},
		answers: one(&groupv1.MuteResponse{}),
		data:    `{"members":[]}`,
	},
	{
		name: "name has both names", path: "/group/app/name",
		body: `{"id":7,"name":"n","publicName":"p"}`,
		rpc:  "SetName", request: &groupv1.SetNameRequest{Caller: "alice", Group: 7, Name: "n", PublicName: "p"},
		answers: one(&groupv1.SetNameResponse{}),
		data:    `{}`,
	},
	{
		name: "a public name that is absent is left as it is", path: "/group/app/name",
		body: `{"id":7,"name":"n"}`,
		rpc:  "SetName", request: &groupv1.SetNameRequest{Caller: "alice", Group: 7, Name: "n"},
		answers: one(&groupv1.SetNameResponse{}),
		data:    `{}`,
	},
	{
		name: "a name that is empty is left as it is", path: "/group/app/name",
		body: `{"id":7,"name":"","publicName":"p"}`,
		rpc:  "SetName", request: &groupv1.SetNameRequest{Caller: "alice", Group: 7, PublicName: "p"},
		answers: one(&groupv1.SetNameResponse{}),
		data:    `{}`,
	},
	{
		name: "avatar has an avatar", path: "/group/app/avatar",
		body: `{"id":7,"avatar":"a.png"}`,
		rpc:  "SetAvatar", request: &groupv1.SetAvatarRequest{Caller: "alice", Group: 7, Avatar: "a.png"},
		answers: one(&groupv1.SetAvatarResponse{}),
		data:    `{}`,
	},
	{
		name: "joinType has a type", path: "/group/app/joinType",
		body: `{"id":7,"joinType":2}`,
		rpc:  "SetJoinType", request: &groupv1.SetJoinTypeRequest{Caller: "alice", Group: 7, JoinType: 2},
		answers: one(&groupv1.SetJoinTypeResponse{}),
		data:    `{}`,
	},
	{
		name: "muteType has a type", path: "/group/app/muteType",
		body: `{"id":7,"muteType":1}`,
		rpc:  "SetMuteType", request: &groupv1.SetMuteTypeRequest{Caller: "alice", Group: 7, MuteType: 1},
		answers: one(&groupv1.SetMuteTypeResponse{}),
		data:    `{}`,
	},
	{
		name: "friendType has a type", path: "/group/app/friendType",
		body: `{"id":7,"friendType":1}`,
		rpc:  "SetFriendType", request: &groupv1.SetFriendTypeRequest{Caller: "alice", Group: 7, FriendType: 1},
		answers: one(&groupv1.SetFriendTypeResponse{}),
		data:    `{}`,
	},
	{
		name: "application-list asks for a page", path: "/group/app/application-list",
		body: `{"id":7,"start":11,"count":2}`,
		rpc:  "Applications", request: &groupv1.ApplicationsRequest{Caller: "alice", Group: 7, After: 11, Count: 2},
		answers: one(&groupv1.ApplicationsResponse{Applications: []*groupv1.Application{
			{Id: 12, Uid: "bob", Inviter: "carol", CreateTime: 1656302880000},
			{Id: 13, Uid: "dave", Inviter: "dave", CreateTime: 1656302880001},
		}}),
		data: `{"applications":[{"id":12,"idStr":"12","memberId":"bob","inviterId":"carol","createTime":1656302880000},` +
			`{"id":13,"idStr":"13","memberId":"dave","inviterId":"dave","createTime":1656302880001}]}`,
	},
	{
		name: "application-list begins with the oldest hundred", path: "/group/app/application-list",
		body: `{"id":7}`,
		rpc:  "Applications", request: &groupv1.ApplicationsRequest{Caller: "alice", Group: 7, Count: 100},
		answers: one(&groupv1.ApplicationsResponse{}),
		data:    `{"applications":[]}`,
	},
	{
		name: "answer-application accepts", path: "/group/app/answer-application",
		body: `{"id":7,"applicationId":12,"accept":true}`,
		rpc:  "AnswerApplication", request: &groupv1.AnswerApplicationRequest{Caller: "alice", Group: 7, Application: 12, Accept: true},
		answers: one(&groupv1.AnswerApplicationResponse{MemberNum: 5}),
		data:    `{"id":7,"idStr":"7","memberNum":5}`,
	},
	{
		name: "answer-application rejects, and the text of the application wins", path: "/group/app/answer-application",
		body: `{"id":7,"applicationId":1,"applicationIdStr":"12","accept":false}`,
		rpc:  "AnswerApplication", request: &groupv1.AnswerApplicationRequest{Caller: "alice", Group: 7, Application: 12},
		answers: one(&groupv1.AnswerApplicationResponse{MemberNum: 4}),
		data:    `{"id":7,"idStr":"7","memberNum":4}`,
	},
}
