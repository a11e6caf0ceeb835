package record

import (
	"context"
	"encoding/base64"

	"google.golang.org/protobuf/proto"

	recordv1 "parley/api/proto/record/v1"
	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/fault"
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

// pageCopies is how often a page is in memory while its answer is made: as it
// came, in base64, and in the buffers of the encoder.
const pageCopies = 4

// Sync reads a page of the caller's events. A negative start is the beginning. A
// page of a thousand of the longest messages has 60 MB; when many ask for such
// at once, the later ones are told to come again.
func (l *SyncLogic) Sync(req *types.SyncReq) (resp *types.SyncResp, err error) {
	records := []string{}
	for after, more := req.StartMid, true; more; {
		part, err := l.svcCtx.Records.Sync(l.ctx, &recordv1.SyncRequest{
			Uid: string(gateway.UID(l.ctx)), After: after, Count: req.MaxCount - int64(len(records)),
		})
		if err != nil {
			return nil, err
		}
		size := int64(pageCopies * proto.Size(part))
		if !l.svcCtx.Pages.TryAcquire(size) {
			return nil, fault.Overloaded
		}
		// The context ends when the answer is written.
		context.AfterFunc(l.ctx, func() { l.svcCtx.Pages.Release(size) })
		for _, p := range part.GetProtos() {
			records = append(records, base64.StdEncoding.EncodeToString(p))
		}
		after, more = part.GetLast(), part.GetMore()
	}
	return &types.SyncResp{RecordCount: len(records), Records: records}, nil
}
