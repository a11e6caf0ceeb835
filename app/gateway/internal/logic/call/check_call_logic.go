package call

import (
	"context"

	callv1 "parley/api/proto/call/v1"
	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
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

// CheckCall shows a call that rings.
func (l *CheckCallLogic) CheckCall(req *types.CheckCallReq) (resp *types.CheckCallResp, err error) {
	trace, err := bind.Trace(req.TraceId, req.TraceIdStr)
	if err != nil {
		return nil, err
	}
	answer, err := l.svcCtx.Calls.Check(l.ctx, &callv1.CheckRequest{Caller: string(gateway.UID(l.ctx)), TraceId: trace})
	if err != nil {
		return nil, err
	}
	c := answer.GetSession()
	return &types.CheckCallResp{
		TraceId: c.GetTraceId(), TraceIdStr: text(c.GetTraceId()), RTCType: c.GetRtcType(), Invitees: c.GetInvitees(), Caller: c.GetCaller(),
		CreateTime: c.GetCreateTime(), Timeout: c.GetTimeout(), Deadline: c.GetDeadline(), GroupId: text(c.GetGroup()),
	}, nil
}
