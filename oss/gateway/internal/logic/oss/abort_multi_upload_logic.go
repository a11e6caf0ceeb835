package oss

import (
	"context"

	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/fault"
)

// AbortMultiUploadLogic answers 终止分段上传.
type AbortMultiUploadLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewAbortMultiUploadLogic returns the logic of one request.
func NewAbortMultiUploadLogic(ctx context.Context, svcCtx *svc.ServiceContext) *AbortMultiUploadLogic {
	return &AbortMultiUploadLogic{ctx: ctx, svcCtx: svcCtx}
}

// AbortMultiUpload answers Unsupported until there is a service that it can call.
func (l *AbortMultiUploadLogic) AbortMultiUpload(req *types.AbortMultiUploadReq) (resp *types.AbortMultiUploadResp, err error) {
	return nil, fault.Unsupported
}
