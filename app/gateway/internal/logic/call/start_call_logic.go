package call

import (
	"context"

	callv1 "parley/api/proto/call/v1"
	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/fault"
	"parley/pkg/gateway"
	"parley/pkg/id"
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

// StartCall rings people.
func (l *StartCallLogic) StartCall(req *types.StartCallReq) (resp *types.StartCallResp, err error) {
	var group id.GID
	if req.GroupId != noGroup {
		if group, err = id.ParseGID(req.GroupId); err != nil {
			return nil, fault.Invalid("groupId", "must be a group id, or 0")
		}
	}
	answer, err := l.svcCtx.Calls.Start(l.ctx, &callv1.StartRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), Invitees: req.Invitees, RtcType: req.RTCType,
	})
	if err != nil {
		return nil, err
	}
	c := answer.GetSession()
	return &types.StartCallResp{
		TraceId: c.GetTraceId(), TraceIdStr: text(c.GetTraceId()), RTCType: c.GetRtcType(), Invitees: c.GetInvitees(), Caller: c.GetCaller(),
		CreateTime: c.GetCreateTime(), Timeout: c.GetTimeout(), Deadline: c.GetDeadline(), GroupId: text(c.GetGroup()),
	}, nil
}
