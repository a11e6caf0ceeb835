package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// GetGroupMemberListLogic answers 获取群成员列表.
type GetGroupMemberListLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetGroupMemberListLogic returns the logic of one request.
func NewGetGroupMemberListLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetGroupMemberListLogic {
	return &GetGroupMemberListLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetGroupMemberList shows all members of the group.
func (l *GetGroupMemberListLogic) GetGroupMemberList(req *types.GetGroupMemberListReq) (resp *types.GetGroupMemberListResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	stream, err := l.svcCtx.Groups.Members(l.ctx, &groupv1.MembersRequest{Caller: string(gateway.UID(l.ctx)), Group: int64(group)})
	if err != nil {
		return nil, err
	}
	members, err := collect(stream, (*groupv1.MembersResponse).GetMembers)
	if err != nil {
		return nil, err
	}
	return &types.GetGroupMemberListResp{Id: int64(group), IdStr: group.String(), Members: membersOf(members)}, nil
}
