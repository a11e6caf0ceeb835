package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// GetApplicationListLogic answers 获取入群申请列表.
type GetApplicationListLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetApplicationListLogic returns the logic of one request.
func NewGetApplicationListLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetApplicationListLogic {
	return &GetApplicationListLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetApplicationList answers Unsupported until there is a service that it can call.
func (l *GetApplicationListLogic) GetApplicationList(req *types.GetApplicationListReq) (resp *types.GetApplicationListResp, err error) {
	return nil, fault.Unsupported
}
