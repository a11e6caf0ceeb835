package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// ChangeOwnerLogic answers 移交群主.
type ChangeOwnerLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewChangeOwnerLogic returns the logic of one request.
func NewChangeOwnerLogic(ctx context.Context, svcCtx *svc.ServiceContext) *ChangeOwnerLogic {
	return &ChangeOwnerLogic{ctx: ctx, svcCtx: svcCtx}
}

// ChangeOwner answers Unsupported until there is a service that it can call.
func (l *ChangeOwnerLogic) ChangeOwner(req *types.ChangeOwnerReq) (resp *types.ChangeOwnerResp, err error) {
	return nil, fault.Unsupported
}
