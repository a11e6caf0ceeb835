package oss

import (
	"context"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/transfer"
	"parley/oss/gateway/internal/types"
	"parley/pkg/gateway"
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

// UploadPart stores a part of an upload.
func (l *UploadPartLogic) UploadPart(req *types.UploadPartReq) (resp *types.UploadPartResp, err error) {
	caller := string(gateway.UID(l.ctx))
	etag, size, err := transfer.Send(l.ctx, l.svcCtx.Carrier, func(ctx context.Context, size int64) (*ossv1.SignedRequest, error) {
		// Fields that came after the file are in req by now.
		answer, err := l.svcCtx.Storage.SignPart(ctx, &ossv1.SignPartRequest{
			Caller: caller, Object: objectOf(req.OssBase, req.Key), UploadId: req.UploadId, PartNumber: req.PartNumber, Size: size,
		})
		return answer.GetRequest(), err
	})
	if err != nil {
		return nil, err
	}
	answer, err := l.svcCtx.Storage.RecordPart(l.ctx, &ossv1.RecordPartRequest{
		Caller: caller, Object: objectOf(req.OssBase, req.Key), UploadId: req.UploadId,
		Part: &ossv1.Part{PartNumber: req.PartNumber, Etag: etag}, Size: size,
	})
	if err != nil {
		return nil, err
	}
	return &types.UploadPartResp{
		Part: types.Part{ETag: answer.GetPart().GetEtag(), PartNumber: req.PartNumber}, UploadId: req.UploadId, Key: req.Key,
	}, nil
}
