package oss

import (
	"context"

	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/fault"
)

// UploadLogic answers 上传.
type UploadLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewUploadLogic returns the logic of one request.
func NewUploadLogic(ctx context.Context, svcCtx *svc.ServiceContext) *UploadLogic {
	return &UploadLogic{ctx: ctx, svcCtx: svcCtx}
}

// Upload answers Unsupported until there is a service that it can call.
func (l *UploadLogic) Upload(req *types.UploadReq) (resp *types.UploadResp, err error) {
	return nil, fault.Unsupported
}
