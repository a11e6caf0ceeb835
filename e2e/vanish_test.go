package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// wandering is people whose devices wander while they write.
type wandering struct {
	t        testing.TB
	gateways []string
	people   []*client
	everyone id.GID // the group of all
	devices  []*wanderer
	answered atomic.Int64 // messages, with a receipt
	// patience is how long everybody may take to get everything.
	patience time.Duration
}

// newWandering makes people and a group of all of them.
func newWandering(t testing.TB, people int, site site, gateways ...string) *wandering {
	x := &wandering{t: t, gateways: gateways, patience: patience}
	for range people {
		x.people = append(x.people, newUser(t, site))
	}
	x.everyone = x.people[0].create("everyone", x.people[1:]...).ID
	return x
}

// device lets somebody's device come.
func (x *wandering) device(c *client, l *login, h habits) *wanderer {
	d := newWanderer(c, l, h, x.gateways...)
	x.devices = append(x.devices, d)
	go d.roam()
	return d
}

// say sends a message until it is answered or refused, and reports whether it was
// accepted.
func (x *wandering) say(c *client, m *wirev1.Common) bool {
	_, err := c.insist(c.t.Context(), m)
	if err == nil {
		x.answered.Add(1)
	} else if m.ChannelType == wirev1.ChannelType_CHANNEL_TYPE_USER && errors.Is(err, errRefused) {
		x.t.Errorf("a private message was refused: %v", err)
	}
	return err == nil
}

// chat has somebody write to the others and to everyone, with pauses of at most so
// long, until it is over.
func (x *wandering) chat(c *client, over <-chan struct{}, rests time.Duration) {
	for n := 0; c.t.Context().Err() == nil; n++ {
		select {
		case <-over:
			return
		case <-time.After(rand.N(rests)):
		}
		m := text(string(x.someone(c).uid()), fmt.Sprint(n))
		if n%8 == 0 {
			m = groupText(x.everyone, fmt.Sprint(n))
		}
		x.say(c, m)
	}
}

// someone is any of the people but c.
func (x *wandering) someone(c *client) *client {
	for {
		if other := x.people[rand.IntN(len(x.people))]; other != c {
			return other
		}
	}
}

// progress waits until n more messages were answered.
func (x *wandering) progress(n int64) {
	x.t.Helper()
	before := x.answered.Load()
	until(x.t, func() bool { return x.answered.Load() >= before+n })
}

// verify lets everybody get everything and holds it against what they sync. Then
// every device comes once more and gets what is new, and nothing before it.
func (x *wandering) verify() {
	x.t.Helper()
	for _, d := range x.devices {
		d.turn(steady)
	}
	reads := x.rest()
	soon, cancel := context.WithTimeout(x.t.Context(), x.patience)
	defer cancel()
	for _, d := range x.devices {
		d.settle(soon, reads[d.client])
	}
	x.t.Logf("%d messages were answered; %d devices confirmed what concerns them", x.answered.Load(), len(x.devices))
	here := slices.DeleteFunc(slices.Clone(x.devices), func(d *wanderer) bool { return d.after != nil })
	atOnce(len(here), func(i int) { here[i].leave() })
	last := x.people[0].send(groupText(x.everyone, "good night")).LogID
	soon, cancel = context.WithTimeout(x.t.Context(), x.patience)
	defer cancel()
	atOnce(len(here), func(i int) {
		// What a device confirmed just before it left may come again at once.
		for !here[i].beginsWith(soon, last) {
			if pause(soon, 100*time.Millisecond); soon.Err() != nil {
				x.t.Errorf("%s confirmed everything and gets %d, which is not new", here[i].login.uuid, here[i].begins)
				return
			}
		}
	})
}

// rest waits until every private message to somebody with a phone is confirmed
// and its sender told so, once: then nothing happens any more. It returns what
// everybody reads.
func (x *wandering) rest() map[*client][]int64 {
	x.t.Helper()
	phones := make(map[id.UID]bool)
	for _, d := range x.devices {
		if d.login.device == onPhone("").device {
			phones[d.uid()] = true
		}
	}
	soon, cancel := context.WithTimeout(x.t.Context(), x.patience)
	defer cancel()
	reads := make(map[*client][]int64)
	for _, c := range x.people {
		events := c.syncAll(0, 1000)
		letters, told := x.letters(c, phones, events)
		for len(told) < len(letters) && soon.Err() == nil {
			pause(soon, 50*time.Millisecond)
			events = c.syncAll(0, 1000)
			letters, told = x.letters(c, phones, events)
		}
		if slices.Sort(told); !slices.Equal(told, letters) {
			x.t.Errorf("%s wrote the letters\n%v and was told that these came:\n%v", c.uid(), letters, told)
		}
		for _, e := range events {
			reads[c] = append(reads[c], e.logID)
		}
	}
	return reads
}

// letters returns the messages that somebody wrote to others with phones, and
// those of which he was told that they came.
func (x *wandering) letters(c *client, phones map[id.UID]bool, events []event) (letters, told []int64) {
	for _, e := range events {
		switch m := e.message; {
		case m != nil && m.ChannelType == wirev1.ChannelType_CHANNEL_TYPE_USER && m.From == string(c.uid()) &&
			m.Target != m.From && phones[id.UID(m.Target)]:
			letters = append(letters, e.logID)
		case e.signal != nil && e.signal.Type == wirev1.SignalType_SIGNAL_TYPE_RECEIVED:
			var received wirev1.SignalReceived
			mustDecode(x.t, e.signal.Body, &received)
			told = append(told, received.Logs...)
		}
	}
	return letters, told
}

// few is five people with two devices each, of whom four write and one comes and
// goes.
type few struct{ *wandering }

func newFew(t testing.TB, site site, gateways ...string) few {
	x := few{newWandering(t, 5, site, gateways...)}
	for i, c := range x.people {
		x.device(c, onPhone(fmt.Sprint("phone", i)), restless)
		x.device(c, onDesktop(fmt.Sprint("desk", i)), restless)
	}
	return x
}

// write has everybody write to each other and to the group.
func (x few) write(messages int) {
	var writing sync.WaitGroup
	for _, c := range x.people[:4] {
		writing.Go(func() {
			for n := range messages {
				m := groupText(x.everyone, fmt.Sprint(n))
				if n%4 > 1 {
					m = text(string(x.someone(c).uid()), fmt.Sprint(n))
				}
				if !x.say(c, m) {
					return
				}
			}
		})
	}
	writing.Wait()
}

// comeAndGo lets the last of the people out of the group and in again.
func (x few) comeAndGo(times int) {
	owner, guest := x.people[0], x.people[4]
	for range times {
		owner.remove(x.everyone, guest).want(x.t, fault.OK)
		owner.invite(x.everyone, guest).want(x.t, fault.OK)
		guest.send(groupText(x.everyone, "hello"))
	}
}

// verify has devices too that come only now, to a long backlog.
func (x few) verify() {
	x.t.Helper()
	for i, c := range x.people {
		x.device(c, onDesktop(fmt.Sprint("late", i)), steady)
	}
	x.wandering.verify()
}

func TestWanderingDevicesSeeEverythingInOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		x := newFew(t, w.site)
		var writing sync.WaitGroup
		writing.Go(func() { x.write(40) })
		writing.Go(func() { x.comeAndGo(8) })
		writing.Wait()
		x.verify()
	})
}

// The processes with the sockets die again and again, on SQLite the services with
// them.
func TestDevicesLoseNothingWhenTheirGatewayDies(t *testing.T) {
	t.Parallel()
	s := startServices(t)
	loseNothing(t, s, s.connects)
}

// What a record service committed and did not tell of is found all the same.
func TestDevicesLoseNothingWhenARecordServiceDies(t *testing.T) {
	t.Parallel()
	s := startServices(t)
	loseNothing(t, s, s.records)
}

// loseNothing kills each of some processes twice while a few write.
func loseNothing(t *testing.T, s *services, processes []*process) {
	t.Helper()
	x := newFew(t, s.site, s.gateways...)
	written := make(chan struct{})
	go func() {
		defer close(written)
		x.write(150)
	}()
	for _, p := range slices.Concat(processes, processes) {
		pause(t.Context(), moment())
		p.kill()
		p.run()
	}
	<-written
	x.verify()
}
