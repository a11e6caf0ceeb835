package group

import (
	"context"

	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/fault"
)

// AnswerApplicationLogic answers 处理入群申请.
type AnswerApplicationLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewAnswerApplicationLogic returns the logic of one request.
func NewAnswerApplicationLogic(ctx context.Context, svcCtx *svc.ServiceContext) *AnswerApplicationLogic {
	return &AnswerApplicationLogic{ctx: ctx, svcCtx: svcCtx}
}

// AnswerApplication answers Unsupported until there is a service that it can call.
func (l *AnswerApplicationLogic) AnswerApplication(req *types.AnswerApplicationReq) (resp *types.AnswerApplicationResp, err error) {
	return nil, fault.Unsupported
}
