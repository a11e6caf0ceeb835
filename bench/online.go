package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// online is sockets that are read at the same time, each by a goroutine of its
// own, until one of them fails or end is called. Then all are closed.
type online struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	running sync.WaitGroup
}

var errEnded = errors.New("what was measured is over")

func newOnline(ctx context.Context) *online {
	o := new(online)
	o.ctx, o.cancel = context.WithCancelCause(ctx)
	return o
}

// run has take look at every packet of a socket.
func (o *online) run(s *socket, take func(packet) error) {
	o.do(func() error {
		closing := context.AfterFunc(o.ctx, func() { s.Close() })
		defer s.Close()
		defer closing()
		if err := s.flush(); err != nil {
			return err
		}
		for {
			if err := s.read(take); err != nil {
				return err
			}
		}
	})
}

// do runs something else beside the sockets. Its error ends all.
func (o *online) do(f func() error) {
	o.running.Go(func() {
		if err := f(); err != nil {
			o.cancel(err)
		}
	})
}

// end closes the sockets and returns what failed before, if anything did.
func (o *online) end() error {
	o.cancel(errEnded)
	o.running.Wait()
	if err := context.Cause(o.ctx); err != errEnded {
		return err
	}
	return nil
}

// endInto is end for a defer: what failed first is the error.
func (o *online) endInto(err *error) {
	if failed := o.end(); failed != nil {
		*err = failed
	}
}

// await waits until nothing is missing, which it asks for again and again.
func (o *online) await(missing func() error) error {
	for began := time.Now(); ; {
		err := missing()
		if err == nil {
			return nil
		}
		if time.Since(began) > answerTimeout {
			return fmt.Errorf("after %s %w", answerTimeout, err)
		}
		if err := pause(o.ctx, time.Millisecond); err != nil {
			return err
		}
	}
}
