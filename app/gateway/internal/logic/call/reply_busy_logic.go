package call

import (
	"context"

	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/fault"
)

// ReplyBusyLogic answers 通话响应-繁忙.
type ReplyBusyLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewReplyBusyLogic returns the logic of one request.
func NewReplyBusyLogic(ctx context.Context, svcCtx *svc.ServiceContext) *ReplyBusyLogic {
	return &ReplyBusyLogic{ctx: ctx, svcCtx: svcCtx}
}

// ReplyBusy answers Unsupported until there is a service that it can call.
func (l *ReplyBusyLogic) ReplyBusy(req *types.ReplyBusyReq) (resp *types.ReplyBusyResp, err error) {
	return nil, fault.Unsupported
}
