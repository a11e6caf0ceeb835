package record

import (
	"context"

	recordv1 "parley/api/proto/record/v1"
	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/gateway"
)

// FocusLogic answers 关注消息.
type FocusLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewFocusLogic returns the logic of one request.
func NewFocusLogic(ctx context.Context, svcCtx *svc.ServiceContext) *FocusLogic {
	return &FocusLogic{ctx: ctx, svcCtx: svcCtx}
}

// Focus marks a message as important. The type of the conversation is not needed
// to find it.
func (l *FocusLogic) Focus(req *types.FocusReq) (resp *types.FocusResp, err error) {
	_, err = l.svcCtx.Records.Focus(l.ctx, &recordv1.FocusRequest{Uid: string(gateway.UID(l.ctx)), LogId: req.Mid})
	return &types.FocusResp{}, err
}
