package e2e

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/app"
	"parley/pkg/redisx/redistest"
	"parley/pkg/sqldb/sqldbtest"
)

// pair is Parley in parts with two socket gateways on one database. Nothing is
// sent again to a device that stays.
type pair struct {
	site     site
	gateways []string
	// stop stops a gateway in order, and start starts it again.
	stop, start func(i int)
}

// startPair starts processes where there are servers. SQLite is for one process,
// so there the gateways are Apps in this one.
func startPair(t *testing.T) *pair {
	t.Helper()
	if os.Getenv(sqldbtest.EnvMySQL) != "" {
		return pairOfProcesses(t)
	}
	config := app.Default()
	config.Connect.ResendAfter = time.Hour
	apart := newSplit(t, config, app.Backends{DB: sqldbtest.New(t), Redis: redistest.New(t)})
	p := &pair{site: apart.site}
	addrs, stops := []string{freeAddr(t), freeAddr(t)}, make([]func(), 2)
	p.start = func(i int) { _, stops[i] = apart.connect(addrs[i]) }
	p.stop = func(i int) { stops[i]() }
	for i, addr := range addrs {
		p.start(i)
		p.gateways = append(p.gateways, "http://"+addr)
	}
	p.site.connect = p.gateways[0]
	return p
}

func pairOfProcesses(t *testing.T) *pair {
	t.Helper()
	redis := redistest.Addrs()
	s := startServicesOn(t, redis, redis, "PARLEY_CONNECT_RESENDAFTER=1h")
	return &pair{
		site: s.site, gateways: s.gateways,
		stop: func(i int) {
			s.connects[i].signal(syscall.SIGTERM)
			if code := s.connects[i].exit(); code != 0 {
				t.Errorf("a socket gateway ends with exit code %d, want 0", code)
			}
		},
		start: func(i int) {
			s.connects[i].run()
			s.connects[i].readyAt(s.gateways[i])
		},
	}
}

// settled are twenty people with two devices each that confirm at once what they
// get, and leave only when they are told to.
func settled(t testing.TB, p *pair) *wandering {
	x := newWandering(t, 20, p.site, p.gateways...)
	for i, c := range x.people {
		x.device(c, onPhone(fmt.Sprint("phone", i)), prompt)
		x.device(c, onDesktop(fmt.Sprint("desk", i)), prompt)
	}
	return x
}

// calm checks that gateways only ever sent devices away in order, and repeated
// nothing that was confirmed.
func (x *wandering) calm() {
	x.t.Helper()
	for _, d := range x.devices {
		for _, code := range d.closes {
			if code != 1001 {
				x.t.Errorf("%s was sent away with %d, want 1001", d.login.uuid, code)
			}
		}
		if len(d.repeated) > 0 {
			x.t.Errorf("%s got %v again, which it had confirmed", d.login.uuid, d.repeated)
		}
	}
}

func TestARollingRestartLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	x := settled(t, p)
	over := make(chan struct{})
	var writing sync.WaitGroup
	for _, c := range x.people[:8] {
		writing.Go(func() { x.chat(c, over, 20*time.Millisecond) })
	}
	for range 2 {
		for i := range p.gateways {
			x.progress(50)
			p.stop(i)
			x.progress(50)
			p.start(i)
		}
	}
	close(over)
	writing.Wait()
	x.rest()
	x.calm()
	x.verify()
}

// Devices that have confirmed everything come to the other gateway at once when
// they are sent away, while their cursors may still be on the way.
func TestWhatWasConfirmedIsHandedOver(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	x := settled(t, p)
	for round := range 6 {
		last := x.people[0].send(groupText(x.everyone, fmt.Sprint("round ", round))).LogID
		for _, d := range x.devices {
			if !d.await(func() bool { return d.settled[last] }) {
				t.Fatalf("%s does not get the message at %d", d.login.uuid, last)
			}
		}
		p.stop(round % 2)
		p.start(round % 2)
	}
	x.rest()
	x.calm()
	x.verify()
}

// Who never confirms anything keeps nobody waiting for long, and gets it again.
func TestASilentDeviceDoesNotHoldAGatewayUp(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	alice, bob := newUser(t, p.site), newUser(t, p.site)
	d := newWanderer(bob, onDesktop("b"), witness, p.gateways...)
	d.roam()
	sent := alice.send(text(string(bob.uid()), "do you hear me?")).LogID
	if !d.await(func() bool { return d.begins == sent }) {
		t.Fatal("bob does not get the message")
	}
	began := time.Now()
	for i := range p.gateways {
		p.stop(i)
		p.start(i)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("two restarts took %s", took)
	}
	if !d.await(func() bool { return len(d.closes) > 0 && d.begins == sent }) {
		t.Errorf("bob got %d after he was sent away with %v, want %d", d.begins, d.closes, sent)
	}
}
