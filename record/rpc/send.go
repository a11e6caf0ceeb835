package rpc

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/zeromicro/go-zero/core/logx"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	recordv1 "parley/api/proto/record/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/traces"
	"parley/record"
)

// Send implements recordv1.RecordServiceServer. One goroutine takes batches in
// the order of the stream; answers leave in batches too, whatever was ready
// while the last ones were sent. When the client ends the stream it still gets
// every answer.
func (s *Server) Send(stream grpc.BidiStreamingServer[recordv1.SendRequest, recordv1.SendResponse]) error {
	out := newOutbox()
	sent := make(chan error, 1)
	go func() { sent <- out.drain(stream.Send) }()

	err := s.receive(stream, out)
	out.finish()
	if sendErr := <-sent; err == nil {
		err = sendErr
	}
	return err
}

// receive takes messages until the stream ends, or one of them could not be appended. The
// client sends what was not answered on another stream, maybe to another service; so
// nothing of this one is appended any more then.
func (s *Server) receive(stream grpc.BidiStreamingServer[recordv1.SendRequest, recordv1.SendResponse], out *outbox) error {
	chain := new(eventlog.Chain)
	context.AfterFunc(stream.Context(), chain.Break)
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if chain.Broken() {
			return errBroken
		}
		messages := make([]record.Outgoing, len(req.GetItems()))
		out.expect(len(messages))
		for i, item := range req.GetItems() {
			ctx, span := continueTrace(stream.Context(), item.GetTrace())
			messages[i] = record.Outgoing{
				Sender: id.UID(item.GetSender()),
				Proto:  item.GetProto(),
				Trace:  trace.SpanContextFromContext(ctx),
				Chain:  chain,
				Done: func(receipt eventlog.Receipt, err error) {
					span.End(err)
					out.report(ctx, err)
					out.add(result(item.GetSeq(), receipt, err))
				},
			}
		}
		s.service.Send(messages)
	}
}

var errBroken = status.Error(codes.Unavailable, "a message before could not be appended, or the client has gone")

// continueTrace makes a message part of the request that it came with: one of many
// on the stream, which has no trace of its own.
func continueTrace(ctx context.Context, from []byte) (context.Context, traces.Span) {
	caller := traces.Decode(from)
	if !caller.IsValid() {
		return ctx, traces.Span{}
	}
	ctx = trace.ContextWithRemoteSpanContext(ctx, caller)
	if !caller.IsSampled() {
		return ctx, traces.Span{} // but its id is in the log
	}
	return traces.Root(ctx, trace.SpanKindServer, recordv1.RecordService_Send_FullMethodName[1:])
}

// outbox collects answers until the stream can take them. Adding never blocks:
// what it holds is bounded by what the event log has accepted.
type outbox struct {
	mu       sync.Mutex
	changed  sync.Cond
	results  []*recordv1.SendResult
	open     int  // answers that will still come
	finished bool // no more will be expected
	reported string
}

func newOutbox() *outbox {
	o := &outbox{}
	o.changed.L = &o.mu
	return o
}

func (o *outbox) expect(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open += n
}

func (o *outbox) add(r *recordv1.SendResult) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open--
	o.results = append(o.results, r)
	o.changed.Signal()
}

// report logs a failure that clients are not told the cause of. All messages of
// a batch fail with one error, which is worth one line.
func (o *outbox) report(ctx context.Context, err error) {
	if fault.Expected(err) {
		return
	}
	o.mu.Lock()
	known := o.reported == err.Error()
	o.reported = err.Error()
	o.mu.Unlock()
	if !known {
		logx.WithContext(ctx).Errorf("send messages: %v", err)
	}
}

func (o *outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finished = true
	o.changed.Signal()
}

// drain sends answers until all that was expected is sent, or sending fails.
func (o *outbox) drain(send func(*recordv1.SendResponse) error) error {
	for {
		results := o.take()
		if results == nil {
			return nil
		}
		if err := send(&recordv1.SendResponse{Results: results}); err != nil {
			return err
		}
	}
}

func (o *outbox) take() []*recordv1.SendResult {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.results) == 0 {
		if o.finished && o.open == 0 {
			return nil
		}
		o.changed.Wait()
	}
	results := o.results
	o.results = nil
	return results
}
