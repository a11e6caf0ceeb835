// Package rpc offers the group service over gRPC. It only translates.
package rpc

import (
	"context"
	"slices"

	"google.golang.org/grpc"

	groupv1 "parley/api/proto/group/v1"
	"parley/group"
	"parley/pkg/id"
)

// Server adapts group.Service to groupv1.GroupServiceServer.
type Server struct {
	groupv1.UnimplementedGroupServiceServer
	service *group.Service
}

var _ groupv1.GroupServiceServer = (*Server)(nil)

// New returns the server of a service.
func New(service *group.Service) *Server { return &Server{service: service} }

// partMembers and partGroups are how many of a list are sent at once. A group may
// have 35 KB of texts, and gRPC takes 4 MiB by default.
const (
	partMembers = 500
	partGroups  = 50
)

// Create implements groupv1.GroupServiceServer.
func (s *Server) Create(ctx context.Context, req *groupv1.CreateRequest) (*groupv1.CreateResponse, error) {
	v, members, err := s.service.Create(ctx, id.UID(req.GetCaller()), group.Draft{
		Name: req.GetName(), Avatar: req.GetAvatar(), Introduce: req.GetIntroduce(), Users: id.UIDs(req.GetUids()),
	})
	if err != nil {
		return nil, err
	}
	return &groupv1.CreateResponse{Group: s.group(&v), Members: s.members(members)}, nil
}

// Info implements groupv1.GroupServiceServer.
func (s *Server) Info(ctx context.Context, req *groupv1.InfoRequest) (*groupv1.InfoResponse, error) {
	v, members, err := s.service.Info(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()))
	if err != nil {
		return nil, err
	}
	return &groupv1.InfoResponse{Group: s.group(&v), Members: s.members(members)}, nil
}

// PublicInfo implements groupv1.GroupServiceServer.
func (s *Server) PublicInfo(ctx context.Context, req *groupv1.PublicInfoRequest) (*groupv1.PublicInfoResponse, error) {
	v, err := s.service.PublicInfo(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()))
	if err != nil {
		return nil, err
	}
	return &groupv1.PublicInfoResponse{Group: s.group(&v)}, nil
}

// List implements groupv1.GroupServiceServer.
func (s *Server) List(req *groupv1.ListRequest, stream grpc.ServerStreamingServer[groupv1.ListResponse]) error {
	views, err := s.service.List(stream.Context(), id.UID(req.GetCaller()))
	if err != nil {
		return err
	}
	for part := range slices.Chunk(views, partGroups) {
		groups := make([]*groupv1.Group, len(part))
		for i := range part {
			groups[i] = s.group(&part[i])
		}
		if err := stream.Send(&groupv1.ListResponse{Groups: groups}); err != nil {
			return err
		}
	}
	return nil
}

// Member implements groupv1.GroupServiceServer.
func (s *Server) Member(ctx context.Context, req *groupv1.MemberRequest) (*groupv1.MemberResponse, error) {
	m, err := s.service.Member(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), id.UID(req.GetUid()))
	if err != nil {
		return nil, err
	}
	return &groupv1.MemberResponse{Member: s.member(m)}, nil
}

// Members implements groupv1.GroupServiceServer.
func (s *Server) Members(req *groupv1.MembersRequest, stream grpc.ServerStreamingServer[groupv1.MembersResponse]) error {
	members, err := s.service.Members(stream.Context(), id.UID(req.GetCaller()), id.GID(req.GetGroup()))
	if err != nil {
		return err
	}
	return s.sendMembers(members, func(part []*groupv1.Member) error {
		return stream.Send(&groupv1.MembersResponse{Members: part})
	})
}

// MutedMembers implements groupv1.GroupServiceServer.
func (s *Server) MutedMembers(req *groupv1.MutedMembersRequest, stream grpc.ServerStreamingServer[groupv1.MutedMembersResponse]) error {
	members, err := s.service.MutedMembers(stream.Context(), id.UID(req.GetCaller()), id.GID(req.GetGroup()))
	if err != nil {
		return err
	}
	return s.sendMembers(members, func(part []*groupv1.Member) error {
		return stream.Send(&groupv1.MutedMembersResponse{Members: part})
	})
}

func (s *Server) sendMembers(members []group.Member, send func([]*groupv1.Member) error) error {
	for part := range slices.Chunk(members, partMembers) {
		if err := send(s.members(part)); err != nil {
			return err
		}
	}
	return nil
}

// Invite implements groupv1.GroupServiceServer.
func (s *Server) Invite(ctx context.Context, req *groupv1.InviteRequest) (*groupv1.InviteResponse, error) {
	n, err := s.service.Invite(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), id.UIDs(req.GetUids()))
	return &groupv1.InviteResponse{MemberNum: n}, err
}

// Join implements groupv1.GroupServiceServer.
func (s *Server) Join(ctx context.Context, req *groupv1.JoinRequest) (*groupv1.JoinResponse, error) {
	err := s.service.Join(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), id.UID(req.GetInviter()))
	return &groupv1.JoinResponse{}, err
}

// Leave implements groupv1.GroupServiceServer.
func (s *Server) Leave(ctx context.Context, req *groupv1.LeaveRequest) (*groupv1.LeaveResponse, error) {
	err := s.service.Leave(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()))
	return &groupv1.LeaveResponse{}, err
}

// Remove implements groupv1.GroupServiceServer.
func (s *Server) Remove(ctx context.Context, req *groupv1.RemoveRequest) (*groupv1.RemoveResponse, error) {
	gone, n, err := s.service.Remove(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), id.UIDs(req.GetUids()))
	return &groupv1.RemoveResponse{MemberNum: n, Uids: id.Texts(gone)}, err
}

// Disband implements groupv1.GroupServiceServer.
func (s *Server) Disband(ctx context.Context, req *groupv1.DisbandRequest) (*groupv1.DisbandResponse, error) {
	err := s.service.Disband(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()))
	return &groupv1.DisbandResponse{}, err
}

// ChangeOwner implements groupv1.GroupServiceServer.
func (s *Server) ChangeOwner(ctx context.Context, req *groupv1.ChangeOwnerRequest) (*groupv1.ChangeOwnerResponse, error) {
	err := s.service.ChangeOwner(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), id.UID(req.GetUid()))
	return &groupv1.ChangeOwnerResponse{}, err
}

// SetRole implements groupv1.GroupServiceServer.
func (s *Server) SetRole(ctx context.Context, req *groupv1.SetRoleRequest) (*groupv1.SetRoleResponse, error) {
	role, err := group.ParseRole(req.GetRole())
	if err != nil {
		return nil, err
	}
	err = s.service.SetRole(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), id.UID(req.GetUid()), role)
	return &groupv1.SetRoleResponse{}, err
}

// SetMemberName implements groupv1.GroupServiceServer.
func (s *Server) SetMemberName(ctx context.Context, req *groupv1.SetMemberNameRequest) (*groupv1.SetMemberNameResponse, error) {
	err := s.service.SetMemberName(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), req.GetName())
	return &groupv1.SetMemberNameResponse{}, err
}

// Mute implements groupv1.GroupServiceServer.
func (s *Server) Mute(ctx context.Context, req *groupv1.MuteRequest) (*groupv1.MuteResponse, error) {
	muted, err := s.service.Mute(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), id.UIDs(req.GetUids()), req.GetMuteTime())
	return &groupv1.MuteResponse{Members: s.members(muted)}, err
}

// SetName implements groupv1.GroupServiceServer.
func (s *Server) SetName(ctx context.Context, req *groupv1.SetNameRequest) (*groupv1.SetNameResponse, error) {
	err := s.service.SetName(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), req.GetName(), req.GetPublicName())
	return &groupv1.SetNameResponse{}, err
}

// SetAvatar implements groupv1.GroupServiceServer.
func (s *Server) SetAvatar(ctx context.Context, req *groupv1.SetAvatarRequest) (*groupv1.SetAvatarResponse, error) {
	err := s.service.SetAvatar(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), req.GetAvatar())
	return &groupv1.SetAvatarResponse{}, err
}

// SetJoinType implements groupv1.GroupServiceServer.
func (s *Server) SetJoinType(ctx context.Context, req *groupv1.SetJoinTypeRequest) (*groupv1.SetJoinTypeResponse, error) {
	err := s.service.SetJoinType(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), group.JoinType(req.GetJoinType()))
	return &groupv1.SetJoinTypeResponse{}, err
}

// SetMuteType implements groupv1.GroupServiceServer.
func (s *Server) SetMuteType(ctx context.Context, req *groupv1.SetMuteTypeRequest) (*groupv1.SetMuteTypeResponse, error) {
	err := s.service.SetMuteType(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), group.MuteType(req.GetMuteType()))
	return &groupv1.SetMuteTypeResponse{}, err
}

// SetFriendType implements groupv1.GroupServiceServer.
func (s *Server) SetFriendType(ctx context.Context, req *groupv1.SetFriendTypeRequest) (*groupv1.SetFriendTypeResponse, error) {
	err := s.service.SetFriendType(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), group.FriendType(req.GetFriendType()))
	return &groupv1.SetFriendTypeResponse{}, err
}

// Applications implements groupv1.GroupServiceServer.
func (s *Server) Applications(ctx context.Context, req *groupv1.ApplicationsRequest) (*groupv1.ApplicationsResponse, error) {
	list, err := s.service.Applications(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), req.GetAfter(), int(req.GetCount()))
	if err != nil {
		return nil, err
	}
	applications := make([]*groupv1.Application, len(list))
	for i, a := range list {
		applications[i] = &groupv1.Application{Id: a.ID, Uid: string(a.User), Inviter: string(a.Inviter), CreateTime: a.CreatedAt}
	}
	return &groupv1.ApplicationsResponse{Applications: applications}, nil
}

// AnswerApplication implements groupv1.GroupServiceServer.
func (s *Server) AnswerApplication(ctx context.Context, req *groupv1.AnswerApplicationRequest) (*groupv1.AnswerApplicationResponse, error) {
	n, err := s.service.AnswerApplication(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), req.GetApplication(), req.GetAccept())
	return &groupv1.AnswerApplicationResponse{MemberNum: n}, err
}

// CheckMembers implements groupv1.GroupServiceServer.
func (s *Server) CheckMembers(ctx context.Context, req *groupv1.CheckMembersRequest) (*groupv1.CheckMembersResponse, error) {
	absent, err := s.service.CheckMembers(ctx, id.UID(req.GetCaller()), id.GID(req.GetGroup()), id.UIDs(req.GetUids()))
	return &groupv1.CheckMembersResponse{Absent: id.Texts(absent)}, err
}

// group translates a group as its caller sees it.
func (s *Server) group(v *group.View) *groupv1.Group {
	return &groupv1.Group{
		Id: int64(v.ID), MarkId: v.MarkID, Name: v.Name, PublicName: v.PublicName, Avatar: v.Avatar, Introduce: v.Introduce,
		Owner: s.memberOrNone(v.Owner), Person: s.memberOrNone(v.Person),
		MemberNum: v.MemberNum, Maximum: v.Maximum, Status: int32(v.Status), CreateTime: v.CreatedAt,
		JoinType: int32(v.JoinType), MuteType: int32(v.MuteType), FriendType: int32(v.FriendType),
		MuteNum: v.MuteNum, AdminNum: v.AdminNum, Key: v.Key, GroupType: v.Type,
	}
}

func (s *Server) memberOrNone(m group.Member) *groupv1.Member {
	if !m.Present() {
		return nil
	}
	return s.member(m)
}

func (s *Server) members(list []group.Member) []*groupv1.Member {
	members := make([]*groupv1.Member, len(list))
	for i, m := range list {
		members[i] = s.member(m)
	}
	return members
}

func (s *Server) member(m group.Member) *groupv1.Member {
	return &groupv1.Member{Uid: string(m.User), Name: m.Name, Role: int32(m.Role), MuteTime: s.service.MuteEnd(m)}
}
