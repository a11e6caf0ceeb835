package oss

import (
	"context"

	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/fault"
)

// GetHostLogic answers 获取主机地址.
type GetHostLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetHostLogic returns the logic of one request.
func NewGetHostLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetHostLogic {
	return &GetHostLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetHost answers Unsupported until there is a service that it can call.
func (l *GetHostLogic) GetHost(req *types.GetHostReq) (resp *types.GetHostResp, err error) {
	return nil, fault.Unsupported
}
