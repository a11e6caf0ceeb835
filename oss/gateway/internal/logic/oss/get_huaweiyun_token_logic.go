package oss

import (
	"context"

	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/fault"
)

// GetHuaweiyunTokenLogic answers 获取华为云token.
type GetHuaweiyunTokenLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetHuaweiyunTokenLogic returns the logic of one request.
func NewGetHuaweiyunTokenLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetHuaweiyunTokenLogic {
	return &GetHuaweiyunTokenLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetHuaweiyunToken answers Unsupported until there is a service that it can call.
func (l *GetHuaweiyunTokenLogic) GetHuaweiyunToken(req *types.GetHWCloudTokenReq) (resp *types.GetHWCloudTokenResp, err error) {
	return nil, fault.Unsupported
}
