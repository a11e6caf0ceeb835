package main

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	wirev1 "parley/api/proto/wire/v1"
)

const (
	// pacedSenders send pacedRate messages a second together, whatever comes of
	// those before.
	pacedSenders = 32
	pacedRate    = 1000
)

// measureLatency measures from when a message should be sent until it is at the
// receiver, so that whatever is late counts, the load itself included.
func (b *bench) measureLatency(ctx context.Context) (s sample, err error) {
	couples, err := openCouples([]string{b.server.address}, pacedSenders, wirev1.Device_DEVICE_WINDOWS)
	if err != nil {
		return sample{}, fmt.Errorf("measure the latency of messages: %w", err)
	}
	o := newOnline(ctx)
	defer o.endInto(&err)
	var measuring, stop atomic.Bool
	for _, c := range couples {
		c.listen(o, &measuring)
		o.run(c.talker.socket, c.talker.take)
	}
	paced := make(chan struct{})
	o.do(func() error {
		defer close(paced)
		return pace(couples, &stop)
	})
	s, err = b.measureCouples("latency", o, couples, b.meter, &measuring, func() {
		stop.Store(true)
		<-paced
	})
	if err != nil {
		return s, fmt.Errorf("measure the latency of messages: %w", err)
	}
	return s, nil
}

// pace has senders send by turns, at even times. The thread sleeps by itself: Go's
// timers are late by up to a millisecond when there is nothing else to do.
func pace(couples []*couple, stop *atomic.Bool) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	at := now()
	for i := 0; !stop.Load(); i++ {
		at += time.Second / pacedRate
		if err := sleep(at - now()); err != nil {
			return err
		}
		c := couples[i%len(couples)]
		if _, err := c.Write(c.message(at, uint64(i/len(couples)))); err != nil {
			return fmt.Errorf("send a message: %w", err)
		}
	}
	return nil
}

func reportLatency(r *report, rounds []*round) {
	r.atMost("latency, 1,000 messages a second: median against 4 D + 10 C", median(rounds, func(x *round) float64 {
		return ratio(x.latency.median(), 4*x.calibration.row.median()+10*x.calibration.refused.cpuEach())
	}), 1, "")
	r.atMost("latency, 1,000 messages a second: 99 % against the larger of 5 medians and 3 times the 99 % of D", median(rounds, func(x *round) float64 {
		return ratio(x.latency.p99(), max(5*x.latency.median(), 3*x.calibration.row.p99()))
	}), 1, "")
	samples(r, "latency, 1,000 messages a second from socket to socket", rounds, func(x *round) sample { return x.latency })
}
