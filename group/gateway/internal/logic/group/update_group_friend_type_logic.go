package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
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

// UpdateGroupFriendType answers Unsupported until there is a service that it can call.
func (l *UpdateGroupFriendTypeLogic) UpdateGroupFriendType(req *types.UpdateGroupFriendTypeReq) (resp *types.UpdateGroupFriendTypeResp, err error) {
	return nil, fault.Unsupported
}
