package oss

import (
	"context"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss"
	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/gateway"
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

// GetHuaweiyunToken answers temporary credentials of huaweiyun.
func (l *GetHuaweiyunTokenLogic) GetHuaweiyunToken(*types.GetHWCloudTokenReq) (resp *types.GetHWCloudTokenResp, err error) {
	answer, err := l.svcCtx.Storage.IssueCredentials(l.ctx, &ossv1.IssueCredentialsRequest{Caller: string(gateway.UID(l.ctx)), Provider: oss.Huaweiyun})
	if err != nil {
		return nil, err
	}
	return &types.GetHWCloudTokenResp{
		RequestId: requestOf(l.ctx, answer), Credentials: credentialsOf(answer.GetCredentials()), AssumedRoleUser: roleOf(answer.GetAssumedRoleUser()),
	}, nil
}
