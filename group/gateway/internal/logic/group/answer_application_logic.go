package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
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

// AnswerApplication accepts or rejects an application.
func (l *AnswerApplicationLogic) AnswerApplication(req *types.AnswerApplicationReq) (resp *types.AnswerApplicationResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	application, err := bind.Application(req.ApplicationId, req.ApplicationIdStr)
	if err != nil {
		return nil, err
	}
	answered, err := l.svcCtx.Groups.AnswerApplication(l.ctx, &groupv1.AnswerApplicationRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), Application: application, Accept: req.Accept,
	})
	if err != nil {
		return nil, err
	}
	return &types.AnswerApplicationResp{Id: int64(group), IdStr: group.String(), MemberNum: answered.GetMemberNum()}, nil
}
