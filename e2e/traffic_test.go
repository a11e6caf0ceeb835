package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// traffic is people who write and read at the same time, at several sites on
// one database, and a book of what everybody has to have read in the end.
type traffic struct {
	*world
	sites []site

	members []*client // of all groups, from the beginning
	guest   *client   // joins a group and leaves it again and again
	groups  []id.GID

	mu      sync.Mutex
	changed *sync.Cond
	events  []posted
	stays   []stay // of the guest
	done    bool   // nobody writes any more
}

// posted is an event that was answered, and whom it concerns.
type posted struct {
	logID int64
	group id.GID
	pair  [2]id.UID
}

// stay is an interval of positions in which the guest was in a group.
type stay struct {
	group    id.GID
	from, to int64
}

func newTraffic(w *world, sites ...site) *traffic {
	tr := &traffic{world: w, sites: sites, guest: w.user()}
	tr.changed = sync.NewCond(&tr.mu)
	for range 4 {
		tr.members = append(tr.members, w.user())
	}
	for range 3 {
		tr.groups = append(tr.groups, w.group(tr.members[0], tr.members[1:]...))
	}
	// Each group tells first that it was made, and who is in it.
	for _, e := range tr.members[0].sync(0, 10) {
		g, _ := places(w.t, e)
		if g == 0 {
			continue
		}
		tr.events = append(tr.events, posted{logID: e.logID, group: g}, posted{logID: e.logID + 1, group: g})
	}
	return tr
}

// somewhere returns the app of c at any of the sites.
func (tr *traffic) somewhere(c *client) *client { return c.atAnyOf(tr.sites) }

func (tr *traffic) note(e posted) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.events = append(tr.events, e)
	tr.changed.Broadcast()
}

// came notes the signal and the notice of somebody's coming into a group, as he
// reads them himself, and returns the logId of the first.
func (tr *traffic) came(who *client, g id.GID) int64 {
	signal := tr.lastSignal(who, g, wirev1.SignalType_SIGNAL_TYPE_SIGN_IN_GROUP)
	tr.note(posted{logID: signal, group: g})
	tr.note(posted{logID: signal + 1, group: g})
	return signal
}

// went notes the notice and the signal of somebody's going, and returns the
// logId of the last.
func (tr *traffic) went(who *client, g id.GID) int64 {
	signal := tr.lastSignal(who, g, wirev1.SignalType_SIGNAL_TYPE_SIGN_OUT_GROUP)
	tr.note(posted{logID: signal - 1, group: g})
	tr.note(posted{logID: signal, group: g})
	return signal
}

// lastSignal returns the logId of the last signal of a kind about somebody's
// place in a group that he himself reads. Everything about his place was
// answered already.
func (tr *traffic) lastSignal(who *client, g id.GID, kind wirev1.SignalType) int64 {
	last := int64(0)
	for _, e := range tr.somewhere(who).syncAll(0, 1000) {
		if e.signal != nil && e.signal.Type == kind && place(tr.t, e) == (seat{g, who.uid()}) {
			last = e.logID
		}
	}
	if last == 0 {
		tr.t.Errorf("what was answered about the place of %s in a group cannot be read", who.uid())
	}
	return last
}

// seat is somebody's place in a group.
type seat struct {
	group id.GID
	user  id.UID
}

// place is which place a signal is about that says that one person came or
// went; the zero seat for other events.
func place(t testing.TB, e event) seat {
	t.Helper()
	group, users := places(t, e)
	if len(users) != 1 {
		return seat{}
	}
	return seat{group, id.UID(users[0])}
}

// places returns who came or went by a signal.
func places(t testing.TB, e event) (id.GID, []string) {
	t.Helper()
	switch {
	case e.signal == nil:
	case e.signal.Type == wirev1.SignalType_SIGNAL_TYPE_SIGN_IN_GROUP:
		var s wirev1.SignalSignInGroup
		mustDecode(t, e.signal.Body, &s)
		return id.GID(s.Group), s.Uid
	case e.signal.Type == wirev1.SignalType_SIGNAL_TYPE_SIGN_OUT_GROUP:
		var s wirev1.SignalSignOutGroup
		mustDecode(t, e.signal.Body, &s)
		return id.GID(s.Group), s.Uid
	}
	return 0, nil
}

// write sends messages to people and groups, each at another site.
func (tr *traffic) write(messages int) {
	author := tr.user()
	for _, g := range tr.groups {
		tr.somewhere(author).join(g).want(tr.t, fault.OK)
		tr.came(author, g)
	}
	people := slices.Concat(tr.members, []*client{tr.guest})
	for n := range messages {
		if n%3 == 0 {
			g := tr.groups[rand.IntN(len(tr.groups))]
			s := tr.somewhere(author).send(groupText(g, fmt.Sprint(n)))
			tr.note(posted{logID: s.LogID, group: g})
			continue
		}
		target := people[rand.IntN(len(people))]
		s := tr.somewhere(author).send(text(string(target.uid()), fmt.Sprint(n)))
		tr.note(posted{logID: s.LogID, pair: [2]id.UID{author.uid(), target.uid()}})
	}
}

// comeAndGo lets the guest into a group and out again.
func (tr *traffic) comeAndGo(times int) {
	for n := range times {
		g, host := tr.groups[rand.IntN(len(tr.groups))], tr.members[0]
		if n%2 == 0 {
			tr.somewhere(tr.guest).join(g).want(tr.t, fault.OK)
		} else {
			tr.somewhere(host).invite(g, tr.guest).want(tr.t, fault.OK)
		}
		from := tr.came(tr.guest, g)
		if s := tr.somewhere(tr.guest).push(groupText(g, "here I am")); s.Result == fault.OK {
			var receipt sent
			s.into(tr.t, &receipt)
			tr.note(posted{logID: receipt.LogID, group: g})
		} else {
			tr.t.Errorf("the guest is in and is told %s", s.body)
		}
		if n%3 == 0 {
			tr.somewhere(host).remove(g, tr.guest).want(tr.t, fault.OK)
		} else {
			tr.somewhere(tr.guest).exit(g).want(tr.t, fault.OK)
		}
		to := tr.went(tr.guest, g)
		tr.mu.Lock()
		tr.stays = append(tr.stays, stay{g, from, to})
		tr.mu.Unlock()
		tr.somewhere(tr.guest).push(groupText(g, "gone already")).want(tr.t, fault.NotMember)
	}
}

// concerns reports whether a reader has to have read an event.
func (tr *traffic) concerns(reader *client, e posted) bool {
	switch {
	case e.group == 0:
		return e.pair[0] == reader.uid() || e.pair[1] == reader.uid()
	case reader == tr.guest:
		return slices.ContainsFunc(tr.stays, func(s stay) bool {
			return s.group == e.group && s.from <= e.logID && e.logID <= s.to
		})
	}
	return true
}

// answered waits until n events were answered, or nobody writes any more, and
// returns how many were.
func (tr *traffic) answered(n int) (now int, done bool) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for len(tr.events) < n && !tr.done {
		tr.changed.Wait()
	}
	return len(tr.events), tr.done
}

// read pages through everything of a reader while others write, each page at
// another site, and returns the logIds in their order. Whatever was answered
// before a page was asked for is in it, or in one before it, unless the page is
// full.
func (tr *traffic) read(reader *client, size int) []int64 {
	var got []int64
	seen := make(map[int64]bool)
	last, checked, next := int64(0), 0, 0
	for {
		answered, done := tr.answered(next)
		page := tr.somewhere(reader).sync(last, size)
		for _, e := range page {
			if e.logID <= last {
				tr.t.Errorf("in pages of %d the event %d came after %d", size, e.logID, last)
			}
			last = e.logID
			got = append(got, last)
			seen[last] = true
		}
		if len(page) == size {
			next = 0 // there may be more right now
			continue
		}
		tr.mu.Lock()
		for _, e := range tr.events[checked:answered] {
			// Whether the guest was in is known for sure only in the end.
			if (reader != tr.guest || e.group == 0) && tr.concerns(reader, e) && !seen[e.logID] {
				tr.t.Errorf("a page of less than %d ends at %d and leaves out %d, which was answered before", size, last, e.logID)
			}
		}
		tr.mu.Unlock()
		checked, next = answered, answered+5
		if done {
			return got
		}
	}
}

// run lets everybody write and read, and compares what each reader has read
// with what concerns him.
func (tr *traffic) run(writers, messages int) {
	type reading struct {
		reader *client
		size   int
		got    []int64
	}
	var readings []*reading
	for i, size := range []int{1, 10, 1000} {
		readings = append(readings, &reading{reader: tr.members[i], size: size})
	}
	readings = append(readings, &reading{reader: tr.guest, size: 3})

	var writing, reads sync.WaitGroup
	for range writers {
		writing.Go(func() { tr.write(messages) })
	}
	writing.Go(func() { tr.comeAndGo(writers) })
	for _, r := range readings {
		reads.Go(func() { r.got = tr.read(r.reader, r.size) })
	}
	writing.Wait()
	tr.mu.Lock()
	tr.done = true
	tr.mu.Unlock()
	tr.changed.Broadcast()
	reads.Wait()

	for _, r := range readings {
		var want []int64
		for _, e := range tr.events {
			if tr.concerns(r.reader, e) {
				want = append(want, e.logID)
			}
		}
		slices.Sort(want)
		if !slices.Equal(r.got, want) {
			tr.t.Errorf("in pages of %d one reads\n%v, what concerns him is\n%v", r.size, r.got, want)
		}
	}
}

func TestReadersMissNothingWhileOthersWrite(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		newTraffic(w, w.site).run(4, 30)
	})
}
