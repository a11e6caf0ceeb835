package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// GetGroupInfoLogic answers 获取群信息.
type GetGroupInfoLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetGroupInfoLogic returns the logic of one request.
func NewGetGroupInfoLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetGroupInfoLogic {
	return &GetGroupInfoLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetGroupInfo answers Unsupported until there is a service that it can call.
func (l *GetGroupInfoLogic) GetGroupInfo(req *types.GetGroupInfoReq) (resp *types.GetGroupInfoResp, err error) {
	return nil, fault.Unsupported
}
