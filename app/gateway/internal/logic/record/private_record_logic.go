package record

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"google.golang.org/grpc"
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
	stream, err := l.svcCtx.Records.History(l.ctx, &recordv1.HistoryRequest{
		Uid: string(gateway.UID(l.ctx)), Target: req.TargetId, Before: before, Count: req.RecordCount,
	})
	if err != nil {
		return nil, err
	}
	records := []*types.Record{}
	err = eachPart(stream, func(part *recordv1.HistoryResponse) {
		for _, r := range part.GetRecords() {
			records = append(records, recordOf(r))
		}
	})
	return &types.PrivateRecordResp{RecordCount: len(records), Records: records}, err
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

// eachPart calls f with every message of a stream.
func eachPart[T any](stream grpc.ServerStreamingClient[T], f func(*T)) error {
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f(part)
	}
}
