package ratelimit

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-redis/redis/v8"
)

const (
	// maxLanes is how many batches may be under way at once. Who comes while all
	// are waits for the next.
	maxLanes = 2
	// maxBatch is how many keys one batch asks for at the most, so that a long
	// queue does not become one long answer.
	maxBatch = 64
)

//go:embed take.lua
var source string

var script = redis.NewScript(source)

// run asks for what waits until nothing does.
func (l *Limiter) run() {
	for {
		batch := l.next()
		if len(batch) == 0 {
			return
		}
		answers, err := l.request(batch)
		l.finish(batch, answers, err)
	}
}

// next takes a batch of what waits. Without any the lane ends.
func (l *Limiter) next() []*ask {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := make([]*ask, 0, min(len(l.waiting), maxBatch))
	for key, a := range l.waiting {
		if len(batch) == maxBatch {
			break
		}
		delete(l.waiting, key)
		batch = append(batch, a)
	}
	if len(batch) == 0 {
		l.lanes--
	}
	return batch
}

// answer is what Redis said to an ask.
type answer struct {
	tokens int64
	wait   time.Duration
}

// request asks Redis for a batch and returns the answers in its order. It gives up
// after the timeout even if the client of Redis is slower to.
func (l *Limiter) request(batch []*ask) ([]answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	type result struct {
		answers []answer
		err     error
	}
	got := make(chan result, 1)
	go func() {
		defer cancel()
		answers, err := l.exchange(ctx, batch)
		got <- result{answers, err}
	}()
	select {
	case r := <-got:
		return r.answers, r.err
	case <-ctx.Done():
		select {
		case r := <-got: // it was the end of the exchange
			return r.answers, r.err
		default:
			return nil, fmt.Errorf("ask redis for tokens: %w", context.DeadlineExceeded)
		}
	}
}

// exchange sends a batch. A server that does not know the script gets it.
func (l *Limiter) exchange(ctx context.Context, batch []*ask) ([]answer, error) {
	answers := make([]answer, len(batch))
	unknown, err := l.send(ctx, batch, answers, "EVALSHA", script.Hash())
	if err == nil && len(unknown) > 0 {
		_, err = l.send(ctx, unknown, answers, "EVAL", source)
	}
	if err != nil {
		return nil, fmt.Errorf("ask redis for tokens: %w", err)
	}
	return answers, nil
}

// send asks by one command and returns the asks whose server does not know the
// script. The others are nil.
func (l *Limiter) send(ctx context.Context, batch []*ask, answers []answer, command, script string) ([]*ask, error) {
	var unknown []*ask
	commands := make([]*redis.Cmd, len(batch))
	// The error of the whole is that of one command, which is looked at below.
	_, _ = l.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, a := range batch {
			if a != nil {
				commands[i] = pipe.Do(ctx, command, script, 1, l.prefix+a.key, l.rate.PerSecond, l.rate.Burst, a.want)
			}
		}
		return nil
	})
	for i, c := range commands {
		if c == nil {
			continue
		}
		numbers, err := c.Int64Slice()
		switch {
		case err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT "):
			if unknown == nil {
				unknown = make([]*ask, len(batch))
			}
			unknown[i] = batch[i]
		case err != nil:
			return nil, err
		case len(numbers) != 2:
			return nil, errAnswer
		default:
			answers[i] = answer{numbers[0], time.Duration(numbers[1]) * time.Microsecond}
		}
	}
	return unknown, nil
}

var errAnswer = errors.New("the answer is not understood")

// finish tells those who wait what Redis said. Where it failed, those who wait for
// the next batch are told so too: each would wait as long once more.
func (l *Limiter) finish(batch []*ask, answers []answer, err error) {
	now := time.Now()
	l.mu.Lock()
	l.circuit.saw(err, now)
	if err != nil {
		for key, a := range l.waiting {
			delete(l.waiting, key)
			batch = append(batch, a)
		}
	}
	for i, a := range batch {
		if err != nil {
			a.failed = true
		} else {
			a.tokens.Store(answers[i].tokens)
			if a.wait = answers[i].wait; a.wait > 0 {
				l.denied.add(a.key, a.wait, now)
			}
		}
		close(a.done)
	}
	l.mu.Unlock()
}
