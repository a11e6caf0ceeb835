package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// JoinGroupLogic answers 主动加群.
type JoinGroupLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewJoinGroupLogic returns the logic of one request.
func NewJoinGroupLogic(ctx context.Context, svcCtx *svc.ServiceContext) *JoinGroupLogic {
	return &JoinGroupLogic{ctx: ctx, svcCtx: svcCtx}
}

// JoinGroup answers Unsupported until there is a service that it can call.
func (l *JoinGroupLogic) JoinGroup(req *types.JoinGroupReq) (resp *types.JoinGroupResp, err error) {
	return nil, fault.Unsupported
}
