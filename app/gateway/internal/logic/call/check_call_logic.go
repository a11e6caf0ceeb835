package call

import (
	"context"

	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/fault"
)

// CheckCallLogic answers 检查通话.
type CheckCallLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewCheckCallLogic returns the logic of one request.
func NewCheckCallLogic(ctx context.Context, svcCtx *svc.ServiceContext) *CheckCallLogic {
	return &CheckCallLogic{ctx: ctx, svcCtx: svcCtx}
}

// CheckCall answers Unsupported until there is a service that it can call.
func (l *CheckCallLogic) CheckCall(req *types.CheckCallReq) (resp *types.CheckCallResp, err error) {
	return nil, fault.Unsupported
}
