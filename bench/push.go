package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	wirev1 "parley/api/proto/wire/v1"
)

const pushed = `{"result":0,"message":"OK","data":{"logId":`

// pushes is what sending costs.
type pushes struct {
	many sample // 64 senders at the same time
	one  sample // one sender alone
}

func (b *bench) measurePush(ctx context.Context) (p pushes, err error) {
	if p.many, err = b.load(ctx, "push-many", b.server.address, b.senders, b.sendsToMany, pushed, b.meter); err != nil {
		return p, fmt.Errorf("measure push2 with many senders: %w", err)
	}
	if p.one, err = b.load(ctx, "push-one", b.server.address, b.senders[:1], b.sendsToMany, pushed, b.meter); err != nil {
		return p, fmt.Errorf("measure push2 with one sender: %w", err)
	}
	return p, nil
}

// sendsToMany makes messages from u to one target after the other.
func (b *bench) sendsToMany(u *user) (func() []byte, error) {
	at := rand.IntN(len(b.targets))
	r, err := newPushRequest(u, wirev1.ChannelType_CHANNEL_TYPE_USER, string(b.targets[at]))
	if err != nil {
		return nil, err
	}
	return func() []byte {
		at = (at + 1) % len(b.targets)
		return r.nextTo(b.targets[at])
	}, nil
}

func reportPush(r *report, rounds []*round) {
	r.atLeast("push2, 64 senders: rate against R", 100*median(rounds, func(x *round) float64 {
		return x.push.many.rate() / x.calibration.rows.rate()
	}), 25, " %")
	r.atMost("push2, 64 senders: CPU a message against C + R's a row", median(rounds, func(x *round) float64 {
		return ratio(x.push.many.cpuEach(), x.calibration.refused.cpuEach()+x.calibration.rows.cpuEach())
	}), 3, "")
	r.atMost("push2, one sender: median against 3 D + 10 C", median(rounds, func(x *round) float64 {
		return ratio(x.push.one.median(), 3*x.calibration.row.median()+10*x.calibration.refused.cpuEach())
	}), 1, "")
	samples(r, "push2, 64 senders", rounds, func(x *round) sample { return x.push.many })
	samples(r, "push2, one sender", rounds, func(x *round) sample { return x.push.one })
}
