package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
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

// InviteGroupMembers answers Unsupported until there is a service that it can call.
func (l *InviteGroupMembersLogic) InviteGroupMembers(req *types.InviteGroupMembersReq) (resp *types.InviteGroupMembersResp, err error) {
	return nil, fault.Unsupported
}
