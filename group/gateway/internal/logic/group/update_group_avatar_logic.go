package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// UpdateGroupAvatarLogic answers 更新群头像.
type UpdateGroupAvatarLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewUpdateGroupAvatarLogic returns the logic of one request.
func NewUpdateGroupAvatarLogic(ctx context.Context, svcCtx *svc.ServiceContext) *UpdateGroupAvatarLogic {
	return &UpdateGroupAvatarLogic{ctx: ctx, svcCtx: svcCtx}
}

// UpdateGroupAvatar answers Unsupported until there is a service that it can call.
func (l *UpdateGroupAvatarLogic) UpdateGroupAvatar(req *types.UpdateGroupAvatarReq) (resp *types.UpdateGroupAvatarResp, err error) {
	return nil, fault.Unsupported
}
