package main

import (
	"context"
	"fmt"
	"sync/atomic"

	wirev1 "parley/api/proto/wire/v1"
)

// inFlight is how many messages a sender has sent that are not answered yet.
const inFlight = 8

// talks is what messages from socket to socket cost, on either kind of device.
type talks struct{ desktops, phones sample }

func (b *bench) measureTalks(ctx context.Context) (t talks, err error) {
	if t.desktops, err = b.talk(ctx, "socket-desktops", wirev1.Device_DEVICE_WINDOWS); err != nil {
		return t, fmt.Errorf("measure messages between desktops: %w", err)
	}
	if t.phones, err = b.talk(ctx, "socket-phones", wirev1.Device_DEVICE_ANDROID); err != nil {
		return t, fmt.Errorf("measure messages between phones: %w", err)
	}
	return t, nil
}

// talk measures many senders at the same time, each of whom sends a message for
// every one that is answered. What counts is what was delivered and confirmed.
func (b *bench) talk(ctx context.Context, name string, device wirev1.Device) (s sample, err error) {
	couples, err := openCouples(b.server.address, manyClients, device)
	if err != nil {
		return sample{}, err
	}
	o := newOnline(ctx)
	defer o.endInto(&err)
	var stop, measuring atomic.Bool
	for _, c := range couples {
		c.listen(o, &measuring)
		for range inFlight {
			c.say()
		}
		c.next = func() {
			if !stop.Load() {
				c.say()
			}
		}
		o.run(c.talker.socket, c.talker.take)
	}
	return b.measureCouples(name, o, couples, &measuring, func() { stop.Store(true) })
}

func reportTalks(r *report, rounds []*round) {
	r.atLeast("socket, 64 desktops to 64: rate against R", 100*median(rounds, func(x *round) float64 {
		return x.talks.desktops.rate() / x.calibration.rows.rate()
	}), 30, " %")
	r.atMost("socket, 64 desktops to 64: CPU a message against C + R's a row", median(rounds, func(x *round) float64 {
		return ratio(x.talks.desktops.cpuEach(), x.calibration.refused.cpuEach()+x.calibration.rows.cpuEach())
	}), 2.5, "")
	r.note("socket, 64 phones to 64: rate against R", number(100*median(rounds, func(x *round) float64 {
		return x.talks.phones.rate() / x.calibration.rows.rate()
	}))+" %")
	r.note("socket, 64 phones to 64: CPU a message against C + R's a row", number(median(rounds, func(x *round) float64 {
		return ratio(x.talks.phones.cpuEach(), x.calibration.refused.cpuEach()+x.calibration.rows.cpuEach())
	})))
	samples(r, "socket, 64 desktops to 64, 8 in flight", rounds, func(x *round) sample { return x.talks.desktops })
	samples(r, "socket, 64 phones to 64, 8 in flight", rounds, func(x *round) sample { return x.talks.phones })
}
