package sender

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	recordv1 "parley/api/proto/record/v1"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/rpc"
)

const (
	// maxOpen bounds the messages of a lane that wait for an answer.
	maxOpen = 8 << 10
	// maxBatch and maxBatchBytes bound one message on the stream.
	maxBatch      = 256
	maxBatchBytes = 1 << 20
	// maxTries is how many streams a message may lose before it fails, and
	// maxWait how long it may wait for one.
	maxTries = 4
	maxWait  = 5 * time.Second
	// reconnectAfter is the pause after a stream broke, times the number of
	// streams that broke in a row.
	reconnectAfter = 50 * time.Millisecond
	// leaveWithin is how long a stream that moves to another service waits for
	// the answers of the one before.
	leaveWithin = 2 * time.Second
)

// errMoved ends a stream that is to be opened at another service.
var errMoved = errors.New("the stream moves to another service")

// ErrClosed fails what is sent through a closed Sender.
var ErrClosed = errors.New("the sender is closed")

// call is a message and whoever waits for its answer.
type call struct {
	sender id.UID
	proto  []byte
	trace  []byte // of its request, encoded
	done   func(Receipt, error)
	since  time.Time // when it came
	tries  int
}

// lane is one stream, the calls that wait to be sent on it, in order, and those
// that were sent and wait for an answer.
type lane struct {
	client recordv1.RecordServiceClient
	key    string // names the service

	mu      sync.Mutex
	queue   []*call
	sent    map[uint64]*call
	seq     uint64
	closed  bool
	wake    chan struct{} // holds one token when the queue has something
	stopped chan struct{}
}

func newLane(client recordv1.RecordServiceClient, key string) *lane {
	return &lane{client: client, key: key, sent: make(map[uint64]*call), wake: make(chan struct{}, 1), stopped: make(chan struct{})}
}

func (l *lane) push(c *call) {
	l.mu.Lock()
	var err error
	switch {
	case l.closed:
		err = ErrClosed
	case len(l.queue)+len(l.sent) >= maxOpen:
		err = fault.Overloaded
	default:
		l.queue = append(l.queue, c)
	}
	l.mu.Unlock()
	if err != nil {
		c.done(Receipt{}, err)
		return
	}
	l.signal()
}

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run keeps a stream open while there is something to send.
func (l *lane) run(ctx context.Context) {
	defer close(l.stopped)
	failures := 0
	for {
		select {
		case <-l.wake:
		case <-ctx.Done():
			l.close()
			return
		}
		answered, err := l.stream(ctx)
		l.requeue(err)
		if errors.Is(err, errMoved) {
			failures = 0
			continue
		}
		if answered {
			failures = 0
		}
		failures++
		select {
		case <-time.After(time.Duration(min(failures, 20)) * reconnectAfter):
		case <-ctx.Done():
			l.close()
			return
		}
	}
}

// stream runs one stream until it breaks, or is to move to another service, and
// reports whether it brought any answer.
func (l *lane) stream(ctx context.Context) (answered bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx, moved := rpc.ByKey(ctx, l.key)
	stream, err := l.client.Send(ctx)
	if err != nil {
		return false, err
	}
	broken := make(chan error, 1)
	go func() {
		for {
			res, err := stream.Recv()
			if err != nil {
				broken <- err
				return
			}
			answered = true
			for _, r := range res.GetResults() {
				l.answer(r)
			}
		}
	}()
	for {
		select {
		case <-moved:
			err := leave(stream, broken, cancel)
			return answered, err
		default:
		}
		if batch := l.take(); batch != nil {
			if err := stream.Send(batch); err != nil {
				// The reason comes with Recv; Send says only EOF.
				err := <-broken
				return answered, err
			}
			continue
		}
		select {
		case <-l.wake:
		case <-moved:
		case err := <-broken:
			return answered, err
		}
	}
}

// leave ends a stream from which the lane moves. The service answers what it was sent
// before it ends the stream itself; only then the next one is opened, so that nothing
// overtakes. One that does not answer in time loses the stream, and what it has left
// unanswered is sent again.
func leave(stream grpc.BidiStreamingClient[recordv1.SendRequest, recordv1.SendResponse], broken <-chan error, cancel func()) error {
	late := time.AfterFunc(leaveWithin, cancel)
	defer late.Stop()
	if err := stream.CloseSend(); err != nil {
		cancel()
	}
	<-broken
	return errMoved
}

// take moves one batch from the queue to those that were sent.
func (l *lane) take() *recordv1.SendRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, size := 0, 0
	for n < len(l.queue) && n < maxBatch {
		size += len(l.queue[n].proto)
		if n > 0 && size > maxBatchBytes {
			break
		}
		n++
	}
	if n == 0 {
		return nil
	}
	items := make([]*recordv1.SendItem, n)
	for i, c := range l.queue[:n] {
		l.seq++
		l.sent[l.seq] = c
		items[i] = &recordv1.SendItem{Seq: l.seq, Sender: string(c.sender), Proto: c.proto, Trace: c.trace}
	}
	l.queue = slices.Delete(l.queue, 0, n)
	return &recordv1.SendRequest{Items: items}
}

func (l *lane) answer(r *recordv1.SendResult) {
	l.mu.Lock()
	c := l.sent[r.GetSeq()]
	delete(l.sent, r.GetSeq())
	l.mu.Unlock()
	if c == nil {
		return
	}
	if f := r.GetFault(); f != nil {
		c.done(Receipt{}, fault.FromProto(f))
		return
	}
	c.done(Receipt{LogID: r.GetLogId(), Datetime: r.GetDatetime()}, nil)
}

// requeue puts what was sent and not answered back to the front, in its order,
// and fails what lost too many streams or has waited too long: the oldest first,
// so that nobody's later message overtakes an earlier one.
func (l *lane) requeue(cause error) {
	l.mu.Lock()
	seqs := make([]uint64, 0, len(l.sent))
	for seq := range l.sent {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	calls := make([]*call, 0, len(seqs)+len(l.queue))
	for _, seq := range seqs {
		l.sent[seq].tries++
		calls = append(calls, l.sent[seq])
	}
	clear(l.sent)
	calls = append(calls, l.queue...)
	var failed []*call
	l.queue = l.queue[:0:0]
	for _, c := range calls {
		if c.tries >= maxTries || time.Since(c.since) > maxWait {
			failed = append(failed, c)
		} else {
			l.queue = append(l.queue, c)
		}
	}
	waiting := len(l.queue) > 0
	l.mu.Unlock()
	for _, c := range failed {
		c.done(Receipt{}, fmt.Errorf("send to the record service: %w", cause))
	}
	if waiting {
		l.signal()
	}
}

// close fails everything that waits.
func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	calls := l.queue
	for _, c := range l.sent {
		calls = append(calls, c)
	}
	l.queue = nil
	clear(l.sent)
	l.mu.Unlock()
	for _, c := range calls {
		c.done(Receipt{}, ErrClosed)
	}
}
