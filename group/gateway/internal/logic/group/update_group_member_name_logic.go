package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// UpdateGroupMemberNameLogic answers 更新群成员名称.
type UpdateGroupMemberNameLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewUpdateGroupMemberNameLogic returns the logic of one request.
func NewUpdateGroupMemberNameLogic(ctx context.Context, svcCtx *svc.ServiceContext) *UpdateGroupMemberNameLogic {
	return &UpdateGroupMemberNameLogic{ctx: ctx, svcCtx: svcCtx}
}

// UpdateGroupMemberName answers Unsupported until there is a service that it can call.
func (l *UpdateGroupMemberNameLogic) UpdateGroupMemberName(req *types.UpdateGroupMemberNameReq) (resp *types.UpdateGroupMemberNameResp, err error) {
	return nil, fault.Unsupported
}
