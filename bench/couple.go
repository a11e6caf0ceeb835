package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	wirev1 "parley/api/proto/wire/v1"
)

// couple is somebody who sends and the one to whom all of it goes, each with a
// socket.
type couple struct {
	talker
	to listener
	// latencies are from when a message was to be sent until it was there.
	latencies []time.Duration
}

// openCouples lets new people in. Those whom a round before knew might have
// something left of it. Where there are several addresses those who send are at all
// of them, and those to whom it goes each at another one.
func openCouples(addresses []string, n int, device wirev1.Device) ([]*couple, error) {
	people, err := newUsers(2 * n)
	if err != nil {
		return nil, err
	}
	sockets, err := openMany(2*n, func(i int) (*socket, error) {
		return openSocket(addresses[(i+i/n)%len(addresses)], people[i], device)
	})
	if err != nil {
		return nil, err
	}
	couples := make([]*couple, n)
	for i := range couples {
		c := new(couple)
		c.talker.socket, c.to.socket = sockets[i], sockets[n+i]
		c.letter, err = newLetter(wirev1.ChannelType_CHANNEL_TYPE_USER, string(people[n+i].uid))
		if err != nil {
			closeSockets(sockets)
			return nil, err
		}
		couples[i] = c
	}
	return couples, nil
}

// listen reads what comes for the second of the couple.
func (c *couple) listen(o *online, measuring *atomic.Bool) {
	c.to.note = func(s stamp) error {
		if measuring.Load() {
			c.latencies = append(c.latencies, c.to.readAt-s.at)
		}
		return nil
	}
	o.run(c.to.socket, c.to.take)
}

// measureCouples waits for the warm-up and a window, calls stop, after which
// nobody sends any more, and fails when anything is missing then. What counts is
// what was delivered and confirmed.
func (b *bench) measureCouples(name string, o *online, couples []*couple, m meter, measuring *atomic.Bool, stop func()) (sample, error) {
	endProfile, err := b.startProfile(o.ctx, name, m)
	if err != nil {
		return sample{}, err
	}
	s, err := watch(o.ctx, func() int { return delivered(couples) }, b.window, m, measuring)
	if err = errors.Join(err, endProfile()); err != nil {
		return sample{}, err
	}
	stop()
	if err := settled(o, couples); err != nil {
		return sample{}, err
	}
	for _, c := range couples {
		s.latencies = append(s.latencies, c.latencies...)
	}
	return s, s.finish()
}

func delivered(couples []*couple) int {
	var n int64
	for _, c := range couples {
		n += c.to.got.Load()
	}
	return int(n)
}

// settled waits until every message was answered and delivered.
func settled(o *online, couples []*couple) error {
	return o.await(func() error {
		for i, c := range couples {
			if sent, answered, got := c.sent.Load(), c.answered.Load(), c.to.got.Load(); answered != sent || got != sent {
				return fmt.Errorf("of %d messages of sender %d %d were answered and %d delivered", sent, i, answered, got)
			}
		}
		return nil
	})
}
