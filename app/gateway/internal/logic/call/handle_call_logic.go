package call

import (
	"context"

	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/fault"
)

// HandleCallLogic answers 处理通话.
type HandleCallLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewHandleCallLogic returns the logic of one request.
func NewHandleCallLogic(ctx context.Context, svcCtx *svc.ServiceContext) *HandleCallLogic {
	return &HandleCallLogic{ctx: ctx, svcCtx: svcCtx}
}

// HandleCall answers Unsupported until there is a service that it can call.
func (l *HandleCallLogic) HandleCall(req *types.HandleCallReq) (resp *types.HandleCallResp, err error) {
	return nil, fault.Unsupported
}
