package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// SetAdminLogic answers 设置群管理员.
type SetAdminLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewSetAdminLogic returns the logic of one request.
func NewSetAdminLogic(ctx context.Context, svcCtx *svc.ServiceContext) *SetAdminLogic {
	return &SetAdminLogic{ctx: ctx, svcCtx: svcCtx}
}

// SetAdmin answers Unsupported until there is a service that it can call.
func (l *SetAdminLogic) SetAdmin(req *types.SetAdminReq) (resp *types.SetAdminResp, err error) {
	return nil, fault.Unsupported
}
