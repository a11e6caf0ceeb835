package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
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

// CreateGroup answers Unsupported until there is a service that it can call.
func (l *CreateGroupLogic) CreateGroup(req *types.CreateGroupReq) (resp *types.CreateGroupResp, err error) {
	return nil, fault.Unsupported
}
