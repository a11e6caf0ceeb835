package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
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

// UpdateGroupMuteType sets whether plain members may speak.
func (l *UpdateGroupMuteTypeLogic) UpdateGroupMuteType(req *types.UpdateGroupMuteTypeReq) (resp *types.UpdateGroupMuteTypeResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Groups.SetMuteType(l.ctx, &groupv1.SetMuteTypeRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), MuteType: req.MuteType,
	})
	return &types.UpdateGroupMuteTypeResp{}, err
}
