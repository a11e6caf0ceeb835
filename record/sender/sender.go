// Package sender brings messages from a gateway to the record service: over a
// few long streams, in batches, each sender's messages in their order. A batch
// is whatever came while the last one was on its way, so the price of the hop
// is shared when there is much to send and nobody waits when there is little.
//
// A stream that breaks is opened again and what was not answered is sent again.
// That is harmless, because a repeat gets the first answer.
package sender

import (
	"context"
	"hash/crc32"
	"time"

	"go.opentelemetry.io/otel/trace"

	recordv1 "parley/api/proto/record/v1"
	"parley/pkg/id"
	"parley/pkg/traces"
)

// Receipt is where a message stands in the log.
type Receipt struct {
	LogID    int64
	Datetime int64 // Unix milliseconds
}

// lanes is how many streams there are. A sender always uses the same one, which
// keeps his order, and with the same number in every gateway: so all of them send
// what he sends to one record service, but for a moment when services come or go.
// Services take turns in getting one: with six lanes up to three, and six, have equally
// many. More would make the batches on the way smaller.
const lanes = 6

// Sender is safe for concurrent use.
type Sender struct {
	lanes [lanes]*lane
	stop  context.CancelFunc
}

// New returns a Sender to a record service. Close stops it.
func New(client recordv1.RecordServiceClient) *Sender {
	ctx, stop := context.WithCancel(context.Background())
	s := &Sender{stop: stop}
	for i := range s.lanes {
		s.lanes[i] = newLane(client, i)
		go s.lanes[i].run(ctx)
	}
	return s
}

// Close ends the streams. Messages that wait for an answer fail.
func (s *Sender) Close() {
	s.stop()
	for _, l := range s.lanes {
		<-l.stopped
	}
}

// Send sends a wire.v1.Proto of u and returns when it is durable. It fails with
// a coded error; fault.Overloaded when too much waits already.
func (s *Sender) Send(ctx context.Context, u id.UID, proto []byte) (Receipt, error) {
	type answer struct {
		receipt Receipt
		err     error
	}
	done := make(chan answer, 1)
	s.SendAsync(ctx, u, proto, func(r Receipt, err error) { done <- answer{r, err} })
	select {
	case a := <-done:
		return a.receipt, a.err
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
}

// SendAsync is Send for many messages in a row: it returns at once, and done is
// called later, once, and must not block. Messages of one u enter the log in
// the order of the calls. The trace of ctx goes on with the message, which does not
// end with it.
func (s *Sender) SendAsync(ctx context.Context, u id.UID, proto []byte, done func(Receipt, error)) {
	ctx, span := traces.Start(ctx, trace.SpanKindClient, recordv1.RecordService_Send_FullMethodName[1:])
	if answered := done; span.Recording() {
		done = func(r Receipt, err error) {
			span.End(err)
			answered(r, err)
		}
	}
	l := s.lanes[crc32.ChecksumIEEE([]byte(u))%lanes]
	l.push(&call{sender: u, proto: proto, trace: traces.Encode(trace.SpanContextFromContext(ctx)), done: done, since: time.Now()})
}
