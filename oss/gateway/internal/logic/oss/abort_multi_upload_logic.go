package oss

import (
	"context"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/gateway"
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

// AbortMultiUpload drops an upload and its parts.
func (l *AbortMultiUploadLogic) AbortMultiUpload(req *types.AbortMultiUploadReq) (resp *types.AbortMultiUploadResp, err error) {
	_, err = l.svcCtx.Storage.AbortMultipart(l.ctx, &ossv1.AbortMultipartRequest{
		Caller: string(gateway.UID(l.ctx)), Object: objectOf(req.OssBase, req.Key), UploadId: req.UploadId,
	})
	return &types.AbortMultiUploadResp{}, err
}
