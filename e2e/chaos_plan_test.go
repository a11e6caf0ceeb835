package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/e2e/servers/fixture"
)

// The kinds of disasters.
const (
	killed    = "killed"          // with SIGKILL, and started again
	restarted = "restarted"       // with SIGTERM, and started again
	frozenFor = "frozen"          // with SIGSTOP, and thawed
	bothDead  = "killed together" // two processes, often of one target
)

// disaster is a step of a plan: what happens to whom.
type disaster struct {
	// after is the time since the one before. It may not be over yet.
	after time.Duration
	kind  string
	// victims are names of members, or "MariaDB", "Redis", "etcd".
	victims []string
	// lasts is how long the victims stay dead or frozen.
	lasts time.Duration
}

func (d disaster) String() string {
	return fmt.Sprintf("%s is %s for %s", strings.Join(d.victims, " and "), d.kind, d.lasts.Round(time.Millisecond))
}

// deck has each kind of disaster as often as it is to happen among so many. It is
// drawn to its end before it is shuffled anew, so that each kind comes soon.
var deck = slices.Concat(
	slices.Repeat([]disaster{{kind: killed}}, 7),
	slices.Repeat([]disaster{{kind: frozenFor}}, 6),
	slices.Repeat([]disaster{{kind: restarted}}, 3),
	slices.Repeat([]disaster{{kind: bothDead}}, 2),
	[]disaster{
		{kind: killed, victims: []string{"Redis"}}, {kind: killed, victims: []string{"Redis"}}, {kind: frozenFor, victims: []string{"Redis"}},
		{kind: killed, victims: []string{"MariaDB"}}, {kind: killed, victims: []string{"MariaDB"}}, {kind: frozenFor, victims: []string{"MariaDB"}},
		{kind: killed, victims: []string{"etcd"}}, {kind: frozenFor, victims: []string{"etcd"}},
	},
)

// longestRest is the most time between two disasters, longestDeath and longestFrost
// how long a victim stays dead or frozen at most.
const (
	longestRest  = 4 * time.Second
	longestDeath = 3 * time.Second
	longestFrost = 8 * time.Second
)

// plan is what happens within a time. The same seed makes the same plan.
func plan(seed uint64, within time.Duration, members []*member) []disaster {
	random := rand.New(rand.NewPCG(seed, 0))
	upTo := func(most time.Duration) time.Duration { return time.Duration(random.Int64N(int64(most))) }
	var all, left []disaster
	for at := time.Duration(0); ; {
		if len(left) == 0 {
			left = slices.Clone(deck)
			random.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		}
		d := left[0]
		left = left[1:]
		d.after = upTo(longestRest)
		if d.lasts = upTo(longestDeath); d.kind == frozenFor {
			d.lasts = time.Second + upTo(longestFrost-time.Second)
		}
		if d.victims == nil {
			first := random.IntN(len(members))
			d.victims = []string{members[first].name}
			if d.kind == bothDead {
				// The other one of the same target in one case of two.
				second := first ^ 1
				if random.IntN(2) == 0 {
					second = (first + 1 + random.IntN(len(members)-1)) % len(members)
				}
				d.victims = append(d.victims, members[second].name)
			}
		}
		if at += d.after; at > within {
			return all
		}
		all = append(all, d)
	}
}

// victim is what a disaster may befall. Its methods do not wait until it answers.
type victim interface {
	strike(kind string) error
	mend(kind string) error
}

// fate lets disasters happen.
type fate struct {
	t       testing.TB
	victims map[string]victim
	busy    map[string]*sync.Mutex // held while something happens to a victim
	under   sync.WaitGroup
	counts  map[string]int // by kind
}

func newFate(f *fleet, m *fixture.MariaDB) *fate {
	x := &fate{t: f.t, busy: make(map[string]*sync.Mutex), counts: make(map[string]int)}
	x.victims = map[string]victim{"MariaDB": backend{m.Server}, "Redis": backend{f.redis.Server}, "etcd": backend{f.etcd.Server}}
	for _, m := range f.members {
		x.victims[m.name] = replica{m}
	}
	for name := range x.victims {
		x.busy[name] = new(sync.Mutex)
	}
	return x
}

// befall lets a disaster happen and returns before it is over. Whoever is in one
// still gets the next one after it.
func (x *fate) befall(d disaster) {
	x.t.Log(d)
	for _, name := range d.victims {
		x.counts[strings.TrimRight(name, "/01")+" "+d.kind]++
		x.busy[name].Lock()
		x.under.Go(func() {
			defer x.busy[name].Unlock()
			if err := x.victims[name].strike(d.kind); err != nil {
				x.t.Errorf("%s should be %s: %v", name, d.kind, err)
				return
			}
			pause(x.t.Context(), d.lasts)
			if err := x.victims[name].mend(d.kind); err != nil {
				x.t.Errorf("%s was %s and should come back: %v", name, d.kind, err)
			}
		})
	}
}

// backend is a server that Parley works with. It keeps its data.
type backend struct{ *fixture.Server }

func (b backend) strike(kind string) error {
	if kind == frozenFor {
		return b.Freeze()
	}
	return b.Kill()
}

func (b backend) mend(kind string) error {
	if kind == frozenFor {
		return b.Thaw()
	}
	return b.Start(context.Background())
}

// replica is a process of Parley, one of two of its target.
type replica struct{ *member }

var errEndedByItself = errors.New("it has ended by itself")

// lives returns an error if the process has ended although nobody ended it.
func (r replica) lives() error {
	select {
	case <-r.exited:
		return fmt.Errorf("%w: %s", errEndedByItself, r.cmd.ProcessState)
	default:
		return nil
	}
}

func (r replica) strike(kind string) error {
	if err := r.lives(); err != nil {
		return err
	}
	switch kind {
	case frozenFor:
		return r.cmd.Process.Signal(syscall.SIGSTOP)
	case restarted:
		if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		// What it works with may be gone just now, so it may be late, and say so.
		select {
		case <-r.exited:
		case <-time.After(stopWithin):
			return fmt.Errorf("it has not stopped after %s", stopWithin)
		}
	default:
		r.kill()
	}
	return nil
}

func (r replica) mend(kind string) error {
	if kind == frozenFor {
		return r.cmd.Process.Signal(syscall.SIGCONT)
	}
	r.run()
	return nil
}

// stopWithin is how long a process may take to stop, which it is given ten seconds
// for, on a machine that does much else.
const stopWithin = time.Minute
