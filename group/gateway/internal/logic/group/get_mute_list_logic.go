package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// GetMuteListLogic answers 获取群禁言列表.
type GetMuteListLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetMuteListLogic returns the logic of one request.
func NewGetMuteListLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetMuteListLogic {
	return &GetMuteListLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetMuteList answers Unsupported until there is a service that it can call.
func (l *GetMuteListLogic) GetMuteList(req *types.GetMuteListReq) (resp *types.GetMuteListResp, err error) {
	return nil, fault.Unsupported
}
