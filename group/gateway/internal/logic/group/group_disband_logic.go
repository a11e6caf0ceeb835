package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// GroupDisbandLogic answers 解散群.
type GroupDisbandLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGroupDisbandLogic returns the logic of one request.
func NewGroupDisbandLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GroupDisbandLogic {
	return &GroupDisbandLogic{ctx: ctx, svcCtx: svcCtx}
}

// GroupDisband answers Unsupported until there is a service that it can call.
func (l *GroupDisbandLogic) GroupDisband(req *types.GroupDisbandReq) (resp *types.GroupDisbandResp, err error) {
	return nil, fault.Unsupported
}
