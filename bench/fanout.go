package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/id"
	"parley/pkg/wire"
)

const (
	// fanoutMembers are the members of a group to whom messages go, each with
	// a socket. Those who send are members beside them.
	fanoutMembers = 500
	// fanoutSenders are so many that none of them sends and confirms more
	// packets than a client may.
	fanoutSenders = 4
	// fanoutInFlight is how many messages are sent that not everybody has.
	fanoutInFlight = 32
)

// fanouts is what messages to a group cost, a delivery each, and what a bare loop
// takes for as much.
type fanouts struct {
	group sample
	bare  sample
}

// fanout is a group in which somebody sends a message whenever all members have
// got another one: the one whose number is fanoutInFlight less. So of the numbers
// that are equal but for multiples of that, one is in flight.
type fanout struct {
	*online
	senders   []*postman
	members   []*listener
	measuring atomic.Bool
	stop      atomic.Bool
	// missing is how many members do not have a message in flight yet.
	missing [fanoutInFlight]atomic.Int64

	mu        sync.Mutex
	latencies []time.Duration // until the last member had a message
}

// postman is a talker who is told to send by whoever reads.
type postman struct {
	mu sync.Mutex
	talker
}

func (b *bench) measureFanout(ctx context.Context) (f fanouts, err error) {
	people, err := newUsers(fanoutSenders + fanoutMembers)
	if err != nil {
		return f, err
	}
	group, err := b.gatherUsers(people)
	if err != nil {
		return f, fmt.Errorf("make a group: %w", err)
	}
	if f.group, err = b.fanOutInGroup(ctx, people, group); err != nil {
		return f, fmt.Errorf("measure messages to a group: %w", err)
	}
	event, err := renderedMessage(people[0].uid, group)
	if err != nil {
		return f, err
	}
	if f.bare, err = b.fanOutBare(ctx, event); err != nil {
		return f, fmt.Errorf("measure a bare loop over sockets: %w", err)
	}
	return f, nil
}

// gatherUsers makes a group of users, the first of whom owns it.
func (b *bench) gatherUsers(users []*user) (id.GID, error) {
	c, err := dial(b.server.address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var others []id.UID
	for _, u := range users[1:] {
		others = append(others, u.uid)
	}
	return createGroup(c, users[0], others)
}

// renderedMessage is what members read of a message to a group.
func renderedMessage(from id.UID, group id.GID) ([]byte, error) {
	e, err := newEvent(from, wirev1.ChannelType_CHANNEL_TYPE_GROUP, group.String())
	if err != nil {
		return nil, err
	}
	e.Pos, e.At = 1<<20, time.Now().UnixMilli() // as long as those in the log
	return wire.Render(&e)
}

func (b *bench) fanOutInGroup(ctx context.Context, people []*user, group id.GID) (s sample, err error) {
	sockets, err := openSockets(b.server.address, people, wirev1.Device_DEVICE_WINDOWS)
	if err != nil {
		return sample{}, err
	}
	f := &fanout{online: newOnline(ctx)}
	defer f.endInto(&err)
	for i, socket := range sockets {
		if i >= fanoutSenders {
			m := &listener{socket: socket}
			m.note = func(s stamp) error { return f.arrived(s, m.readAt) }
			f.members = append(f.members, m)
			f.run(socket, m.take)
			continue
		}
		p := new(postman)
		p.socket = socket
		if p.letter, err = newLetter(wirev1.ChannelType_CHANNEL_TYPE_GROUP, group.String()); err != nil {
			closeSockets(sockets[i:])
			return sample{}, err
		}
		f.senders = append(f.senders, p)
		f.run(socket, p.take)
	}
	for number := range fanoutInFlight {
		if err := f.send(uint64(number)); err != nil {
			return sample{}, err
		}
	}
	endProfile, err := b.startProfile(ctx, "fanout", b.meter)
	if err != nil {
		return sample{}, err
	}
	s, err = watch(f.ctx, f.delivered, b.window, b.meter, &f.measuring)
	if err = errors.Join(err, endProfile()); err != nil {
		return sample{}, err
	}
	f.stop.Store(true)
	if err := f.await(f.incomplete); err != nil {
		return sample{}, err
	}
	s.latencies = f.latencies
	return s, s.finish()
}

// send sends a message to everybody.
func (f *fanout) send(number uint64) error {
	f.missing[number%fanoutInFlight].Store(fanoutMembers)
	p := f.senders[number%fanoutSenders]
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.Write(p.message(now(), number)); err != nil {
		return fmt.Errorf("send message %d: %w", number, err)
	}
	return nil
}

// arrived notes that a member has a message. After the last one the next is sent.
func (f *fanout) arrived(s stamp, at time.Duration) error {
	if f.missing[s.number%fanoutInFlight].Add(-1) > 0 {
		return nil
	}
	if f.measuring.Load() {
		f.mu.Lock()
		f.latencies = append(f.latencies, at-s.at)
		f.mu.Unlock()
	}
	if f.stop.Load() {
		return nil
	}
	return f.send(s.number + fanoutInFlight)
}

func (f *fanout) delivered() int {
	var n int64
	for _, m := range f.members {
		n += m.got.Load()
	}
	return int(n)
}

// incomplete says what is still on its way.
func (f *fanout) incomplete() error {
	var sent, answered int64
	for _, p := range f.senders {
		sent += p.sent.Load()
		answered += p.answered.Load()
	}
	if got := int64(f.delivered()); answered != sent || got != sent*fanoutMembers {
		return fmt.Errorf("of %d messages to %d members %d were answered and %d times one was delivered", sent, fanoutMembers, answered, got)
	}
	return nil
}

// fanOutBare measures the bare loop, with clients that only read.
func (b *bench) fanOutBare(ctx context.Context, event []byte) (s sample, err error) {
	message := packet{op: opReceiveMsg, seq: 1, body: event}.appendBare(nil)
	server, err := startBare(ctx, "-bare-sockets", fmt.Sprintf("%d %x", fanoutMembers, message))
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	sockets, err := openMany(fanoutMembers, func(int) (*socket, error) { return dialSocket(server.address) })
	if err != nil {
		return sample{}, err
	}
	o := newOnline(ctx)
	defer o.endInto(&err)
	counts := make([]atomic.Int64, len(sockets))
	for i, s := range sockets {
		s.silent = true
		o.run(s, func(packet) error {
			counts[i].Add(1)
			return nil
		})
	}
	m := meter{server.pid}
	endProfile, err := b.startProfile(ctx, "fanout-bare", m)
	if err != nil {
		return sample{}, err
	}
	s, err = watch(o.ctx, func() (n int) {
		for i := range counts {
			n += int(counts[i].Load())
		}
		return n
	}, b.window, m, new(atomic.Bool))
	return s, errors.Join(err, endProfile())
}

func reportFanout(r *report, rounds []*round) {
	r.atLeast("fan-out to 500 sockets: deliveries against a bare loop", 100*median(rounds, func(x *round) float64 {
		return x.fanout.group.rate() / x.fanout.bare.rate()
	}), 60, " %")
	r.note("fan-out to 500 sockets, bare loop: deliveries a second", number(median(rounds, func(x *round) float64 { return x.fanout.bare.rate() })))
	r.note("fan-out to 500 sockets, bare loop: CPU a delivery", micros(median(rounds, func(x *round) time.Duration { return x.fanout.bare.cpuEach() })))
	samples(r, "fan-out to 500 sockets, 32 messages in flight", rounds, func(x *round) sample { return x.fanout.group })
}
