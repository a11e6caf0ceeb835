package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// UpdateGroupMemberNameLogic answers 更新群成员名称.
type UpdateGroupMemberNameLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewUpdateGroupMemberNameLogic returns the logic of one request.
func NewUpdateGroupMemberNameLogic(ctx context.Context, svcCtx *svc.ServiceContext) *UpdateGroupMemberNameLogic {
	return &UpdateGroupMemberNameLogic{ctx: ctx, svcCtx: svcCtx}
}

// UpdateGroupMemberName sets the caller's own name in the group.
func (l *UpdateGroupMemberNameLogic) UpdateGroupMemberName(req *types.UpdateGroupMemberNameReq) (resp *types.UpdateGroupMemberNameResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Groups.SetMemberName(l.ctx, &groupv1.SetMemberNameRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), Name: req.MemberName,
	})
	return &types.UpdateGroupMemberNameResp{}, err
}
