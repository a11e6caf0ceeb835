package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// GetGroupMemberInfoLogic answers 获取群成员信息.
type GetGroupMemberInfoLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetGroupMemberInfoLogic returns the logic of one request.
func NewGetGroupMemberInfoLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetGroupMemberInfoLogic {
	return &GetGroupMemberInfoLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetGroupMemberInfo answers Unsupported until there is a service that it can call.
func (l *GetGroupMemberInfoLogic) GetGroupMemberInfo(req *types.GetGroupMemberInfoReq) (resp *types.GetGroupMemberInfoResp, err error) {
	return nil, fault.Unsupported
}
