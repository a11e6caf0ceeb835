package sender

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	recordv1 "parley/api/proto/record/v1"
	"parley/pkg/id"
	"parley/pkg/rpc"
	"parley/record/recordtest"
	recordrpc "parley/record/rpc"
)

// late is a stream of which the requests came before and the answers go nowhere.
type late struct {
	sendStream
	requests []*recordv1.SendRequest
}

func (*late) Context() context.Context { return context.Background() }

func (s *late) Recv() (*recordv1.SendRequest, error) {
	if len(s.requests) == 0 {
		return nil, io.EOF
	}
	first := s.requests[0]
	s.requests = s.requests[1:]
	return first, nil
}

func (*late) Send(*recordv1.SendResponse) error { return nil }

// long are messages of which a stream holds a few.
var long = strings.Repeat("x", 16<<10)

// What a service that is silent was sent goes to another one, whether it takes more or
// its stream is full, and whatever it does with it when it wakes.
func TestASilentServiceIsLeft(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]func(stream sendStream, service func(sendStream) error) error{
		"it takes what it is sent": func(stream sendStream, _ func(sendStream) error) error {
			return silent()(stream, nil)
		},
		"it takes nothing": func(stream sendStream, _ func(sendStream) error) error {
			<-stream.Context().Done()
			return stream.Context().Err()
		},
		"it wakes when it is left": func(stream sendStream, service func(sendStream) error) error {
			var taken []*recordv1.SendRequest
			for {
				request, err := stream.Recv()
				if err != nil {
					return service(&late{stream, taken})
				}
				taken = append(taken, request)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := recordtest.New(t)
			var streams atomic.Int32
			var held sync.WaitGroup
			around := func(stream sendStream, service func(sendStream) error) error {
				streams.Add(1)
				held.Add(1)
				defer held.Done()
				return hold(stream, service)
			}
			mute, well := rpc.NewServer("record"), rpc.NewServer("record")
			recordv1.RegisterRecordServiceServer(mute, &service{RecordServiceServer: recordrpc.New(w.Beside().Service), around: around})
			recordv1.RegisterRecordServiceServer(well, recordrpc.New(w.Service))
			s := New(recordv1.NewRecordServiceClient(recordtest.Dial(t, mute, well)))
			t.Cleanup(s.Close)

			const senders, each = 8, 50
			o := newOutcomes(t)
			for i := range each {
				for n := range senders {
					msgID := fmt.Sprintf("%04d", i)
					o.sendProto(s, id.UID(fmt.Sprint("u", n)), msgID, recordtest.Proto(recordtest.Message("bob", msgID, long)))
				}
			}
			o.all.Wait()
			held.Wait()
			for name, err := range o.errs {
				t.Errorf("%s: %v", name, err)
			}
			if streams.Load() == 0 {
				t.Error("the silent service was sent nothing")
			}
			checkOrder(t, inLog(w, "bob"), senders, each)
			checkReceipts(t, w, o)
		})
	}
}
