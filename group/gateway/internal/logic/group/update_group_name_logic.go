package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// UpdateGroupNameLogic answers 更新群名.
type UpdateGroupNameLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewUpdateGroupNameLogic returns the logic of one request.
func NewUpdateGroupNameLogic(ctx context.Context, svcCtx *svc.ServiceContext) *UpdateGroupNameLogic {
	return &UpdateGroupNameLogic{ctx: ctx, svcCtx: svcCtx}
}

// UpdateGroupName answers Unsupported until there is a service that it can call.
func (l *UpdateGroupNameLogic) UpdateGroupName(req *types.UpdateGroupNameReq) (resp *types.UpdateGroupNameResp, err error) {
	return nil, fault.Unsupported
}
