package sender

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	recordv1 "parley/api/proto/record/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/rpc"
	"parley/record/recordtest"
	recordrpc "parley/record/rpc"
)

type sendStream = grpc.BidiStreamingServer[recordv1.SendRequest, recordv1.SendResponse]

// service is a record service whose streams can be interfered with.
type service struct {
	recordv1.RecordServiceServer
	// around is called with each stream, if set, instead of the service.
	around func(stream sendStream, service func(sendStream) error) error
}

func (s *service) Send(stream sendStream) error {
	if s.around == nil {
		return s.RecordServiceServer.Send(stream)
	}
	return s.around(stream, s.RecordServiceServer.Send)
}

// bothForms runs a test with a Sender to a service in this process and over a
// network.
func bothForms(t *testing.T, newAround func() func(sendStream, func(sendStream) error) error, test func(t *testing.T, w *recordtest.World, s *Sender)) {
	t.Parallel()
	for name, connect := range map[string]func(testing.TB, *rpc.Server) *rpc.Client{
		"in process":     func(_ testing.TB, s *rpc.Server) *rpc.Client { return s.Local(time.Minute) },
		"over a network": func(t testing.TB, s *rpc.Server) *rpc.Client { return recordtest.Dial(t, s) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := recordtest.New(t)
			records := &service{RecordServiceServer: recordrpc.New(w.Service)}
			if newAround != nil {
				records.around = newAround()
			}
			server := rpc.NewServer("record")
			recordv1.RegisterRecordServiceServer(server, records)
			s := New(recordv1.NewRecordServiceClient(connect(t, server)))
			t.Cleanup(s.Close)
			test(t, w, s)
		})
	}
}

// outcomes collects answers and notices one that comes twice.
type outcomes struct {
	testing.TB
	mu   sync.Mutex
	all  sync.WaitGroup
	got  map[string]Receipt
	errs map[string]error
}

func newOutcomes(t testing.TB) *outcomes {
	return &outcomes{TB: t, got: make(map[string]Receipt), errs: make(map[string]error)}
}

func (o *outcomes) send(s *Sender, from, to id.UID, msgID string) {
	o.sendProto(s, from, msgID, recordtest.Text(to, msgID))
}

func (o *outcomes) sendProto(s *Sender, from id.UID, msgID string, proto []byte) {
	o.all.Add(1)
	s.SendAsync(context.Background(), from, proto, func(r Receipt, err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		name := msgID + " from " + string(from)
		if _, known := o.got[name]; known || o.errs[name] != nil {
			o.Errorf("%s is answered twice", name)
			return
		}
		if err != nil {
			o.errs[name] = err
		} else {
			o.got[name] = r
		}
		o.all.Done()
	})
}

// inLog returns the messages in the order of the log, with their logIds.
func inLog(w *recordtest.World, to id.UID) []string { return w.Sync(to, 0) }

func TestTheMessagesOfEachSenderKeepTheirOrder(t *testing.T) {
	bothForms(t, nil, func(t *testing.T, w *recordtest.World, s *Sender) {
		const senders, each = 6, 150
		o := newOutcomes(t)
		var all sync.WaitGroup
		for n := range senders {
			all.Go(func() {
				for i := range each {
					o.send(s, id.UID(fmt.Sprint("u", n)), "bob", fmt.Sprintf("%04d", i))
				}
			})
		}
		all.Wait()
		o.all.Wait()
		checkOrder(t, inLog(w, "bob"), senders, each)
		for name, err := range o.errs {
			t.Errorf("%s: %v", name, err)
		}
		checkReceipts(t, w, o)
	})
}

func checkOrder(t *testing.T, log []string, senders, each int) {
	t.Helper()
	if len(log) != senders*each {
		t.Errorf("the log has %d messages, want %d, each once", len(log), senders*each)
	}
	last := make(map[string]string)
	for _, line := range log {
		msgID, from, _ := strings.Cut(line, " from ")
		if msgID <= last[from] {
			t.Errorf("%s of %s comes after %s", msgID, from, last[from])
		}
		last[from] = msgID
	}
}

// checkReceipts holds the answers against the log.
func checkReceipts(t *testing.T, w *recordtest.World, o *outcomes) {
	t.Helper()
	for name, r := range o.got {
		e, err := w.Log.Find(context.Background(), eventlog.Position(r.LogID))
		if err != nil || e.ID+" from "+string(e.Author) != name || e.At != r.Datetime {
			t.Errorf("%s was answered with %+v, where the log has %s of %s at %d (%v)", name, r, e.ID, e.Author, e.At, err)
		}
	}
}

func TestRefusalsComeBackCoded(t *testing.T) {
	bothForms(t, nil, func(t *testing.T, w *recordtest.World, s *Sender) {
		for name, c := range map[string]struct {
			proto []byte
			want  fault.Code
		}{
			"nothing":         {nil, fault.Failed},
			"no msgId":        {recordtest.Text("bob", ""), fault.BadRequest},
			"an absent group": {recordtest.GroupText(7, "m1"), fault.NoSuchGroup},
		} {
			_, err := s.Send(t.Context(), "alice", c.proto)
			if e := fault.Of(err); e == nil || e.Code != c.want {
				t.Errorf("%s: got %v, want %d", name, err, c.want)
			}
		}
		r, err := s.Send(t.Context(), "alice", recordtest.Text("bob", "m1"))
		if err != nil || r.LogID != 1 || r.Datetime == 0 {
			t.Errorf("a good message after them: %+v (%v)", r, err)
		}
	})
}

// breaking is what happens to streams: each of the first of them breaks when
// it has that many answers, which loses the last of them.
func breaking(streams int32, answers int) func() func(sendStream, func(sendStream) error) error {
	return func() func(sendStream, func(sendStream) error) error {
		var left atomic.Int32
		left.Store(streams)
		return func(stream sendStream, service func(sendStream) error) error {
			if left.Add(-1) < 0 {
				return service(stream)
			}
			broken := make(chan struct{})
			done := make(chan error, 1)
			go func() { done <- service(&breakingStream{sendStream: stream, left: answers, broken: broken}) }()
			select {
			case err := <-done:
				return err
			case <-broken:
				return status.Error(codes.Unavailable, "the service died")
			}
		}
	}
}

// breakingStream is used by one goroutine that sends.
type breakingStream struct {
	sendStream
	left   int
	broken chan struct{}
}

func (b *breakingStream) Send(r *recordv1.SendResponse) error {
	if b.left--; b.left > 0 {
		return b.sendStream.Send(r)
	}
	close(b.broken)
	return errors.New("the stream is broken")
}

func TestWhatABrokenStreamLeftUnansweredIsSentAgainAndStoredOnce(t *testing.T) {
	bothForms(t, breaking(3, 2), func(t *testing.T, w *recordtest.World, s *Sender) {
		const each = 400
		o := newOutcomes(t)
		for i := range each {
			o.send(s, "alice", "bob", fmt.Sprintf("%04d", i))
		}
		o.all.Wait()
		for name, err := range o.errs {
			t.Errorf("%s: %v", name, err)
		}
		checkOrder(t, inLog(w, "bob"), 1, each)
		checkReceipts(t, w, o)
	})
}

func TestWhatAStreamTookAndTheServiceNeverSawIsSentAgainInItsOrder(t *testing.T) {
	const each = 4 * maxBatch
	losing := func() func(sendStream, func(sendStream) error) error {
		var streams atomic.Int32
		return func(stream sendStream, service func(sendStream) error) error {
			if streams.Add(1) > 1 {
				return service(stream)
			}
			for range each / maxBatch {
				if _, err := stream.Recv(); err != nil {
					return err
				}
			}
			return status.Error(codes.Unavailable, "the service died")
		}
	}
	t.Parallel()
	w := recordtest.New(t)
	server := rpc.NewServer("record")
	recordv1.RegisterRecordServiceServer(server, &service{RecordServiceServer: recordrpc.New(w.Service), around: losing()})
	gate := make(chan struct{})
	s := New(gatedClient{recordv1.NewRecordServiceClient(recordtest.Dial(t, server)), gate})
	t.Cleanup(s.Close)
	o := newOutcomes(t)
	for i := range each {
		o.send(s, "alice", "bob", fmt.Sprintf("%04d", i))
	}
	close(gate)
	o.all.Wait()
	for name, err := range o.errs {
		t.Errorf("%s: %v", name, err)
	}
	checkOrder(t, inLog(w, "bob"), 1, each)
}

func TestManySendersOverStreamsThatBreak(t *testing.T) {
	bothForms(t, breaking(6, 3), func(t *testing.T, w *recordtest.World, s *Sender) {
		const senders, each = 8, 60
		o := newOutcomes(t)
		var all sync.WaitGroup
		for n := range senders {
			all.Go(func() {
				for i := range each {
					o.send(s, id.UID(fmt.Sprint("u", n)), "bob", fmt.Sprintf("%04d", i))
				}
			})
		}
		all.Wait()
		o.all.Wait()
		for name, err := range o.errs {
			// A lane may lose all its tries to others' luck; what it answers
			// so may be sent again.
			if !strings.Contains(err.Error(), "the service died") {
				t.Errorf("%s: %v", name, err)
			}
		}
		log := inLog(w, "bob")
		unique := slices.Clone(log)
		slices.Sort(unique)
		if n := len(slices.Compact(unique)); n != len(log) {
			t.Errorf("the log has %d messages, %d of them different", len(log), n)
		}
		for name := range o.got {
			if !slices.Contains(log, name) {
				t.Errorf("%s was answered and is not in the log", name)
			}
		}
		checkReceipts(t, w, o)
	})
}

func TestAServiceThatStaysAwayIsAnError(t *testing.T) {
	var streams atomic.Int32
	away := func() func(sendStream, func(sendStream) error) error {
		return func(sendStream, func(sendStream) error) error {
			streams.Add(1)
			return status.Error(codes.Unavailable, "nobody is here")
		}
	}
	bothForms(t, away, func(t *testing.T, w *recordtest.World, s *Sender) {
		_, err := s.Send(t.Context(), "alice", recordtest.Text("bob", "m1"))
		if err == nil || !strings.Contains(err.Error(), "nobody is here") {
			t.Errorf("got %v, want what the last stream said", err)
		}
		if e := fault.Of(err); e.Code != fault.Busy || e.Overloaded {
			t.Errorf("clients are told %+v", e)
		}
	})
}

func TestAServiceThatComesBackIsFoundAgain(t *testing.T) {
	bothForms(t, breaking(2, 1), func(t *testing.T, w *recordtest.World, s *Sender) {
		for i := range 3 {
			r, err := s.Send(t.Context(), "alice", recordtest.Text("bob", fmt.Sprint("m", i)))
			if err != nil || r.LogID != int64(i+1) {
				t.Errorf("message %d: %+v (%v)", i, r, err)
			}
		}
	})
}

// silent takes everything and answers nothing.
func silent() func(sendStream, func(sendStream) error) error {
	return func(stream sendStream, _ func(sendStream) error) error {
		for {
			if _, err := stream.Recv(); err != nil {
				return err
			}
		}
	}
}

func TestTooMuchIsRefusedAtOnce(t *testing.T) {
	bothForms(t, silent, func(t *testing.T, w *recordtest.World, s *Sender) {
		answered := make(chan error, maxOpen+1)
		encoded := recordtest.Text("bob", "m1")
		for range maxOpen {
			s.SendAsync(t.Context(), "alice", encoded, func(_ Receipt, err error) { answered <- err })
		}
		if len(answered) != 0 {
			t.Fatalf("%d were answered by a service that is silent, the first: %v", len(answered), <-answered)
		}
		if _, err := s.Send(t.Context(), "alice", encoded); !errors.Is(err, fault.Overloaded) {
			t.Errorf("got %v, want %v", err, fault.Overloaded)
		}
		s.Close()
		if len(answered) != maxOpen {
			t.Errorf("%d are answered when Close returns, want %d", len(answered), maxOpen)
		}
	})
}

func TestCloseAnswersWhatWaits(t *testing.T) {
	bothForms(t, silent, func(t *testing.T, w *recordtest.World, s *Sender) {
		o := newOutcomes(t)
		for i := range 50 {
			o.send(s, id.UID(fmt.Sprint("u", i)), "bob", "m")
		}
		s.Close()
		o.all.Wait()
		for i := range 50 {
			if err := o.errs[fmt.Sprint("m from u", i)]; !errors.Is(err, ErrClosed) {
				t.Errorf("message %d: got %v, want %v", i, err, ErrClosed)
			}
		}
		if _, err := s.Send(t.Context(), "alice", recordtest.Text("bob", "m")); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: got %v, want %v", err, ErrClosed)
		}
		s.Close()
	})
}

func TestWhoStopsWaitingIsLetGo(t *testing.T) {
	bothForms(t, silent, func(t *testing.T, w *recordtest.World, s *Sender) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Send(ctx, "alice", recordtest.Text("bob", "m1")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}

// gatedClient opens its streams only when it may.
type gatedClient struct {
	recordv1.RecordServiceClient
	gate chan struct{}
}

func (c gatedClient) Send(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[recordv1.SendRequest, recordv1.SendResponse], error) {
	select {
	case <-c.gate:
		return c.RecordServiceClient.Send(ctx, opts...)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestWhatWaitedForTheStreamGoesInFewBatches(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	sizes := make(chan int, 1000)
	server := rpc.NewServer("record")
	recordv1.RegisterRecordServiceServer(server, &service{
		RecordServiceServer: recordrpc.New(w.Service),
		around: func(stream sendStream, service func(sendStream) error) error {
			return service(countingStream{stream, sizes})
		},
	})
	gate := make(chan struct{})
	s := New(gatedClient{recordv1.NewRecordServiceClient(server.Local(time.Minute)), gate})
	t.Cleanup(s.Close)
	o := newOutcomes(t)
	const n = 2*maxBatch + 10
	for i := range n {
		o.send(s, "alice", "bob", fmt.Sprintf("%04d", i))
	}
	close(gate)
	o.all.Wait()
	close(sizes)
	var got []int
	for size := range sizes {
		got = append(got, size)
	}
	if want := []int{maxBatch, maxBatch, 10}; !slices.Equal(got, want) {
		t.Errorf("%d messages went in batches of %v, want %v", n, got, want)
	}
	checkOrder(t, inLog(w, "bob"), 1, n)
}

type countingStream struct {
	sendStream
	sizes chan int
}

func (s countingStream) Recv() (*recordv1.SendRequest, error) {
	r, err := s.sendStream.Recv()
	if err == nil {
		s.sizes <- len(r.GetItems())
	}
	return r, err
}

// absentClient is a client of a service that is not there for a while.
type absentClient struct {
	recordv1.RecordServiceClient
	left *atomic.Int32
}

func (c absentClient) Send(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[recordv1.SendRequest, recordv1.SendResponse], error) {
	if c.left.Add(-1) >= 0 {
		return nil, status.Error(codes.Unavailable, "connection refused")
	}
	return c.RecordServiceClient.Send(ctx, opts...)
}

// A service that restarts takes a second or so, in which no stream is had.
func TestMessagesWaitForAServiceThatRestarts(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	server := rpc.NewServer("record")
	recordv1.RegisterRecordServiceServer(server, recordrpc.New(w.Service))
	var left atomic.Int32
	left.Store(maxTries + 2)
	s := New(absentClient{recordv1.NewRecordServiceClient(server.Local(time.Minute)), &left})
	t.Cleanup(s.Close)
	o := newOutcomes(t)
	const each = 20
	for i := range each {
		o.send(s, "alice", "bob", fmt.Sprintf("%04d", i))
	}
	o.all.Wait()
	for name, err := range o.errs {
		t.Errorf("%s: %v", name, err)
	}
	checkOrder(t, inLog(w, "bob"), 1, each)
}
