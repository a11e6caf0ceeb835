package call

import (
	"context"

	callv1 "parley/api/proto/call/v1"
	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
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

// ReplyBusy says that an invitee cannot take a call.
func (l *ReplyBusyLogic) ReplyBusy(req *types.ReplyBusyReq) (resp *types.ReplyBusyResp, err error) {
	trace, err := bind.Trace(req.TraceId, req.TraceIdStr)
	if err != nil {
		return nil, err
	}
	_, err = l.svcCtx.Calls.ReplyBusy(l.ctx, &callv1.ReplyBusyRequest{Caller: string(gateway.UID(l.ctx)), TraceId: trace})
	return &types.ReplyBusyResp{}, err
}
