package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
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

// UpdateGroupAvatar sets the avatar of the group.
func (l *UpdateGroupAvatarLogic) UpdateGroupAvatar(req *types.UpdateGroupAvatarReq) (resp *types.UpdateGroupAvatarResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Groups.SetAvatar(l.ctx, &groupv1.SetAvatarRequest{Caller: string(gateway.UID(l.ctx)), Group: int64(group), Avatar: req.Avatar})
	return &types.UpdateGroupAvatarResp{}, err
}
