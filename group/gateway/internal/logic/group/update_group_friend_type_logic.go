package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// UpdateGroupFriendTypeLogic answers 更新群加好友权限.
type UpdateGroupFriendTypeLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewUpdateGroupFriendTypeLogic returns the logic of one request.
func NewUpdateGroupFriendTypeLogic(ctx context.Context, svcCtx *svc.ServiceContext) *UpdateGroupFriendTypeLogic {
	return &UpdateGroupFriendTypeLogic{ctx: ctx, svcCtx: svcCtx}
}

// UpdateGroupFriendType sets whether members may become friends through the group.
func (l *UpdateGroupFriendTypeLogic) UpdateGroupFriendType(req *types.UpdateGroupFriendTypeReq) (resp *types.UpdateGroupFriendTypeResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Groups.SetFriendType(l.ctx, &groupv1.SetFriendTypeRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), FriendType: req.FriendType,
	})
	return &types.UpdateGroupFriendTypeResp{}, err
}
