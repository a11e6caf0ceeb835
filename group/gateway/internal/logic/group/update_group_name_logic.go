package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
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

// UpdateGroupName sets the names of the group. An empty one, to clients and to the
// service alike, leaves that name as it is.
func (l *UpdateGroupNameLogic) UpdateGroupName(req *types.UpdateGroupNameReq) (resp *types.UpdateGroupNameResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Groups.SetName(l.ctx, &groupv1.SetNameRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), Name: req.Name, PublicName: req.PublicName,
	})
	return &types.UpdateGroupNameResp{}, err
}
