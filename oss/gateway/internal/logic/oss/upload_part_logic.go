package oss

import (
	"context"

	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/fault"
)

// UploadPartLogic answers 上传某一段.
type UploadPartLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewUploadPartLogic returns the logic of one request.
func NewUploadPartLogic(ctx context.Context, svcCtx *svc.ServiceContext) *UploadPartLogic {
	return &UploadPartLogic{ctx: ctx, svcCtx: svcCtx}
}

// UploadPart answers Unsupported until there is a service that it can call.
func (l *UploadPartLogic) UploadPart(req *types.UploadPartReq) (resp *types.UploadPartResp, err error) {
	return nil, fault.Unsupported
}
