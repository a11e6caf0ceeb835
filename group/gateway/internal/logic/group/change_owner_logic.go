package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// ChangeOwnerLogic answers 移交群主.
type ChangeOwnerLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewChangeOwnerLogic returns the logic of one request.
func NewChangeOwnerLogic(ctx context.Context, svcCtx *svc.ServiceContext) *ChangeOwnerLogic {
	return &ChangeOwnerLogic{ctx: ctx, svcCtx: svcCtx}
}

// ChangeOwner gives the group to another member.
func (l *ChangeOwnerLogic) ChangeOwner(req *types.ChangeOwnerReq) (resp *types.ChangeOwnerResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Groups.ChangeOwner(l.ctx, &groupv1.ChangeOwnerRequest{Caller: string(gateway.UID(l.ctx)), Group: int64(group), Uid: req.MemberId})
	return &types.ChangeOwnerResp{}, err
}
