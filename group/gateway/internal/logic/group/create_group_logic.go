package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/gateway"
)

// CreateGroupLogic answers 创建群.
type CreateGroupLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewCreateGroupLogic returns the logic of one request.
func NewCreateGroupLogic(ctx context.Context, svcCtx *svc.ServiceContext) *CreateGroupLogic {
	return &CreateGroupLogic{ctx: ctx, svcCtx: svcCtx}
}

// CreateGroup makes a group that the caller owns.
func (l *CreateGroupLogic) CreateGroup(req *types.CreateGroupReq) (resp *types.CreateGroupResp, err error) {
	created, err := l.svcCtx.Groups.Create(l.ctx, &groupv1.CreateRequest{
		Caller: string(gateway.UID(l.ctx)), Name: req.Name, Avatar: req.Avatar, Introduce: req.Introduce, Uids: req.MemberIds,
	})
	if err != nil {
		return nil, err
	}
	return &types.CreateGroupResp{GroupInfo: groupOf(created.GetGroup()), Members: membersOf(created.GetMembers())}, nil
}
