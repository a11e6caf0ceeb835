package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// JoinGroupLogic answers 主动加群.
type JoinGroupLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewJoinGroupLogic returns the logic of one request.
func NewJoinGroupLogic(ctx context.Context, svcCtx *svc.ServiceContext) *JoinGroupLogic {
	return &JoinGroupLogic{ctx: ctx, svcCtx: svcCtx}
}

// JoinGroup brings the caller into the group. The inviter is only shown.
func (l *JoinGroupLogic) JoinGroup(req *types.JoinGroupReq) (resp *types.JoinGroupResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Groups.Join(l.ctx, &groupv1.JoinRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), Inviter: req.InviterId,
	})
	if err != nil {
		return nil, err
	}
	return &types.JoinGroupResp{Id: int64(group), IdStr: group.String()}, nil
}
