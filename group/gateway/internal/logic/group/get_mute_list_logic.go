package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// GetMuteListLogic answers 获取群禁言列表.
type GetMuteListLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetMuteListLogic returns the logic of one request.
func NewGetMuteListLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetMuteListLogic {
	return &GetMuteListLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetMuteList shows the members whose mute has not ended.
func (l *GetMuteListLogic) GetMuteList(req *types.GetMuteListReq) (resp *types.GetMuteListResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	stream, err := l.svcCtx.Groups.MutedMembers(l.ctx, &groupv1.MutedMembersRequest{Caller: string(gateway.UID(l.ctx)), Group: int64(group)})
	if err != nil {
		return nil, err
	}
	members, err := collect(stream, (*groupv1.MutedMembersResponse).GetMembers)
	if err != nil {
		return nil, err
	}
	return &types.GetMuteListResp{Members: membersOf(members)}, nil
}
