// Package rpc offers the record service over gRPC. It only translates.
package rpc

import (
	"context"

	"google.golang.org/grpc"

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

// partBytes is about how much of a page goes into one gRPC message, well below
// the 4 MiB that gRPC takes by default.
const partBytes = 1 << 20

// Sync implements recordv1.RecordServiceServer.
func (s *Server) Sync(req *recordv1.SyncRequest, stream grpc.ServerStreamingServer[recordv1.SyncResponse]) error {
	return s.service.Sync(stream.Context(), id.UID(req.GetUid()), eventlog.Position(req.GetAfter()), int(req.GetCount()),
		func(protos [][]byte) error {
			return inParts(protos, func(p []byte) int { return len(p) }, func(part [][]byte) error {
				return stream.Send(&recordv1.SyncResponse{Protos: part})
			})
		})
}

// History implements recordv1.RecordServiceServer.
func (s *Server) History(req *recordv1.HistoryRequest, stream grpc.ServerStreamingServer[recordv1.HistoryResponse]) error {
	return s.service.History(stream.Context(), id.UID(req.GetUid()), id.UID(req.GetTarget()), eventlog.Position(req.GetBefore()), int(req.GetCount()),
		func(entries []record.Entry) error {
			records := make([]*recordv1.HistoryRecord, len(entries))
			for i, e := range entries {
				records[i] = &recordv1.HistoryRecord{
					LogId: int64(e.LogID), MsgId: e.MsgID, From: string(e.From), Target: string(e.Target),
					MsgType: int32(e.MsgType), Content: e.Content, Datetime: e.Datetime,
				}
			}
			return inParts(records, func(r *recordv1.HistoryRecord) int { return len(r.Content) }, func(part []*recordv1.HistoryRecord) error {
				return stream.Send(&recordv1.HistoryResponse{Records: part})
			})
		})
}

// inParts sends items in runs of at most partBytes, or of one item.
func inParts[T any](items []T, size func(T) int, send func([]T) error) error {
	for len(items) > 0 {
		n, bytes := 1, size(items[0])
		for n < len(items) && bytes+size(items[n]) <= partBytes {
			bytes += size(items[n])
			n++
		}
		if err := send(items[:n:n]); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
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
