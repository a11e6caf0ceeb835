package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/sqldb/sqldbtest"
)

// Nothing lost, in order: hundreds of devices come, vanish and come to another
// gateway while their people write and change groups, whatever dies. In the end
// every device has confirmed exactly what concerns it, and saw it in order.

const (
	stormPeople  = 140
	stormWriters = 16
	stormCircles = 6
	circleSize   = 12
)

// storm is a wandering of hundreds of devices.
type storm struct {
	*wandering
	over  chan struct{} // closed when nobody begins anything any more
	still sync.WaitGroup

	mu      sync.Mutex
	circles map[int]id.GID // the present group of each host
}

func onWeb(uuid string) *login { return &login{device: wirev1.Device_DEVICE_WEB, uuid: uuid} }

// startStorm lets the people begin. One in two has a second device, one in ten
// gets a new phone in the middle of it.
func startStorm(t testing.TB, people int, site site, gateways ...string) *storm {
	t.Helper()
	x := &storm{wandering: newWandering(t, people, site, gateways...), over: make(chan struct{}), circles: make(map[int]id.GID)}
	for i, c := range x.people {
		phone := x.device(c, onPhone(fmt.Sprint("phone", i)), habitsOf(i))
		switch i % 4 {
		case 0:
			x.device(c, onDesktop(fmt.Sprint("desk", i)), habitsOf(i/4))
		case 1:
			x.device(c, onWeb(fmt.Sprint("web", i)), habitsOf(i/4))
		}
		if i%10 == 9 {
			x.upgrade(phone, onPhone(fmt.Sprint("new phone", i)))
		}
	}
	for _, c := range x.people[:stormWriters] {
		x.still.Go(func() { x.chat(c, x.over, 120*time.Millisecond) })
	}
	for n := range stormCircles {
		x.still.Go(func() { x.host(n) })
	}
	return x
}

// habitsOf mixes the habits: most are restless, some slow, some confirm nothing
// before the end.
func habitsOf(i int) habits {
	switch i % 8 {
	case 3:
		return slow
	case 5:
		return silent
	case 6:
		return steady
	}
	return restless
}

// upgrade has a new phone take the place of another some time after that one came
// in.
func (x *storm) upgrade(old *wanderer, l *login) {
	d := newWanderer(old.client, l, restless, x.gateways...)
	old.after, d.before = d, old
	x.devices = append(x.devices, d)
	x.still.Go(func() {
		if !old.await(func() bool { return old.entered > 1 && len(old.order) > 0 }) {
			x.t.Errorf("%s does not come in", old.login.uuid)
		}
		d.roam()
	})
}

// host makes a group, changes it in every way, ends it, and begins again.
func (x *storm) host(n int) {
	owner := x.people[stormWriters+n]
	for x.goesOn() {
		guests := slices.Clone(x.people)
		rand.Shuffle(len(guests), func(i, j int) { guests[i], guests[j] = guests[j], guests[i] })
		guests = slices.DeleteFunc(guests, func(c *client) bool { return c == owner })
		members, others := guests[:circleSize], guests[circleSize:circleSize+3]
		a := x.change(owner, "create-group", fields{"name": "circle", "memberIds": uids(members)})
		if a == nil {
			return
		}
		var made circle
		a.into(x.t, &made)
		g := made.ID
		x.mu.Lock()
		x.circles[n] = g
		x.mu.Unlock()
		// Those who are muted, removed or gone try to speak, too.
		speak := func(c *client) { x.say(c, groupText(g, "in the circle")) }
		for _, step := range []func(){
			func() { x.change(owner, "invite-group-members", fields{"id": g, "newMemberIds": uids(others)}) },
			func() {
				x.change(owner, "member/muteTime", fields{"id": g, "memberIds": uids(members[:2]), "muteTime": eventlog.Forever})
			},
			func() { x.change(members[2], "group-exit", fields{"id": g}) },
			func() { x.change(owner, "group-remove", fields{"id": g, "memberIds": uids(members[3:5])}) },
			func() { x.change(owner, "muteType", fields{"id": g, "muteType": 1}) },
			func() { x.change(owner, "muteType", fields{"id": g, "muteType": 0}) },
			func() {
				x.change(owner, "member/muteTime", fields{"id": g, "memberIds": uids(members[:2]), "muteTime": 0})
			},
			func() { x.change(owner, "invite-group-members", fields{"id": g, "newMemberIds": uids(members[2:5])}) },
			func() { x.change(owner, "group-disband", fields{"id": g}) },
		} {
			if step(); !x.goesOn() {
				return
			}
			for range 2 {
				speak(members[rand.IntN(len(members))])
			}
			pause(x.t.Context(), rand.N(100*time.Millisecond))
		}
	}
}

// change changes a group. Where the answer was lost the change is made once more,
// and may be answered with what the first one did.
func (x *storm) change(who *client, route string, body fields) *answer {
	a, lost := who.persist(x.t.Context(), "/group/app/"+route, body)
	if a != nil && a.Result != fault.OK && lost == 0 {
		x.t.Errorf("%s %v is answered with %s", route, body, a.body)
	}
	return a
}

func (x *storm) goesOn() bool {
	select {
	case <-x.over:
		return false
	default:
		return x.t.Context().Err() == nil
	}
}

// through lets the storm go on around something that happens.
func (x *storm) through(what string, happen func()) {
	x.t.Helper()
	began := time.Now()
	x.progress(50)
	pause(x.t.Context(), moment())
	happen()
	x.progress(50)
	x.t.Logf("through %s in %s", what, time.Since(began).Round(time.Millisecond))
}

// end lets the storm calm down and verifies what everybody got.
func (x *storm) end() {
	x.t.Helper()
	began := time.Now()
	close(x.over)
	x.still.Wait()
	x.prefixes()
	x.verify()
	x.t.Logf("calm after %s", time.Since(began).Round(time.Millisecond))
}

// prefixes checks those who confirmed nothing: they get the beginning of what
// their user reads, time and again, without a gap.
func (x *storm) prefixes() {
	x.t.Helper()
	for _, d := range x.devices {
		if d.habits != silent {
			continue
		}
		all := d.syncAll(0, 1000)
		d.mu.Lock()
		for i, p := range d.order {
			if i >= len(all) || all[i].logID != p {
				x.t.Errorf("%s, which confirms nothing, saw %v, not what its user reads from the beginning", d.login.uuid, d.order)
				break
			}
		}
		d.mu.Unlock()
	}
}

// steadyDevice is one that stays and confirms everything.
func (x *storm) steadyDevice() *wanderer {
	return x.devices[slices.IndexFunc(x.devices, func(d *wanderer) bool { return d.habits == steady && d.after == nil })]
}

// In one process everything dies at once, Redis with it.
func TestNothingIsLostInOneProcess(t *testing.T) {
	t.Parallel()
	p := newProcess(t, serverEnv(t), "-data", t.TempDir())
	p.start()
	x := startStorm(t, stormPeople, p.site)
	for range 4 {
		x.through("the death of everything", func() {
			p.kill()
			p.start()
		})
	}
	x.end()
}

// In parts on SQLite the services and the sockets die together, and the gateways
// for requests live.
func TestNothingIsLostWhenTheServicesDie(t *testing.T) {
	if os.Getenv(sqldbtest.EnvMySQL) != "" {
		t.Skip("on servers, TestNothingIsLostWhateverDies shows more")
	}
	t.Parallel()
	s := startServices(t)
	x := startStorm(t, stormPeople, s.site, s.gateways...)
	for range 4 {
		x.through("the death of the services", func() {
			s.records[0].kill()
			s.records[0].run()
		})
	}
	x.end()
}

// In parts on servers everything dies for itself, Redis with all that it has.
func TestNothingIsLostWhateverDies(t *testing.T) {
	needServers(t)
	t.Parallel()
	redis := ownRedis(t)
	s, first := startWithRelay(t, redis.Addr)
	x := startStorm(t, stormPeople, s.site, s.gateways...)
	crash := func(p *process) func() {
		return func() {
			p.kill()
			p.run()
		}
	}
	restart := func() {
		must(t, redis.Kill())
		x.progress(50) // nobody needs it
		must(t, redis.Start(context.Background()))
	}
	x.through("the death of Redis", restart)
	x.through("the death of a socket gateway", crash(s.connects[0]))
	x.through("the death of a record service", crash(s.records[1]))
	x.through("a commit that nobody is told of", func() {
		first.commitUntold(x.people[0], x.steadyDevice())
		first.run()
	})
	x.through("the death of Redis", restart)
	x.through("the death of the other socket gateway", crash(s.connects[1]))
	x.end()
}
