package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// GroupDisbandLogic answers 解散群.
type GroupDisbandLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGroupDisbandLogic returns the logic of one request.
func NewGroupDisbandLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GroupDisbandLogic {
	return &GroupDisbandLogic{ctx: ctx, svcCtx: svcCtx}
}

// GroupDisband ends the group for ever.
func (l *GroupDisbandLogic) GroupDisband(req *types.GroupDisbandReq) (resp *types.GroupDisbandResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Groups.Disband(l.ctx, &groupv1.DisbandRequest{Caller: string(gateway.UID(l.ctx)), Group: int64(group)})
	return &types.GroupDisbandResp{}, err
}
