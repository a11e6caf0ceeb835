package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
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

// GetGroupMemberList answers Unsupported until there is a service that it can call.
func (l *GetGroupMemberListLogic) GetGroupMemberList(req *types.GetGroupMemberListReq) (resp *types.GetGroupMemberListResp, err error) {
	return nil, fault.Unsupported
}
