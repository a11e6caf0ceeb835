package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// GetGroupPubInfoLogic answers 获取群公开信息.
type GetGroupPubInfoLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetGroupPubInfoLogic returns the logic of one request.
func NewGetGroupPubInfoLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetGroupPubInfoLogic {
	return &GetGroupPubInfoLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetGroupPubInfo shows anyone what outsiders may know of the group.
func (l *GetGroupPubInfoLogic) GetGroupPubInfo(req *types.GetGroupPubInfoReq) (resp *types.GetGroupPubInfoResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	info, err := l.svcCtx.Groups.PublicInfo(l.ctx, &groupv1.PublicInfoRequest{Caller: string(gateway.UID(l.ctx)), Group: int64(group)})
	if err != nil {
		return nil, err
	}
	return &types.GetGroupPubInfoResp{GroupInfo: groupOf(info.GetGroup())}, nil
}
