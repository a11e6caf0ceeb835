package oss

import (
	"context"

	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/fault"
)

// InitMultiUploadLogic answers 初始化分段上传.
type InitMultiUploadLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewInitMultiUploadLogic returns the logic of one request.
func NewInitMultiUploadLogic(ctx context.Context, svcCtx *svc.ServiceContext) *InitMultiUploadLogic {
	return &InitMultiUploadLogic{ctx: ctx, svcCtx: svcCtx}
}

// InitMultiUpload answers Unsupported until there is a service that it can call.
func (l *InitMultiUploadLogic) InitMultiUpload(req *types.InitMultiUploadReq) (resp *types.InitMultiUploadResp, err error) {
	return nil, fault.Unsupported
}
