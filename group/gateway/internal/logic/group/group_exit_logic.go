package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// GroupExitLogic answers 退出群.
type GroupExitLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGroupExitLogic returns the logic of one request.
func NewGroupExitLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GroupExitLogic {
	return &GroupExitLogic{ctx: ctx, svcCtx: svcCtx}
}

// GroupExit takes the caller out of the group.
func (l *GroupExitLogic) GroupExit(req *types.GroupExitReq) (resp *types.GroupExitResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Groups.Leave(l.ctx, &groupv1.LeaveRequest{Caller: string(gateway.UID(l.ctx)), Group: int64(group)})
	return &types.GroupExitResp{}, err
}
