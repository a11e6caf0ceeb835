package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/gateway"
)

// GetGroupListLogic answers 获取入群列表.
type GetGroupListLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetGroupListLogic returns the logic of one request.
func NewGetGroupListLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetGroupListLogic {
	return &GetGroupListLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetGroupList shows the groups that the caller is in.
func (l *GetGroupListLogic) GetGroupList(_ *types.GetGroupListReq) (resp *types.GetGroupListResp, err error) {
	stream, err := l.svcCtx.Groups.List(l.ctx, &groupv1.ListRequest{Caller: string(gateway.UID(l.ctx))})
	if err != nil {
		return nil, err
	}
	groups, err := collect(stream, (*groupv1.ListResponse).GetGroups)
	if err != nil {
		return nil, err
	}
	return &types.GetGroupListResp{Groups: groupsOf(groups)}, nil
}
