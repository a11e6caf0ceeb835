package e2e

import (
	"fmt"
	"strings"
	"testing"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// society is people with a bit of everything that Parley keeps. It outlives
// processes and databases: everybody must read the same of it before and after.
type society struct {
	t      testing.TB
	people []*client
	groups []id.GID
	// objects are by their paths at the oss gateway.
	objects map[string][]byte
	// upload is one in parts that has begun.
	upload  object
	id      string
	partial []etag
	// last is the newest logId; confirmed is what the second one's phone confirmed.
	last, confirmed int64
}

// newSociety makes one through the API of a site.
func newSociety(t testing.TB, at site) *society {
	t.Helper()
	s := &society{t: t, objects: make(map[string][]byte)}
	for range 5 {
		s.people = append(s.people, newUser(t, at))
	}
	alice, bob, carol, dave, eve := s.people[0], s.people[1], s.people[2], s.people[3], s.people[4]

	// Private messages, with bytes that are no text, one revoked, one focused, one
	// over a socket that a device confirmed.
	for n := range 30 {
		s.people[n%3].send(text(string(s.people[(n+1)%3].uid()), fmt.Sprintf("letter %d \x00\u00e9\U0001f600'\\", n)))
	}
	odd := text(string(bob.uid()), "")
	odd.Msg = []byte("\xff\xfe\x00 no protobuf")
	alice.push2(odd)
	alice.revoke(alice.send(text(string(bob.uid()), "a slip")).LogID).want(t, fault.OK)
	bob.focus(alice.send(text(string(bob.uid()), "look")).LogID).want(t, fault.OK)
	phone := bob.connect(onPhone("bob's phone"))
	heard := alice.send(text(string(bob.uid()), "can you hear me"))
	for phone.receive().logID < heard.LogID {
	}
	s.confirmed = heard.LogID
	// The signal that it was received says that the cursor is stored.
	until(t, func() bool {
		for _, e := range alice.sync(heard.LogID, 100) {
			if e.String() == "RECEIVED" {
				return true
			}
		}
		return false
	})
	phone.conn.NetConn().Close()

	// Groups: one with roles, mutes and people who came and went, one where joining
	// must be granted, one that is over, one that is silent.
	lively := alice.create("lively \U0001f389", bob, carol, dave)
	s.groups = append(s.groups, lively.ID)
	alice.setRole(lively.ID, eventlog.Admin, bob).want(t, fault.OK)
	bob.mute(lively.ID, 9e12, carol).want(t, fault.OK)
	bob.send(groupText(lively.ID, "carol is silent"))
	carol.push(groupText(lively.ID, "am I?")).want(t, fault.Muted)
	dave.send(groupText(lively.ID, "and I go"))
	dave.exit(lively.ID).want(t, fault.OK)
	alice.send(groupText(lively.ID, "dave is gone"))
	alice.invite(lively.ID, eve).want(t, fault.OK)
	bob.remove(lively.ID, eve).want(t, fault.OK)
	alice.ask("member/name", lively.ID, fields{"memberName": "the boss"}).want(t, fault.OK)
	alice.revoke(bob.send(groupText(lively.ID, "a slip")).LogID).want(t, fault.OK)

	strict := carol.create("strict", alice)
	s.groups = append(s.groups, strict.ID)
	carol.ask("joinType", strict.ID, fields{"joinType": 2}).want(t, fault.OK)
	dave.join(strict.ID)
	eve.join(strict.ID)

	over := bob.create("over", alice)
	s.groups = append(s.groups, over.ID)
	alice.send(groupText(over.ID, "last words"))
	bob.disband(over.ID).want(t, fault.OK)

	silent := eve.create("silent", dave, carol)
	s.groups = append(s.groups, silent.ID)
	eve.muteAll(silent.ID, true).want(t, fault.OK)
	eve.giveTo(silent.ID, dave).want(t, fault.OK)

	for n, size := range []int{1, 70_000} {
		content := blob(size, byte(n))
		where := alice.store(inDtalk(fmt.Sprintf("pictures/%s-%d.png", alice.uid(), n)), content)
		s.objects[strings.TrimPrefix(where.URL, at.oss)] = content
	}
	s.upload = inDtalk("films/" + string(bob.uid()))
	s.id = bob.begin(s.upload)
	s.partial = bob.inParts(s.upload, s.id, blob(5<<20, 3))

	s.last = alice.send(text(string(bob.uid()), "that is all")).LogID
	return s
}

// move lets everybody use another site.
func (s *society) move(to site) {
	for _, c := range s.people {
		c.site = to
	}
}

// views is what everybody reads up to the newest logId, as the bytes of the answers.
func (s *society) views() map[string]string {
	s.t.Helper()
	all := make(map[string]string)
	for n, c := range s.people {
		see := func(name string, a *answer) { all[fmt.Sprintf("person %d: %s", n, name)] = string(a.body) }
		for after := int64(0); after < s.last; {
			page := c.sync(after, 100)
			see(fmt.Sprintf("sync after %d", after), c.post("/app/record/sync-record", map[string]any{"count": 100, "start": after}))
			if len(page) == 0 {
				break
			}
			after = page[len(page)-1].logID
		}
		for m, other := range s.people {
			see(fmt.Sprintf("history with %d", m), c.post("/app/record/pri-chat-record", map[string]any{"targetId": other.uid(), "count": 100}))
		}
		see("groups", c.post("/group/app/group-list", map[string]any{}))
		for m, g := range s.groups {
			for _, route := range []string{"group-info", "group-pub-info", "group-member-list", "mute-list", "application-list"} {
				see(fmt.Sprintf("%s of %d", route, m), c.ask(route, g, nil))
			}
		}
	}
	return all
}

// same holds what everybody reads against earlier views, and reads the objects.
func (s *society) same(before map[string]string) {
	s.t.Helper()
	after := s.views()
	if len(after) != len(before) {
		s.t.Errorf("there are %d views, there were %d", len(after), len(before))
	}
	for name, want := range before {
		if got := after[name]; got != want {
			s.t.Errorf("%s is\n%s\nand was\n%s", name, got, want)
		}
	}
	for path, content := range s.objects {
		holds(s.t, s.people[0].site.oss+path, content)
	}
}

// goesOn does a bit of everything with what there is. It returns the logId of the
// first thing that is new.
func (s *society) goesOn() (next int64) {
	s.t.Helper()
	alice, bob, carol := s.people[0], s.people[1], s.people[2]
	next = alice.send(text(string(bob.uid()), "we go on")).LogID
	// The phone confirmed what came before, so it gets what came since.
	phone := bob.connect(onPhone("bob's phone"))
	if e := phone.receive(); e.logID <= s.confirmed {
		s.t.Errorf("the phone gets %d again, and confirmed %d", e.logID, s.confirmed)
	}
	bob.send(groupText(s.groups[0], "still here"))
	carol.push(groupText(s.groups[0], "still silent")).want(s.t, fault.Muted)
	alice.push(groupText(s.groups[2], "anybody?")).want(s.t, fault.GroupDisbanded)
	s.people[3].push(groupText(s.groups[0], "let me in")).want(s.t, fault.NotMember)
	alice.store(inDtalk(fmt.Sprintf("pictures/%s-0.png", alice.uid())), []byte("another picture"))
	bob.put(inDtalk(fmt.Sprintf("pictures/%s-1.png", alice.uid())), []byte("not mine")).want(s.t, fault.Forbidden)
	where := bob.completed(s.upload, s.id, s.partial)
	holds(s.t, where.URL, blob(5<<20, 3))
	made := bob.create("new", alice)
	alice.send(groupText(made.ID, "hello"))
	return next
}
