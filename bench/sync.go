package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
)

const (
	nothingNew = `{"result":0,"message":"OK","data":{"record_count":0,`
	// Readers are in groups in which nothing happens.
	readerGroups    = 200
	firstGroup      = id.GID(1_000_000)
	busyGroup       = id.GID(999_999)
	eventsOfOthers  = 200
	syncPath        = "/app/record/sync-record"
	syncRequestBody = `{"count":100,"start":%d}`
)

// quiet is a moment from which a reader asks for news and finds none.
type quiet struct {
	what  string
	name  string // of its profile
	start eventlog.Position
}

// syncs is what asking for news costs when there are none.
type syncs struct{ many, one sample }

// measureSync measures sync-record from each moment since which nothing
// happened that concerns the readers.
func (b *bench) measureSync(ctx context.Context) ([]syncs, error) {
	moments, err := b.quietMoments(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]syncs, len(moments))
	for i, m := range moments {
		request := func(u *user) []byte { return postJSON(syncPath, u.token(), fmt.Sprintf(syncRequestBody, m.start)) }
		if all[i].many, err = b.loadMany(ctx, "sync-many-"+m.name, b.server.address, request, nothingNew, b.meter); err != nil {
			return nil, fmt.Errorf("measure sync-record, %s, with many clients: %w", m.what, err)
		}
		if all[i].one, err = b.loadOne(ctx, "sync-one-"+m.name, request, nothingNew); err != nil {
			return nil, fmt.Errorf("measure sync-record, %s, with one client: %w", m.what, err)
		}
	}
	return all, nil
}

// quietSituations are what may have happened since a reader asked last, the
// easiest first.
var quietSituations = []struct{ what, name string }{
	{"nothing happened", "head"},
	{"other people talked", "users"},
	{"other groups talked", "groups"},
}

// quietMoments lets other people talk, first in a group, then in private, and
// returns the moments before and after.
func (b *bench) quietMoments(ctx context.Context) ([]quiet, error) {
	sender := b.senders[0]
	inGroup, err := newPushRequest(sender, wirev1.ChannelType_CHANNEL_TYPE_GROUP, busyGroup.String())
	if err != nil {
		return nil, err
	}
	private, err := newPushRequest(sender, wirev1.ChannelType_CHANNEL_TYPE_USER, string(b.targets[0]))
	if err != nil {
		return nil, err
	}
	moments := make([]quiet, len(quietSituations))
	for i, s := range quietSituations {
		moments[i].what, moments[i].name = s.what, s.name
	}
	c, err := dial(b.server.address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	talk := func(r *pushRequest, n int) (last eventlog.Position, err error) {
		for range n {
			if last, err = push(c, r.next()); err != nil {
				return 0, fmt.Errorf("send a message that concerns no reader: %w", err)
			}
		}
		return last, ctx.Err()
	}
	if moments[2].start, err = talk(private, 1); err != nil {
		return nil, err
	}
	// A reader that asks here makes the server begin to watch the log.
	first := postJSON(syncPath, b.readers[0].token(), fmt.Sprintf(syncRequestBody, moments[2].start))
	if answer, err := c.do(first); err != nil || !bytes.HasPrefix(answer, []byte(nothingNew)) {
		return nil, fmt.Errorf("sync-record answered %.80q, %w", answer, err)
	}
	if moments[1].start, err = talk(inGroup, eventsOfOthers); err != nil {
		return nil, err
	}
	moments[0].start, err = talk(private, eventsOfOthers)
	return moments, err
}

// push sends one message and returns its logId.
func push(c *conn, request []byte) (eventlog.Position, error) {
	if err := c.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, err
	}
	body, err := c.do(request)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Result int
		Data   struct{ LogID eventlog.Position }
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Result != 0 {
		return 0, fmt.Errorf("push2 answered %q, %w", body, err)
	}
	return answer.Data.LogID, nil
}

// joinGroups puts the readers into groups in which nobody talks, and the first
// sender into one in which he does.
func (b *bench) joinGroups(ctx context.Context) error {
	members := []membership{{busyGroup, b.senders[0].uid}}
	groups := []id.GID{busyGroup}
	for i := range readerGroups {
		g := firstGroup + id.GID(i)
		groups = append(groups, g)
		for _, u := range b.readers {
			members = append(members, membership{g, u.uid})
		}
	}
	return insertGroups(ctx, b.parleyDB, groups, members)
}

func reportSync(r *report, rounds []*round) {
	for i, s := range quietSituations {
		// Each against C with as many clients: a request that nobody else's
		// wake-ups and system calls are shared with costs two to three times
		// the CPU, whatever it does.
		many := median(rounds, func(x *round) float64 {
			return ratio(x.syncs[i].many.cpuEach(), x.calibration.refused.cpuEach())
		})
		one := median(rounds, func(x *round) float64 {
			return ratio(x.syncs[i].one.cpuEach(), x.calibration.alone.cpuEach())
		})
		r.atMost("sync-record, "+s.what+", 64 clients: CPU against C", many, 2.5, "")
		r.atMost("sync-record, "+s.what+", one client: CPU against C with one client", one, 4, "")
		samples(r, "sync-record, "+s.what+", 64 clients", rounds, func(x *round) sample { return x.syncs[i].many })
		samples(r, "sync-record, "+s.what+", one client", rounds, func(x *round) sample { return x.syncs[i].one })
	}
}
