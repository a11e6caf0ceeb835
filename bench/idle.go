package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	wirev1 "parley/api/proto/wire/v1"
)

const (
	// idleSockets are open at the same time, each of a user of his own. With
	// the usual limit of 20,000 open files there is room for them.
	idleSockets = 9000
	// idleFor is how long they say nothing. Go collects garbage after two
	// minutes in any case, so what is left is what a quiet process keeps.
	idleFor = 150 * time.Second
	// maxIdle is what each may cost in memory.
	maxIdle  = 10
	kilobyte = 1 << 10
)

// measureIdle measures, once, what a Parley of its own needs for sockets on which
// nothing happens. What they left behind when they came in counts as far as the
// process keeps it.
func (b *bench) measureIdle(ctx context.Context) (err error) {
	db, err := b.newDatabase(ctx, "idle")
	if err != nil {
		return err
	}
	defer db.Close()
	server, err := b.serve(ctx, "idle")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	people, err := newUsers(1 + idleSockets)
	if err != nil {
		return err
	}
	// One comes and goes, so that the program is in memory.
	if err := b.keepIdle(ctx, server, people[:1], func(context.Context) error { return nil }); err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	before, err := memoryOf(server.pid(), resident)
	if err != nil {
		return err
	}
	progress("opening %d sockets, which stay idle for %s", idleSockets, idleFor)
	var after, most int64
	err = b.keepIdle(ctx, server, people[1:], func(ctx context.Context) (err error) {
		if err := pause(ctx, idleFor); err != nil {
			return err
		}
		if after, err = memoryOf(server.pid(), resident); err != nil {
			return err
		}
		most, err = memoryOf(server.pid(), peak)
		return err
	})
	if err != nil {
		return fmt.Errorf("measure idle sockets: %w\nparley said:\n%s", err, server.logTail())
	}
	b.report.atMost("9,000 idle sockets, measured once: memory each", float64(after-before)/idleSockets/kilobyte, maxIdle, " KB")
	b.report.note("9,000 idle sockets, measured once: memory of the process before, with them, at its peak", fmt.Sprintf("%s, %s, %s MB",
		number(float64(before)/megabyte), number(float64(after)/megabyte), number(float64(most)/megabyte)))
	return nil
}

// keepIdle opens a socket for each of some people, waits until the servers have
// nothing more to do and calls do. Then everybody must get a message, which shows
// that all have been in.
func (b *bench) keepIdle(ctx context.Context, server *parley, people []*user, do func(context.Context) error) (err error) {
	sockets, err := openSockets(server.address, people, wirev1.Device_DEVICE_WINDOWS)
	if err != nil {
		return err
	}
	o := newOnline(ctx)
	defer o.endInto(&err)
	listeners := make([]*listener, len(sockets))
	for i, s := range sockets {
		l := &listener{socket: s, note: func(stamp) error { return nil }}
		listeners[i] = l
		o.run(s, l.take)
	}
	if err := b.settle(o.ctx); err != nil {
		return err
	}
	if err := do(o.ctx); err != nil {
		return err
	}
	if err := b.writeToAll(server, people); err != nil {
		return err
	}
	return o.await(func() error {
		for i, l := range listeners {
			if l.got.Load() != 1 {
				return fmt.Errorf("user %d of %d has not got his message", i, len(listeners))
			}
		}
		return nil
	})
}

// writeToAll sends each of some people a letter.
func (b *bench) writeToAll(server *parley, people []*user) error {
	c, err := dial(server.address)
	if err != nil {
		return err
	}
	defer c.Close()
	for i, u := range people {
		r, err := newPushRequest(b.senders[0], wirev1.ChannelType_CHANNEL_TYPE_USER, string(u.uid))
		if err != nil {
			return err
		}
		stamp{at: now(), number: uint64(i)}.put(r.msgID, 0)
		if _, err := push(c, r.bytes); err != nil {
			return fmt.Errorf("send user %d a message: %w", i, err)
		}
	}
	return nil
}
