package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// UpdateGroupMemberMuteTimeLogic answers 禁言或解禁成员.
type UpdateGroupMemberMuteTimeLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewUpdateGroupMemberMuteTimeLogic returns the logic of one request.
func NewUpdateGroupMemberMuteTimeLogic(ctx context.Context, svcCtx *svc.ServiceContext) *UpdateGroupMemberMuteTimeLogic {
	return &UpdateGroupMemberMuteTimeLogic{ctx: ctx, svcCtx: svcCtx}
}

// UpdateGroupMemberMuteTime mutes members for a time or lifts their mute.
func (l *UpdateGroupMemberMuteTimeLogic) UpdateGroupMemberMuteTime(req *types.UpdateGroupMemberMuteTimeReq) (resp *types.UpdateGroupMemberMuteTimeResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	muted, err := l.svcCtx.Groups.Mute(l.ctx, &groupv1.MuteRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), Uids: req.MemberIds, MuteTime: req.MuteTime,
	})
	if err != nil {
		return nil, err
	}
	return &types.UpdateGroupMemberMuteTimeResp{Members: membersOf(muted.GetMembers())}, nil
}
