package call

import (
	"context"

	callv1 "parley/api/proto/call/v1"
	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
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

// HandleCall accepts a call, or rejects, cancels or hangs up.
func (l *HandleCallLogic) HandleCall(req *types.HandleCallReq) (resp *types.HandleCallResp, err error) {
	trace, err := bind.Trace(req.TraceId, req.TraceIdStr)
	if err != nil {
		return nil, err
	}
	answer, err := l.svcCtx.Calls.Handle(l.ctx, &callv1.HandleRequest{
		Caller: string(gateway.UID(l.ctx)), Uuid: gateway.Device(l.ctx).UUID, TraceId: trace, Answer: req.Answer,
	})
	if err != nil {
		return nil, err
	}
	t := answer.GetTicket()
	return &types.HandleCallResp{
		RoomId: t.GetRoomId(), UserSig: t.GetUserSig(), PrivateMapKey: t.GetPrivateMapKey(), SDKAppId: t.GetSdkAppId(),
	}, nil
}
