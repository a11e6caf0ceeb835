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
	// maxWait how long it may wait for one where there is none.
	maxTries = 4
	maxWait  = 5 * time.Second
	// reconnectAfter is the pause after a stream broke, times the number of
	// streams that broke in a row.
	reconnectAfter = 50 * time.Millisecond
	// silence is how long nothing may be heard of messages that were sent: the service is
	// frozen then, or may as well be. Each watchEvery somebody looks.
	silence    = 3 * time.Second
	watchEvery = 500 * time.Millisecond
)

// errMoved ends a stream that is to be opened at another service.
var errMoved = errors.New("the stream moves to another service")

// errSilent ends a stream on which nothing comes.
var errSilent = fmt.Errorf("it has not answered for %s", silence)

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
	key    int // names the service

	mu      sync.Mutex
	queue   []*call
	sent    map[uint64]*call
	heard   time.Time // when an answer came, or what was sent began to wait for one
	seq     uint64
	closed  bool
	wake    chan struct{} // holds one token when the queue has something
	stopped chan struct{}
}

func newLane(client recordv1.RecordServiceClient, key int) *lane {
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
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, place := rpc.ByKey(ctx, l.key)
	stream, err := l.client.Send(ctx)
	if err != nil {
		return false, err
	}
	go l.watch(ctx, place, cancel)
	broken := make(chan error, 1)
	go func() {
		for {
			res, err := stream.Recv()
			if err != nil {
				if ctx.Err() != nil {
					err = context.Cause(ctx)
				}
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
		case <-place.Moved():
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
		case <-place.Moved():
		case err := <-broken:
			return answered, err
		}
	}
}

// watch ends a stream on which nothing comes, if the next one goes to another service;
// also one that is stuck in sending. The old service may still append what it got when it
// wakes. The order is kept all the same: each of the two appends a message only behind
// the ones before it, be it as a repeat, and none behind one that it could not append (see
// eventlog.Chain), so the log has none ahead of them.
func (l *lane) watch(ctx context.Context, place *rpc.Place, end context.CancelCauseFunc) {
	look := time.NewTicker(watchEvery)
	defer look.Stop()
	leaving, moved := false, place.Moved()
	for {
		select {
		case <-look.C:
		case <-moved:
			leaving, moved = true, nil
			continue
		case <-ctx.Done():
			return
		}
		if l.hearsNothing(leaving) && place.Avoid() {
			end(errSilent)
			return
		}
	}
}

// hearsNothing reports whether an answer is overdue, or the end of a stream that the
// lane leaves.
func (l *lane) hearsNothing(leaving bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return (leaving || len(l.sent) > 0) && time.Since(l.heard) > silence
}

// leave ends a stream from which the lane moves. The service answers what it was sent
// before it ends the stream itself; only then the next one is opened, so that nothing
// overtakes. One that falls silent loses the stream, and what it has left unanswered is
// sent again.
func leave(stream grpc.BidiStreamingClient[recordv1.SendRequest, recordv1.SendResponse], broken <-chan error, cancel context.CancelCauseFunc) error {
	if err := stream.CloseSend(); err != nil {
		cancel(err)
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
	if len(l.sent) == 0 {
		l.heard = time.Now()
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
	l.heard = time.Now()
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
	// Where another service is there, nobody has to wait for one.
	elsewhere := errors.Is(cause, errMoved) || errors.Is(cause, errSilent)
	var failed []*call
	l.queue = l.queue[:0:0]
	for _, c := range calls {
		if c.tries >= maxTries || !elsewhere && time.Since(c.since) > maxWait {
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
