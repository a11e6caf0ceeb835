package oss

import (
	"context"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss"
	"parley/oss/gateway/internal/svc"
	"parley/oss/gateway/internal/transfer"
	"parley/oss/gateway/internal/types"
	"parley/pkg/bind"
	"parley/pkg/gateway"
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

// Upload stores a whole file.
func (l *UploadLogic) Upload(req *types.UploadReq) (resp *types.UploadResp, err error) {
	origin, err := gateway.Origin(l.ctx)
	if err != nil {
		return nil, err
	}
	caller := string(gateway.UID(l.ctx))
	var upload string // of the last try
	var end int64
	if deadline, ok := l.ctx.Deadline(); ok {
		end = deadline.UnixMilli()
	}
	etag, _, err := transfer.Send(l.ctx, l.svcCtx.Carrier, func(ctx context.Context, size int64) (*ossv1.SignedRequest, error) {
		// Fields that came after the file are in req by now.
		answer, err := l.svcCtx.Storage.SignUpload(ctx, &ossv1.SignUploadRequest{
			Caller: caller, Object: objectOf(req.OssBase, req.Key), Size: size, ContentType: contentType(ctx),
			EndTime: end, PreviousUploadId: upload,
		})
		if err != nil {
			return nil, err
		}
		upload = answer.GetUploadId()
		return answer.GetRequest(), nil
	})
	if err != nil {
		return nil, err
	}
	answer, err := l.svcCtx.Storage.RecordUpload(l.ctx, &ossv1.RecordUploadRequest{Caller: caller, UploadId: upload, Etag: etag, Origin: origin})
	if err != nil {
		return nil, err
	}
	return &types.UploadResp{Url: answer.GetLocation().GetUrl(), Uri: answer.GetLocation().GetUri()}, nil
}

// contentType is what the client says of the file, or "" if that is no header.
func contentType(ctx context.Context) string {
	if file, ok := bind.File(ctx); ok && oss.IsPrintable(file.ContentType) {
		return file.ContentType
	}
	return ""
}
