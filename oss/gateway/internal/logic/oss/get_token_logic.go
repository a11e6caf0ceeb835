package oss

import (
	"context"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/gateway"
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

// GetToken answers temporary credentials of aliyun, or of minio where only that is
// configured.
func (l *GetTokenLogic) GetToken(*types.GetTokenReq) (resp *types.GetTokenResp, err error) {
	answer, err := l.svcCtx.Storage.IssueCredentials(l.ctx, &ossv1.IssueCredentialsRequest{Caller: string(gateway.UID(l.ctx))})
	if err != nil {
		return nil, err
	}
	return &types.GetTokenResp{
		RequestId: requestOf(l.ctx, answer), Credentials: credentialsOf(answer.GetCredentials()), AssumedRoleUser: roleOf(answer.GetAssumedRoleUser()),
	}, nil
}
