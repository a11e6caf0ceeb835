package call

import (
	"context"

	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/fault"
)

// StartCallLogic answers 发起音视频通话.
type StartCallLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewStartCallLogic returns the logic of one request.
func NewStartCallLogic(ctx context.Context, svcCtx *svc.ServiceContext) *StartCallLogic {
	return &StartCallLogic{ctx: ctx, svcCtx: svcCtx}
}

// StartCall answers Unsupported until there is a service that it can call.
func (l *StartCallLogic) StartCall(req *types.StartCallReq) (resp *types.StartCallResp, err error) {
	return nil, fault.Unsupported
}
