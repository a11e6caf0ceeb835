package eventlog

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/go-redis/redis/v8"
	"github.com/zeromicro/go-zero/core/logx"
)

const (
	// streamLength is how many entries the stream keeps, and streamLife how long
	// it is kept when nobody writes. Whoever is further behind reads the log.
	streamLength = 1000
	streamLife   = time.Minute
	// maxPayload bounds the events of an entry in bytes. A larger batch is told of
	// in several entries, and an event that is larger by its position only.
	maxPayload = 64 << 10
	// maxPipeline is how many bytes of entries go in one round trip; a batch more may.
	maxPipeline = 4 << 20
	// maxUntold bounds the batches that wait to be told of. Beyond it they are
	// not: a follower finds the gap.
	maxUntold = 1000
	// blockFor is how long a reader waits for the next entry. It must be less
	// than what a connection to Redis may be silent.
	blockFor = time.Second
	// lookAfter is after how many readings in a row that brought nothing a reader
	// asks whether anything could come.
	lookAfter = 3
	// retryAfter is the pause after Redis failed.
	retryAfter = 200 * time.Millisecond
	// tellWithin bounds one write to the stream.
	tellWithin = 2 * time.Second
)

// WithStream has the log tell other processes of its commits through Redis, and
// hear of theirs. It is for logs on a server: an embedded one has one process.
func WithStream(client redis.UniversalClient) Option {
	return func(l *Log) {
		l.stream = &stream{log: l, client: client, queue: make(chan []Event, maxUntold), stopping: make(chan struct{}), stopped: make(chan struct{})}
	}
}

// stream is a Redis stream of batches. What it lacks costs only the speed at
// which others learn of a commit; what it has is believed, so nobody else may
// write to that Redis. Its key has the epoch of the log in it, which
// is a random number: so logs that share a Redis do not mix, and what was told
// before the database went back in time is not heard after.
type stream struct {
	log      *Log
	client   redis.UniversalClient
	queue    chan []Event
	stopping chan struct{}
	stopped  chan struct{}
}

// key names the stream of the log's present epoch.
func (s *stream) key(ctx context.Context) (string, error) {
	e, known := s.log.window.currentEpoch()
	if !known {
		if _, err := s.log.Head(ctx); err != nil {
			return "", err
		}
		e, _ = s.log.window.currentEpoch()
	}
	return "parley:log:" + strconv.FormatInt(int64(e), 16), nil
}

// publish queues a batch. It never waits.
func (s *stream) publish(events []Event) {
	select {
	case s.queue <- events:
	default:
	}
}

// close ends run once everything that is queued was told, or could not be.
func (s *stream) close() {
	close(s.stopping)
	<-s.stopped
}

// take waits for a batch. When the stream is closed it returns what is left, and
// then nothing.
func (s *stream) take() []Event {
	select {
	case events := <-s.queue:
		return events
	case <-s.stopping:
		return s.tryTake()
	}
}

// tryTake returns a batch if there is one.
func (s *stream) tryTake() []Event {
	select {
	case events := <-s.queue:
		return events
	default:
		return nil
	}
}

// run tells of batches in their order, of many that are queued in one round trip.
func (s *stream) run() {
	defer close(s.stopped)
	failing := false
	for events := s.take(); events != nil; events = s.take() {
		ctx, cancel := context.WithTimeout(context.Background(), tellWithin)
		err := s.tell(ctx, events)
		cancel()
		if err != nil && !failing {
			logx.Errorf("tell other processes of commits through Redis: %v", err)
		}
		failing = err != nil
	}
}

func (s *stream) tell(ctx context.Context, events []Event) error {
	key, err := s.key(ctx)
	if err != nil {
		return err
	}
	pipe := s.client.Pipeline()
	for size := 0; events != nil; events = s.tryTake() {
		for rest := events; len(rest) > 0; {
			n := fit(rest)
			entry, err := encodeBatch(rest[:n])
			if err != nil {
				return err
			}
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: key, MaxLen: streamLength, Approx: true, Values: []any{"batch", entry}})
			size += len(entry)
			rest = rest[n:]
		}
		if size > maxPipeline {
			break
		}
	}
	pipe.PExpire(ctx, key, streamLife)
	_, err = pipe.Exec(ctx)
	return err
}

// read offers what others tell until ctx ends. It calls poll when it may have
// missed something, as at the beginning and after Redis was away.
func (s *stream) read(ctx context.Context, offer func([]Event), poll func()) {
	var at tail
	for ctx.Err() == nil {
		begins := at.last == ""
		entries, err := s.next(ctx, &at)
		if begins || err != nil {
			poll()
		}
		if err != nil {
			at = tail{} // Redis may have lost what it had
			select {
			case <-time.After(retryAfter):
			case <-ctx.Done():
			}
			continue
		}
		for _, e := range entries {
			events, err := decodeBatch(e)
			switch {
			case err != nil:
				logx.WithContext(ctx).Errorf("entry %s of the stream of commits: %v", e.ID, err)
				poll()
			case len(events) == 0:
				poll() // an event too large to be told
			default:
				offer(events)
			}
		}
	}
}

// tail is where a reader is in the stream: behind the entry last, or nowhere,
// and after how many readings that brought nothing.
type tail struct {
	last  string
	empty int
}

// next waits a moment for entries at a tail. From nowhere it goes behind the
// newest of the stream and has everything before it read from the log.
func (s *stream) next(ctx context.Context, at *tail) ([]redis.XMessage, error) {
	key, err := s.key(ctx)
	if err != nil {
		return nil, err
	}
	if at.last == "" {
		at.last, err = s.newest(ctx, key)
		return nil, err
	}
	answer, err := s.client.XRead(ctx, &redis.XReadArgs{Streams: []string{key, at.last}, Count: 100, Block: blockFor}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, s.look(ctx, key, at)
	}
	if err != nil || len(answer) == 0 {
		return nil, err
	}
	entries := answer[0].Messages
	*at = tail{last: entries[len(entries)-1].ID}
	return entries, nil
}

// newest returns the id of the last entry of the stream, or 0.
func (s *stream) newest(ctx context.Context, key string) (string, error) {
	entries, err := s.client.XRevRangeN(ctx, key, "+", "-", 1).Result()
	if err != nil {
		return "", err
	}
	if len(entries) == 0 {
		return "0", nil
	}
	return entries[0].ID, nil
}

// look notes that nothing came, and now and then asks whether anything could: a
// stream that began anew, in a Redis whose clock is behind that of the one before
// it, counts from below, and a reader that waits behind its end hears nothing.
func (s *stream) look(ctx context.Context, key string, at *tail) error {
	if at.empty++; at.empty%lookAfter != 0 {
		return nil
	}
	newest, err := s.newest(ctx, key)
	if err == nil && before(newest, at.last) {
		*at = tail{}
	}
	return err
}

// before reports whether one id of an entry is below another.
func before(a, b string) bool {
	aTime, aCount := parseEntryID(a)
	bTime, bCount := parseEntryID(b)
	return cmp.Or(cmp.Compare(aTime, bTime), cmp.Compare(aCount, bCount)) < 0
}

// parseEntryID reads the id of an entry, which Redis wrote.
func parseEntryID(entry string) (milliseconds, count uint64) {
	before, after, _ := strings.Cut(entry, "-")
	milliseconds, _ = strconv.ParseUint(before, 10, 64)
	count, _ = strconv.ParseUint(after, 10, 64)
	return milliseconds, count
}
