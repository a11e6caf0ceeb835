package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// InviteGroupMembersLogic answers 邀请新成员.
type InviteGroupMembersLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewInviteGroupMembersLogic returns the logic of one request.
func NewInviteGroupMembersLogic(ctx context.Context, svcCtx *svc.ServiceContext) *InviteGroupMembersLogic {
	return &InviteGroupMembersLogic{ctx: ctx, svcCtx: svcCtx}
}

// InviteGroupMembers brings people into the group.
func (l *InviteGroupMembersLogic) InviteGroupMembers(req *types.InviteGroupMembersReq) (resp *types.InviteGroupMembersResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	invited, err := l.svcCtx.Groups.Invite(l.ctx, &groupv1.InviteRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), Uids: req.NewMemberIds,
	})
	if err != nil {
		return nil, err
	}
	return &types.InviteGroupMembersResp{Id: int64(group), IdStr: group.String(), MemberNum: invited.GetMemberNum()}, nil
}
