package record

import (
	"context"
	"encoding/json"
	"strconv"

	recordv1 "parley/api/proto/record/v1"
	"parley/app/gateway/internal/svc"
	"parley/app/gateway/internal/types"
	"parley/pkg/fault"
	"parley/pkg/gateway"
	"parley/pkg/id"
)

// PrivateRecordLogic answers 获取私聊消息.
type PrivateRecordLogic struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// NewPrivateRecordLogic returns the logic of one request.
func NewPrivateRecordLogic(ctx context.Context, svcCtx *svc.ServiceContext) *PrivateRecordLogic {
	return &PrivateRecordLogic{ctx: ctx, svcCtx: svcCtx}
}

// PrivateRecord reads a page of the history with another user.
func (l *PrivateRecordLogic) PrivateRecord(req *types.PrivateRecordReq) (resp *types.PrivateRecordResp, err error) {
	before, err := parseBefore(req.Mid)
	if err != nil {
		return nil, err
	}
	if !id.UID(req.TargetId).Valid() {
		return nil, fault.Invalid("targetId", "must be a uid")
	}
	records := []*types.Record{}
	for more := true; more; {
		part, err := l.svcCtx.Records.History(l.ctx, &recordv1.HistoryRequest{
			Uid: string(gateway.UID(l.ctx)), Target: req.TargetId, Before: before, Count: req.RecordCount - int64(len(records)),
		})
		if err != nil {
			return nil, err
		}
		for _, r := range part.GetRecords() {
			records = append(records, recordOf(r))
			before = r.GetLogId()
		}
		more = part.GetMore()
	}
	return &types.PrivateRecordResp{RecordCount: len(records), Records: records}, nil
}

// parseBefore reads the logId from which history goes back: none or 0 is the
// newest.
func parseBefore(logID string) (int64, error) {
	if logID == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(logID, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.Invalid("logId", "must be a logId in decimal")
	}
	return n, nil
}

func recordOf(r *recordv1.HistoryRecord) *types.Record {
	return &types.Record{
		LogId:      strconv.FormatInt(r.GetLogId(), 10),
		MsgId:      r.GetMsgId(),
		FromId:     r.GetFrom(),
		TargetId:   r.GetTarget(),
		MsgType:    r.GetMsgType(),
		Content:    json.RawMessage(r.GetContent()),
		CreateTime: r.GetDatetime(),
	}
}
