package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// UpdateGroupJoinTypeLogic answers 更新群入群权限.
type UpdateGroupJoinTypeLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewUpdateGroupJoinTypeLogic returns the logic of one request.
func NewUpdateGroupJoinTypeLogic(ctx context.Context, svcCtx *svc.ServiceContext) *UpdateGroupJoinTypeLogic {
	return &UpdateGroupJoinTypeLogic{ctx: ctx, svcCtx: svcCtx}
}

// UpdateGroupJoinType answers Unsupported until there is a service that it can call.
func (l *UpdateGroupJoinTypeLogic) UpdateGroupJoinType(req *types.UpdateGroupJoinTypeReq) (resp *types.UpdateGroupJoinTypeResp, err error) {
	return nil, fault.Unsupported
}
