package oss

import (
	"context"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/types"
	"parley/pkg/gateway"
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

// CompleteMultiUpload makes an object of the parts of an upload.
func (l *CompleteMultiUploadLogic) CompleteMultiUpload(req *types.CompleteMultiUploadReq) (resp *types.CompleteMultiUploadResp, err error) {
	origin, err := gateway.Origin(l.ctx)
	if err != nil {
		return nil, err
	}
	parts := make([]*ossv1.Part, len(req.Parts))
	for i, p := range req.Parts {
		parts[i] = &ossv1.Part{PartNumber: p.PartNumber, Etag: p.ETag}
	}
	answer, err := l.svcCtx.Storage.CompleteMultipart(l.ctx, &ossv1.CompleteMultipartRequest{
		Caller: string(gateway.UID(l.ctx)), Object: objectOf(req.OssBase, req.Key), UploadId: req.UploadId, Parts: parts, Origin: origin,
	})
	if err != nil {
		return nil, err
	}
	return &types.CompleteMultiUploadResp{Url: answer.GetLocation().GetUrl(), Uri: answer.GetLocation().GetUri()}, nil
}
