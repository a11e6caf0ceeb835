// Package rpc offers the record service over gRPC. It only translates.
package rpc

import (
	"context"

	recordv1 "parley/api/proto/record/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/record"
)

// Server adapts record.Service to recordv1.RecordServiceServer.
type Server struct {
	recordv1.UnimplementedRecordServiceServer
	service *record.Service
}

var _ recordv1.RecordServiceServer = (*Server)(nil)

// New returns the server of a service.
func New(service *record.Service) *Server { return &Server{service: service} }

// maxPage bounds a page in bytes, well below the 4 MiB that gRPC takes by
// default.
const maxPage = 1 << 20

// Sync implements recordv1.RecordServiceServer.
func (s *Server) Sync(ctx context.Context, req *recordv1.SyncRequest) (*recordv1.SyncResponse, error) {
	page, err := s.service.Sync(ctx, id.UID(req.GetUid()), eventlog.Position(req.GetAfter()), int(req.GetCount()), maxPage)
	if err != nil {
		return nil, err
	}
	return &recordv1.SyncResponse{Protos: page.Protos, Last: int64(page.Last), More: page.More}, nil
}

// History implements recordv1.RecordServiceServer.
func (s *Server) History(ctx context.Context, req *recordv1.HistoryRequest) (*recordv1.HistoryResponse, error) {
	entries, more, err := s.service.History(ctx, id.UID(req.GetUid()), id.UID(req.GetTarget()),
		eventlog.Position(req.GetBefore()), int(req.GetCount()), maxPage)
	if err != nil {
		return nil, err
	}
	records := make([]*recordv1.HistoryRecord, len(entries))
	for i, e := range entries {
		records[i] = &recordv1.HistoryRecord{
			LogId: int64(e.LogID), MsgId: e.MsgID, From: string(e.From), Target: string(e.Target),
			MsgType: int32(e.MsgType), Content: e.Content, Datetime: e.Datetime,
		}
	}
	return &recordv1.HistoryResponse{Records: records, More: more}, nil
}

// Revoke implements recordv1.RecordServiceServer.
func (s *Server) Revoke(ctx context.Context, req *recordv1.RevokeRequest) (*recordv1.RevokeResponse, error) {
	err := s.service.Revoke(ctx, id.UID(req.GetUid()), eventlog.Position(req.GetLogId()))
	return &recordv1.RevokeResponse{}, err
}

// Focus implements recordv1.RecordServiceServer.
func (s *Server) Focus(ctx context.Context, req *recordv1.FocusRequest) (*recordv1.FocusResponse, error) {
	err := s.service.Focus(ctx, id.UID(req.GetUid()), eventlog.Position(req.GetLogId()))
	return &recordv1.FocusResponse{}, err
}

// result translates the answer of one message.
func result(seq uint64, receipt eventlog.Receipt, err error) *recordv1.SendResult {
	r := &recordv1.SendResult{Seq: seq, LogId: int64(receipt.Pos), Datetime: receipt.At}
	if err != nil {
		r.Fault = fault.Of(err).Proto()
	}
	return r
}
