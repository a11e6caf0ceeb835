package oss

import (
	"context"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/gateway"
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

// GetHost answers the address below which the objects of an app are read.
func (l *GetHostLogic) GetHost(req *types.GetHostReq) (resp *types.GetHostResp, err error) {
	origin, err := gateway.Origin(l.ctx)
	if err != nil {
		return nil, err
	}
	answer, err := l.svcCtx.Storage.Host(l.ctx, &ossv1.HostRequest{AppId: req.AppId, Provider: req.OssType, Origin: origin})
	if err != nil {
		return nil, err
	}
	return &types.GetHostResp{Host: answer.GetHost()}, nil
}
