package oss

import (
	"context"

	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/fault"
)

// GetTokenLogic answers 获取token.
type GetTokenLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetTokenLogic returns the logic of one request.
func NewGetTokenLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetTokenLogic {
	return &GetTokenLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetToken answers Unsupported until there is a service that it can call.
func (l *GetTokenLogic) GetToken(req *types.GetTokenReq) (resp *types.GetTokenResp, err error) {
	return nil, fault.Unsupported
}
