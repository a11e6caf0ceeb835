package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// GetGroupPubInfoLogic answers 获取群公开信息.
type GetGroupPubInfoLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetGroupPubInfoLogic returns the logic of one request.
func NewGetGroupPubInfoLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetGroupPubInfoLogic {
	return &GetGroupPubInfoLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetGroupPubInfo answers Unsupported until there is a service that it can call.
func (l *GetGroupPubInfoLogic) GetGroupPubInfo(req *types.GetGroupPubInfoReq) (resp *types.GetGroupPubInfoResp, err error) {
	return nil, fault.Unsupported
}
