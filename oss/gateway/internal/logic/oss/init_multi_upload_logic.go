package oss

import (
	"context"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/gateway"
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

// InitMultiUpload starts an upload in parts.
func (l *InitMultiUploadLogic) InitMultiUpload(req *types.InitMultiUploadReq) (resp *types.InitMultiUploadResp, err error) {
	answer, err := l.svcCtx.Storage.InitMultipart(l.ctx, &ossv1.InitMultipartRequest{
		Caller: string(gateway.UID(l.ctx)), Object: objectOf(req.OssBase, req.Key),
	})
	if err != nil {
		return nil, err
	}
	return &types.InitMultiUploadResp{UploadId: answer.GetUploadId(), Key: req.Key}, nil
}
