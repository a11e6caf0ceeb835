package connect

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/zeromicro/go-zero/core/logx"

	recordv1 "parley/api/proto/record/v1"
)

// cursors tells the record service how far devices have come, many at once.
type cursors struct {
	gateway *Gateway
	// turn holds a token while somebody tells of cursors. Who has it knows that
	// nothing is on its way.
	turn chan struct{}

	mu sync.Mutex
	// soon are those that somebody waits for: the senders of what a phone has
	// confirmed, and a device that may come back elsewhere. The others only
	// bound what is delivered once more should this gateway die.
	soon, late map[*session]struct{}
}

func newCursors(g *Gateway) cursors {
	return cursors{gateway: g, turn: make(chan struct{}, 1), soon: make(map[*session]struct{}), late: make(map[*session]struct{})}
}

// maxCursors bounds one request.
const maxCursors = 200

// mark notes that the cursor of a session moved.
func (c *cursors) mark(s *session) {
	if s.device == nil {
		return
	}
	due := s.device.mobile() || s.over()
	c.mu.Lock()
	defer c.mu.Unlock()
	if due {
		delete(c.late, s)
		c.soon[s] = struct{}{}
	} else {
		c.late[s] = struct{}{}
	}
}

// take returns the sessions whose cursors moved: those that are due, or all.
func (c *cursors) take(all bool) []*session {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.AppendSeq(make([]*session, 0, len(c.soon)), maps.Keys(c.soon))
	clear(c.soon)
	if all {
		list = slices.AppendSeq(list, maps.Keys(c.late))
		clear(c.late)
	}
	return list
}

const (
	// flushEvery is how often cursors are told that are due, and flushLate the
	// number of times after which all are. flushAgain is the pause after that
	// failed.
	flushEvery = 100 * time.Millisecond
	flushLate  = 10
	flushAgain = time.Second
)

// keep tells of cursors until the gateway stops.
func (c *cursors) keep() {
	timer := time.NewTimer(flushEvery)
	defer timer.Stop()
	for n := 1; ; n++ {
		select {
		case <-c.gateway.ctx.Done():
			return
		case <-timer.C:
		}
		pause := flushEvery
		if !c.flush(c.gateway.ctx, n%flushLate == 0) {
			pause = flushAgain
		}
		timer.Reset(pause)
	}
}

// flush tells of the cursors that are due, or of all. What cannot be told is told
// later, and it returns false then.
func (c *cursors) flush(ctx context.Context, all bool) bool {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return false
	}
	// What moves meanwhile waits for the next time: else there would be no end to
	// it under load, and a request for every few confirmations.
	sessions := c.take(all)
	for chunk := range slices.Chunk(sessions, maxCursors) {
		if err := c.advance(ctx, chunk); err != nil {
			if ctx.Err() == nil {
				logx.Errorf("store the cursors of %d devices: %v", len(chunk), err)
			}
			for _, s := range sessions { // those that were told are not told again
				c.mark(s)
			}
			return false
		}
	}
	return true
}

// advanceWithin bounds one request.
const advanceWithin = 10 * time.Second

func (c *cursors) advance(ctx context.Context, sessions []*session) error {
	ctx, cancel := context.WithTimeout(ctx, advanceWithin)
	defer cancel()
	req := new(recordv1.AdvanceRequest)
	var told []*session
	for _, s := range sessions {
		if at := s.cursor(); at > s.settled {
			s.settled = at
			told = append(told, s)
			req.Cursors = append(req.Cursors, &recordv1.Cursor{Uid: string(s.uid), Type: int32(s.device.kind), Uuid: s.device.uuid, Position: int64(at)})
		}
	}
	if len(told) == 0 {
		return nil
	}
	resp, err := c.gateway.services.Devices.Advance(ctx, req)
	if err != nil {
		for _, s := range told {
			s.settled = 0
		}
		return err
	}
	// Whoever replaced them may be on another gateway, and Redis away.
	for _, i := range resp.GetGone() {
		c.gateway.replace(told[i])
	}
	return nil
}
