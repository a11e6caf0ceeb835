package group

import (
	"context"

	groupv1 "parley/api/proto/group/v1"
	"parley/group/gateway/internal/svc"
	"parley/group/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
)

// GetApplicationListLogic answers 获取入群申请列表.
type GetApplicationListLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewGetApplicationListLogic returns the logic of one request.
func NewGetApplicationListLogic(ctx context.Context, svcCtx *svc.ServiceContext) *GetApplicationListLogic {
	return &GetApplicationListLogic{ctx: ctx, svcCtx: svcCtx}
}

// GetApplicationList reads a page of the open applications of a group. A negative
// start is the beginning.
func (l *GetApplicationListLogic) GetApplicationList(req *types.GetApplicationListReq) (resp *types.GetApplicationListResp, err error) {
	group, err := bind.Group(req.Id, req.IdStr)
	if err != nil {
		return nil, err
	}
	page, err := l.svcCtx.Groups.Applications(l.ctx, &groupv1.ApplicationsRequest{
		Caller: string(gateway.UID(l.ctx)), Group: int64(group), After: req.Start, Count: req.Count,
	})
	if err != nil {
		return nil, err
	}
	return &types.GetApplicationListResp{Applications: applicationsOf(page.GetApplications())}, nil
}
