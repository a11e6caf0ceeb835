package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// GroupExitLogic answers 退出群.
type GroupExitLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGroupExitLogic returns the logic of one request.
func NewGroupExitLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GroupExitLogic {
	return &GroupExitLogic{ctx: ctx, svcCtx: svcCtx}
}

// GroupExit answers Unsupported until there is a service that it can call.
func (l *GroupExitLogic) GroupExit(req *types.GroupExitReq) (resp *types.GroupExitResp, err error) {
	return nil, fault.Unsupported
}
