package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// UpdateGroupMuteTypeLogic answers 更新群禁言类型.
type UpdateGroupMuteTypeLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewUpdateGroupMuteTypeLogic returns the logic of one request.
func NewUpdateGroupMuteTypeLogic(ctx context.Context, svcCtx *svc.ServiceContext) *UpdateGroupMuteTypeLogic {
	return &UpdateGroupMuteTypeLogic{ctx: ctx, svcCtx: svcCtx}
}

// UpdateGroupMuteType answers Unsupported until there is a service that it can call.
func (l *UpdateGroupMuteTypeLogic) UpdateGroupMuteType(req *types.UpdateGroupMuteTypeReq) (resp *types.UpdateGroupMuteTypeResp, err error) {
	return nil, fault.Unsupported
}
