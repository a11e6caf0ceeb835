package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// GetGroupListLogic answers 获取入群列表.
type GetGroupListLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetGroupListLogic returns the logic of one request.
func NewGetGroupListLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetGroupListLogic {
	return &GetGroupListLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetGroupList answers Unsupported until there is a service that it can call.
func (l *GetGroupListLogic) GetGroupList(req *types.GetGroupListReq) (resp *types.GetGroupListResp, err error) {
	return nil, fault.Unsupported
}
