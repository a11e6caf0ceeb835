package oss

import (
	"context"

	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/fault"
)

// CompleteMultiUploadLogic answers 完成分段上传.
type CompleteMultiUploadLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewCompleteMultiUploadLogic returns the logic of one request.
func NewCompleteMultiUploadLogic(ctx context.Context, svcCtx *svc.ServiceContext) *CompleteMultiUploadLogic {
	return &CompleteMultiUploadLogic{ctx: ctx, svcCtx: svcCtx}
}

// CompleteMultiUpload answers Unsupported until there is a service that it can call.
func (l *CompleteMultiUploadLogic) CompleteMultiUpload(req *types.CompleteMultiUploadReq) (resp *types.CompleteMultiUploadResp, err error) {
	return nil, fault.Unsupported
}
