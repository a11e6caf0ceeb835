package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// GroupRemoveLogic answers 将成员移除群.
type GroupRemoveLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGroupRemoveLogic returns the logic of one request.
func NewGroupRemoveLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GroupRemoveLogic {
	return &GroupRemoveLogic{ctx: ctx, svcCtx: svcCtx}
}

// GroupRemove takes people out of the group.
func (l *GroupRemoveLogic) GroupRemove(req *types.GroupRemoveReq) (resp *types.GroupRemoveResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	removed, err := l.svcCtx.Groups.Remove(l.ctx, &groupv1.RemoveRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), Uids: req.MemberIds,
	})
	if err != nil {
		return nil, err
	}
	return &types.GroupRemoveResp{MemberNum: removed.GetMemberNum(), MemberIds: removed.GetUids()}, nil
}
