package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// GetGroupInfoLogic answers 获取群信息.
type GetGroupInfoLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetGroupInfoLogic returns the logic of one request.
func NewGetGroupInfoLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetGroupInfoLogic {
	return &GetGroupInfoLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetGroupInfo shows a member the group and its first members.
func (l *GetGroupInfoLogic) GetGroupInfo(req *types.GetGroupInfoReq) (resp *types.GetGroupInfoResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	info, err := l.svcCtx.Groups.Info(l.ctx, &groupv1.InfoRequest{Caller: string(gateway.UID(l.ctx)), Group: int64(group)})
	if err != nil {
		return nil, err
	}
	return &types.GetGroupInfoResp{GroupInfo: groupOf(info.GetGroup()), Members: membersOf(info.GetMembers())}, nil
}
