package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// GroupRemoveLogic answers 将成员移除群.
type GroupRemoveLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGroupRemoveLogic returns the logic of one request.
func NewGroupRemoveLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GroupRemoveLogic {
	return &GroupRemoveLogic{ctx: ctx, svcCtx: svcCtx}
}

// GroupRemove answers Unsupported until there is a service that it can call.
func (l *GroupRemoveLogic) GroupRemove(req *types.GroupRemoveReq) (resp *types.GroupRemoveResp, err error) {
	return nil, fault.Unsupported
}
