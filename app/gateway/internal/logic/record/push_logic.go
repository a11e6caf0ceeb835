package record

import (
	"context"

	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/fault"
	"parley/pkg/gateway"
	"parley/record/sender"
)

// PushLogic answers 发送消息.
type PushLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewPushLogic returns the logic of one request.
func NewPushLogic(ctx context.Context, svcCtx *svc.ServiceContext) *PushLogic {
	return &PushLogic{ctx: ctx, svcCtx: svcCtx}
}

// Push sends the Proto that is the file part.
func (l *PushLogic) Push(_ *types.PushReq) (resp *types.PushResp, err error) {
	file, ok := bind.File(l.ctx)
	if !ok {
		return nil, fault.Invalid("message", "is missing")
	}
	return answer(l.svcCtx.Sender.Send(l.ctx, gateway.UID(l.ctx), file.Bytes()))
}

func answer(r sender.Receipt, err error) (*types.PushResp, error) {
	if err != nil {
		return nil, err
	}
	return &types.PushResp{Mid: r.LogID, Datetime: uint64(r.Datetime)}, nil
}
