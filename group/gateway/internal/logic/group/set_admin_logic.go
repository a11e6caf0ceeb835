package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// SetAdminLogic answers 设置群管理员.
type SetAdminLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewSetAdminLogic returns the logic of one request.
func NewSetAdminLogic(ctx context.Context, svcCtx *svc.ServiceContext) *SetAdminLogic {
	return &SetAdminLogic{ctx: ctx, svcCtx: svcCtx}
}

// SetAdmin makes a member an admin or takes that back.
func (l *SetAdminLogic) SetAdmin(req *types.SetAdminReq) (resp *types.SetAdminResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Groups.SetRole(l.ctx, &groupv1.SetRoleRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), Uid: req.MemberId, Role: req.MemberType,
	})
	return &types.SetAdminResp{}, err
}
