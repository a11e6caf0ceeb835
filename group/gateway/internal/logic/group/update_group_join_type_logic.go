package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
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

// UpdateGroupJoinType sets how people come into the group.
func (l *UpdateGroupJoinTypeLogic) UpdateGroupJoinType(req *types.UpdateGroupJoinTypeReq) (resp *types.UpdateGroupJoinTypeResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Groups.SetJoinType(l.ctx, &groupv1.SetJoinTypeRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), JoinType: req.JoinType,
	})
	return &types.UpdateGroupJoinTypeResp{}, err
}
