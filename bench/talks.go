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
	address := []string{b.server.address}
	if t.desktops, _, err = b.talk(ctx, "socket-desktops", wirev1.Device_DEVICE_WINDOWS, address, inFlight, b.meter); err != nil {
		return t, fmt.Errorf("measure messages between desktops: %w", err)
	}
	if t.phones, _, err = b.talk(ctx, "socket-phones", wirev1.Device_DEVICE_ANDROID, address, inFlight, b.meter); err != nil {
		return t, fmt.Errorf("measure messages between phones: %w", err)
	}
	return t, nil
}

// talk measures many senders at the same time, each of whom has so many messages in
// flight: he sends one for every one that is answered. What counts is what was delivered and confirmed; sent
// is how many were sent in all.
func (b *bench) talk(ctx context.Context, name string, device wirev1.Device, addresses []string, inFlight int, m meter) (s sample, sent int, err error) {
	couples, err := openCouples(addresses, manyClients, device)
	if err != nil {
		return sample{}, 0, err
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
	s, err = b.measureCouples(name, o, couples, m, &measuring, func() { stop.Store(true) })
	return s, delivered(couples), err
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
