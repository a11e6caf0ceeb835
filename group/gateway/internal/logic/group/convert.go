package group

import (
	"strconv"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/types"
)

// groupOf is a group as the API shows it.
func groupOf(g *groupv1.Group) types.GroupInfo {
	return types.GroupInfo{
		Id:         g.GetId(),
		IdStr:      strconv.FormatInt(g.GetId(), 10),
		MarkId:     g.GetMarkId(),
		Name:       g.GetName(),
		PublicName: g.GetPublicName(),
		Avatar:     g.GetAvatar(),
		Introduce:  g.GetIntroduce(),
		Owner:      memberOrNull(g.GetOwner()),
		Person:     memberOrNull(g.GetPerson()),
		MemberNum:  g.GetMemberNum(),
		Maximum:    g.GetMaximum(),
		Status:     g.GetStatus(),
		CreateTime: g.GetCreateTime(),
		JoinType:   g.GetJoinType(),
		MuteType:   g.GetMuteType(),
		FriendType: g.GetFriendType(),
		MuteNum:    g.GetMuteNum(),
		AdminNum:   g.GetAdminNum(),
		AESKey:     g.GetKey(),
		GroupType:  g.GetGroupType(),
	}
}

func groupsOf(list []*groupv1.Group) []*types.GroupInfo {
	groups := make([]*types.GroupInfo, len(list))
	for i, g := range list {
		shown := groupOf(g)
		groups[i] = &shown
	}
	return groups
}

// memberOf is a member as the API shows him.
func memberOf(m *groupv1.Member) types.GroupMember {
	return types.GroupMember{
		MemberId:       m.GetUid(),
		MemberName:     m.GetName(),
		MemberType:     m.GetRole(),
		MemberMuteTime: m.GetMuteTime(),
	}
}

// memberOrNull returns nil for nobody, which the API shows as null.
func memberOrNull(m *groupv1.Member) *types.GroupMember {
	if m == nil {
		return nil
	}
	shown := memberOf(m)
	return &shown
}

func membersOf(list []*groupv1.Member) []*types.GroupMember {
	members := make([]*types.GroupMember, len(list))
	for i, m := range list {
		shown := memberOf(m)
		members[i] = &shown
	}
	return members
}

func applicationsOf(list []*groupv1.Application) []*types.Application {
	applications := make([]*types.Application, len(list))
	for i, a := range list {
		applications[i] = &types.Application{
			Id:         a.GetId(),
			IdStr:      strconv.FormatInt(a.GetId(), 10),
			MemberId:   a.GetUid(),
			InviterId:  a.GetInviter(),
			CreateTime: a.GetCreateTime(),
		}
	}
	return applications
}
