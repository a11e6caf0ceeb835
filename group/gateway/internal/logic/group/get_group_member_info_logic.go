package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// GetGroupMemberInfoLogic answers 获取群成员信息.
type GetGroupMemberInfoLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetGroupMemberInfoLogic returns the logic of one request.
func NewGetGroupMemberInfoLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetGroupMemberInfoLogic {
	return &GetGroupMemberInfoLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetGroupMemberInfo shows one member.
func (l *GetGroupMemberInfoLogic) GetGroupMemberInfo(req *types.GetGroupMemberInfoReq) (resp *types.GetGroupMemberInfoResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	found, err := l.svcCtx.Groups.Member(l.ctx, &groupv1.MemberRequest{Caller: string(gateway.UID(l.ctx)), Group: int64(group), Uid: req.MemberId})
	if err != nil {
		return nil, err
	}
	return &types.GetGroupMemberInfoResp{GroupMember: memberOf(found.GetMember())}, nil
}
