package e2e

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/sqldb/sqldbtest"
)

// debate is a group whose people speak without a pause, each message at another
// site, while they are removed, muted and let in again. What its book says:
//
//   - A message that was sent after the answer to a removal, a mute, a muteType 1
//     or a disbanding is refused, wherever it was sent; one that was sent after the
//     answer to the opposite is not.
//   - Whatever was answered with 0 is read by everybody who was in, and nothing is
//     that was not.
//   - Everybody reads what happened between his signals of coming and going, these
//     included.
type debate struct {
	*world
	sites    []site
	group    id.GID
	owner    *client
	admins   []*client
	speakers []*speaker

	over atomic.Bool // nobody speaks any more
}

// speaker is a member of a debate.
type speaker struct {
	*client
	// standing is what is known of his right to speak: a new value with each
	// change, so that who sees the same value before and after a message knows
	// that nothing changed meanwhile.
	standing atomic.Pointer[standing]
	tries    atomic.Int64 // how many messages were answered, in whatever way

	answered map[string]int64 // the logId of each msgId that was answered with 0
	read     []int64          // the logIds that he read meanwhile
}

// standing is the answer that a speaker must get.
type standing struct {
	known  bool // false while it is changed
	answer fault.Code
}

func newDebate(w *world, sites ...site) *debate {
	d := &debate{world: w, sites: sites, owner: w.user()}
	for range 2 {
		d.admins = append(d.admins, w.user())
	}
	people := slices.Clone(d.admins)
	for range 8 {
		s := &speaker{client: w.user(), answered: make(map[string]int64)}
		s.standing.Store(&standing{known: true, answer: fault.OK})
		d.speakers = append(d.speakers, s)
		people = append(people, s.client)
	}
	d.group = w.group(d.owner, people...)
	for _, a := range d.admins {
		d.owner.setRole(d.group, eventlog.Admin, a).want(w.t, fault.OK)
	}
	return d
}

// somewhere returns the app of c at any of the sites.
func (d *debate) somewhere(c *client) *client { return c.atAnyOf(d.sites) }

// speak sends one message after the other until the debate is over.
func (d *debate) speak(s *speaker) {
	for n := 0; !d.over.Load(); n++ {
		m := groupText(d.group, fmt.Sprint(n))
		before := s.standing.Load()
		a := d.somewhere(s.client).push(m)
		if after := s.standing.Load(); before == after && before.known && a.Result != before.answer {
			d.t.Errorf("a message is answered with %s, while %d holds", a.body, before.answer)
		}
		switch a.Result {
		case fault.OK:
			var receipt sent
			a.into(d.t, &receipt)
			s.answered[m.MsgId] = receipt.LogID
		case fault.NotMember, fault.Muted, fault.GroupDisbanded:
		default:
			d.t.Errorf("a message is answered with %s", a.body)
		}
		s.tries.Add(1)
	}
}

// listen pages through everything that s reads, each page at another site, until
// the debate is over and nothing more comes.
func (d *debate) listen(s *speaker, size int) {
	last := int64(0)
	for {
		over := d.over.Load()
		page := d.somewhere(s.client).sync(last, size)
		for _, e := range page {
			if e.logID <= last {
				d.t.Errorf("the event %d came after %d", e.logID, last)
			}
			last = e.logID
			s.read = append(s.read, last)
		}
		if over && len(page) < size {
			return
		}
	}
}

// change does what changes the right to speak of some, while they speak, and lets
// them speak for a while after it was answered.
func (d *debate) change(answer fault.Code, speakers []*speaker, act func() *answer) {
	for _, s := range speakers {
		s.standing.Store(new(standing))
	}
	act().want(d.t, fault.OK)
	for _, s := range speakers {
		s.standing.Store(&standing{known: true, answer: answer})
	}
	for _, s := range speakers {
		before := s.tries.Load()
		until(d.t, func() bool { return s.tries.Load() >= before+3 })
	}
}

// govern takes the word from speakers and gives it back, in every way in which an
// admin can.
func (d *debate) govern(admin *client, speakers ...*speaker) {
	var people []*client
	for _, s := range speakers {
		people = append(people, s.client)
	}
	at := func() *client { return d.somewhere(admin) }
	for range 2 {
		d.change(fault.NotMember, speakers, func() *answer { return at().remove(d.group, people...) })
		d.change(fault.OK, speakers, func() *answer { return at().invite(d.group, people...) })
		d.change(fault.Muted, speakers, func() *answer { return at().mute(d.group, eventlog.Forever, people...) })
		d.change(fault.NotMember, speakers[:1], func() *answer { return d.somewhere(people[0]).exit(d.group) })
		// A mute outlives leaving.
		d.change(fault.Muted, speakers[:1], func() *answer { return d.somewhere(people[0]).join(d.group) })
		d.change(fault.OK, speakers, func() *answer { return at().mute(d.group, 0, people...) })
	}
}

// run lets everybody speak and be silenced, and compares what everybody reads
// with what was answered.
func (d *debate) run() {
	var speaking, reading sync.WaitGroup
	for _, s := range d.speakers {
		speaking.Go(func() { d.speak(s) })
	}
	// Some read all the time, the others when all is over.
	for i, size := range []int{1, 20, 1000} {
		reading.Go(func() { d.listen(d.speakers[3*i], size) })
	}
	var governing sync.WaitGroup
	for i, a := range d.admins {
		mine := d.speakers[4*i : 4*i+4]
		governing.Go(func() { d.govern(a, mine[0], mine[1]) })
		governing.Go(func() { d.govern(a, mine[2], mine[3]) })
	}
	governing.Wait()
	for range 2 {
		d.change(fault.Muted, d.speakers, func() *answer { return d.somewhere(d.owner).muteAll(d.group, true) })
		d.change(fault.OK, d.speakers, func() *answer { return d.somewhere(d.owner).muteAll(d.group, false) })
	}
	d.change(fault.GroupDisbanded, d.speakers, func() *answer { return d.somewhere(d.owner).disband(d.group) })
	d.over.Store(true)
	speaking.Wait()
	reading.Wait()
	for _, s := range d.speakers {
		if len(s.read) == 0 {
			d.listen(s, 100)
		}
	}
	d.check()
}

// check compares what was answered with what there is, and what everybody read
// with when he was in.
func (d *debate) check() {
	d.t.Helper()
	all := d.owner.syncAll(0, 1000)
	answered := make(map[string]int64)
	for _, s := range d.speakers {
		for msgID, logID := range s.answered {
			answered[msgID] = logID
		}
	}
	d.t.Logf("%d messages were answered with 0, and %d events are in the group", len(answered), len(all))
	for _, e := range all {
		if e.message == nil || e.message.MsgType == wirev1.MsgType_MSG_TYPE_NOTICE {
			continue
		}
		if answered[e.message.MsgId] != e.logID {
			d.t.Errorf("the message %s is there at %d and was answered with %d", e.message.MsgId, e.logID, answered[e.message.MsgId])
		}
		delete(answered, e.message.MsgId)
	}
	if len(answered) > 0 {
		d.t.Errorf("%d messages are missing that were answered: %v", len(answered), answered)
	}
	for _, s := range d.speakers {
		if want := seenBy(d.t, all, d.group, s.uid()); !slices.Equal(s.read, want) {
			d.t.Errorf("%s reads\n%v, and was in at\n%v", s.uid(), s.read, want)
		}
	}
}

// seenBy returns those events of a group, of which all are given, that somebody
// reads: from each signal of his coming to the next of his going.
func seenBy(t testing.TB, all []event, g id.GID, who id.UID) []int64 {
	t.Helper()
	var read []int64
	in := false
	for i, e := range all {
		group, users := places(t, e)
		mine := group == g && slices.Contains(users, string(who))
		comes := mine && e.signal.Type == wirev1.SignalType_SIGNAL_TYPE_SIGN_IN_GROUP
		if comes && in {
			t.Errorf("%s comes at %d, though he is in", who, all[i].logID)
		}
		in = in || comes
		if in {
			read = append(read, e.logID)
		}
		if mine && !comes {
			in = false
		}
	}
	return read
}

func TestNobodySpeaksOnceItWasAnsweredThatHeMayNot(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		newDebate(w, w.site).run()
	})
}

// The same with three of every service on one database.
func TestNobodySpeaksAtAnyServiceOnceItWasAnsweredThatHeMayNot(t *testing.T) {
	needServers(t)
	t.Parallel()
	cfg, file := sqldbtest.Server(t)
	_, sites := several(t, 3, "PARLEY_DATABASE_DSN="+cfg.DSN)
	newDebate(newWorld(t, sites[0], sqldbtest.Open(t, cfg, file)), sites...).run()
}
