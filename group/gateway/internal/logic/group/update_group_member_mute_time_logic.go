package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
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

// UpdateGroupMemberMuteTime answers Unsupported until there is a service that it can call.
func (l *UpdateGroupMemberMuteTimeLogic) UpdateGroupMemberMuteTime(req *types.UpdateGroupMemberMuteTimeReq) (resp *types.UpdateGroupMemberMuteTimeResp, err error) {
	return nil, fault.Unsupported
}
