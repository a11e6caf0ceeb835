package record

import (
	"context"
	"encoding/base64"

	recordv1 "parley/api/proto/record/v1"
	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/gateway"
)

// SyncLogic answers 同步聊天记录.
type SyncLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewSyncLogic returns the logic of one request.
func NewSyncLogic(ctx context.Context, svcCtx *svc.ServiceContext) *SyncLogic {
	return &SyncLogic{ctx: ctx, svcCtx: svcCtx}
}

// Sync reads a page of the caller's events. A negative start is the beginning.
func (l *SyncLogic) Sync(req *types.SyncReq) (resp *types.SyncResp, err error) {
	records := []string{}
	for after, more := req.StartMid, true; more; {
		part, err := l.svcCtx.Records.Sync(l.ctx, &recordv1.SyncRequest{
			Uid: string(gateway.UID(l.ctx)), After: after, Count: req.MaxCount - int64(len(records)),
		})
		if err != nil {
			return nil, err
		}
		for _, p := range part.GetProtos() {
			records = append(records, base64.StdEncoding.EncodeToString(p))
		}
		after, more = part.GetLast(), part.GetMore()
	}
	return &types.SyncResp{RecordCount: len(records), Records: records}, nil
}
