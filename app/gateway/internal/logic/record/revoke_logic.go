package record

import (
	"context"

	recordv1 "parley/api/proto/record/v1"
	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/gateway"
)

// RevokeLogic answers 撤回消息.
type RevokeLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewRevokeLogic returns the logic of one request.
func NewRevokeLogic(ctx context.Context, svcCtx *svc.ServiceContext) *RevokeLogic {
	return &RevokeLogic{ctx: ctx, svcCtx: svcCtx}
}

// Revoke erases a message for everybody. The type of the conversation is not
// needed to find it.
func (l *RevokeLogic) Revoke(req *types.RevokeReq) (resp *types.RevokeResp, err error) {
	_, err = l.svcCtx.Records.Revoke(l.ctx, &recordv1.RevokeRequest{Uid: string(gateway.UID(l.ctx)), LogId: req.Mid})
	return &types.RevokeResp{}, err
}
