package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/sqldb/sqldbtest"
)

// churn is people who make and change groups, whatever happens to the servers:
// each sends a request again until it is answered. The witness is in every group
// from its beginning, and nobody removes him.
type churn struct {
	t       testing.TB
	witness *client
	people  []*client

	mu     sync.Mutex
	groups []id.GID                   // that were answered
	words  map[id.GID]map[string]bool // names and avatars that were answered with 0

	ctx      context.Context // ends when the test gives up
	over     atomic.Bool     // nobody begins anything any more
	wg       sync.WaitGroup
	working  atomic.Int64
	answered atomic.Int64
	changed  atomic.Int64 // answered with 0
	lost     atomic.Int64 // answers that did not come
}

// startChurn lets n people make and change groups at each of the sites.
func startChurn(t testing.TB, n int, sites ...site) *churn {
	t.Helper()
	ctx, giveUp := context.WithCancel(context.Background())
	c := &churn{t: t, witness: newUser(t, sites[0]), words: make(map[id.GID]map[string]bool), ctx: ctx}
	for _, s := range sites {
		for range n {
			c.people = append(c.people, newUser(t, s))
		}
	}
	for i := range c.people {
		c.working.Add(1)
		c.wg.Go(func() {
			defer c.working.Add(-1)
			for round := 0; !c.over.Load() && ctx.Err() == nil; round++ {
				c.act(c.people[i], fmt.Sprintf("%d-%d", i, round))
			}
		})
	}
	t.Cleanup(func() {
		giveUp()
		c.wg.Wait()
	})
	return c
}

// act does something at random; word is new.
func (c *churn) act(who *client, word string) {
	g, live := c.anyGroup()
	if !live || rand.IntN(40) == 0 {
		c.create(who)
		return
	}
	someone := c.people[rand.IntN(len(c.people))].uid()
	some := []id.UID{someone, c.people[rand.IntN(len(c.people))].uid()}
	switch rand.IntN(22) {
	case 0, 1, 2, 3:
		c.do(who, "invite-group-members", g, fields{"newMemberIds": some})
	case 4, 5, 6:
		c.do(who, "join-group", g, nil)
	case 7, 8:
		c.do(who, "group-remove", g, fields{"memberIds": some})
	case 9:
		c.do(who, "group-exit", g, nil)
	case 10, 11:
		c.do(who, "member/type", g, fields{"memberId": someone, "memberType": rand.IntN(2)})
	case 12, 13:
		c.do(who, "member/muteTime", g, fields{"memberIds": some, "muteTime": []int64{eventlog.Forever, 4102444800000 + rand.Int64N(2)}[rand.IntN(2)]})
	case 14:
		c.do(who, "member/muteTime", g, fields{"memberIds": some, "muteTime": 0})
	case 15, 16:
		c.say(who, "name", g, word, fields{"name": word, "publicName": ""})
	case 17:
		c.say(who, "avatar", g, word, fields{"avatar": word})
	case 18:
		c.do(who, "muteType", g, fields{"muteType": rand.IntN(2)})
	case 19:
		c.do(who, "joinType", g, fields{"joinType": rand.IntN(2)})
	case 20:
		c.do(who, "friendType", g, fields{"friendType": rand.IntN(2)})
	case 21:
		if rand.IntN(4) == 0 {
			c.do(who, "group-disband", g, nil)
		} else {
			c.do(who, "change-owner", g, fields{"memberId": someone})
		}
	}
}

// anyGroup returns one of the newest groups.
func (c *churn) anyGroup() (id.GID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.groups)
	if n == 0 {
		return 0, false
	}
	return c.groups[n-1-rand.IntN(min(n, 3))], true
}

func (c *churn) create(who *client) {
	a := c.insist(who, "create-group", fields{"name": "born", "memberIds": append(uids(c.people), string(c.witness.uid()))})
	if a == nil || a.Result != fault.OK {
		return
	}
	var made circle
	a.into(c.t, &made)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.groups = append(c.groups, made.ID)
	c.words[made.ID] = make(map[string]bool)
}

// say changes a text of a group, which nobody changes to the same.
func (c *churn) say(who *client, route string, g id.GID, word string, more fields) {
	if a := c.do(who, route, g, more); a != nil && a.Result == fault.OK {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.words[g][word] = true
	}
}

func (c *churn) do(who *client, route string, g id.GID, more fields) *answer {
	body := fields{"id": g}
	for name, value := range more {
		body[name] = value
	}
	return c.insist(who, route, body)
}

// insist sends a request until it is answered.
func (c *churn) insist(who *client, route string, body fields) *answer {
	a, lost := who.persist(c.ctx, "/group/app/"+route, body)
	c.lost.Add(lost)
	if a == nil {
		return nil
	}
	c.answered.Add(1)
	switch {
	case a.Result == fault.OK:
		c.changed.Add(1)
	case a.Result > fault.GroupBlocked:
		c.t.Errorf("%s %v is answered with %s", route, body, a.body)
	}
	return a
}

// persist sends a request until it is answered, or ctx ends, and counts the
// answers that were lost. Whatever a dying server does is no failure, and no
// answer.
func (c *client) persist(ctx context.Context, path string, body fields) (a *answer, lost int64) {
	content, err := json.Marshal(body)
	if err != nil {
		c.t.Error(err)
		return nil, 0
	}
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.site.url(path), bytes.NewReader(content))
		if err != nil {
			c.t.Error(err)
			return nil, lost
		}
		maps.Copy(req.Header, c.headers)
		req.Header.Set("FZM-SIGNATURE", c.token())
		req.Header.Set("Content-Type", "application/json")
		if a, err := do(req); err == nil && a.Result != fault.Busy {
			return a, lost
		}
		lost++
		pause(ctx, 5*time.Millisecond)
	}
	return nil, lost
}

// progress waits until n more requests were answered.
func (c *churn) progress(n int64) {
	c.t.Helper()
	before := c.answered.Load()
	until(c.t, func() bool { return c.answered.Load() >= before+n })
}

// verify ends the churn, tells every group again from what the witness read, and
// compares it with what the routes show and with what the others read.
func (c *churn) verify(atLeast int64) {
	c.t.Helper()
	c.over.Store(true)
	until(c.t, func() bool { return c.working.Load() == 0 })
	c.t.Logf("%d requests were answered, %d of them with 0; %d answers were lost", c.answered.Load(), c.changed.Load(), c.lost.Load())
	if c.changed.Load() < atLeast {
		c.t.Errorf("only %d changes were made: the test shows nothing", c.changed.Load())
	}
	all := make(map[id.GID][]event)
	for _, e := range c.witness.syncAll(0, 1000) {
		g := groupOf(c.t, e)
		all[g] = append(all[g], e)
	}
	var list struct{ Groups []circle }
	c.witness.post("/group/app/group-list", fields{}).want(c.t, fault.OK).into(c.t, &list)
	listed := make(map[id.GID]bool)
	for _, g := range list.Groups {
		listed[g.ID] = true
		if all[g.ID] == nil {
			c.t.Errorf("group %s is there, and no event tells of it", g.ID)
		}
	}
	for g, events := range all {
		c.verifyGroup(retell(c.t, g, events), listed[g])
	}
	for g, words := range c.words {
		if all[g] == nil {
			c.t.Errorf("group %s was answered and is gone, with %d words", g, len(words))
		}
	}
	for _, p := range c.people {
		c.verifyReading(p, all)
	}
}

func (c *churn) verifyGroup(r *retold, listed bool) {
	c.t.Helper()
	for word := range c.words[r.id] {
		if !r.ever[word] {
			c.t.Errorf("the name or avatar %q of group %s was answered, and no event tells of it", word, r.id)
		}
	}
	if listed == r.over {
		c.t.Errorf("group %s is listed: %t; its events tell that it is over: %t", r.id, listed, r.over)
	}
	var shown circle
	if r.over {
		c.witness.ask("group-pub-info", r.id, nil).want(c.t, fault.OK).into(c.t, &shown)
		if shown.Status != int32(eventlog.Disbanded) || shown.MemberNum != 0 || shown.Owner != nil {
			c.t.Errorf("the events tell that group %s is over, and it is %+v", r.id, shown)
		}
		return
	}
	var members struct{ Members []person }
	c.witness.ask("group-info", r.id, nil).want(c.t, fault.OK).into(c.t, &shown)
	c.witness.ask("group-member-list", r.id, nil).want(c.t, fault.OK).into(c.t, &members)
	r.agrees(shown, members.Members)
}

// verifyReading compares what somebody reads with when he was in.
func (c *churn) verifyReading(who *client, all map[id.GID][]event) {
	c.t.Helper()
	var want, got []int64
	for g, events := range all {
		want = append(want, seenBy(c.t, events, g, who.uid())...)
	}
	slices.Sort(want)
	for _, e := range who.syncAll(0, 1000) {
		got = append(got, e.logID)
	}
	if !slices.Equal(got, want) {
		c.t.Errorf("%s reads\n%v, and was in at\n%v", who.uid(), got, want)
	}
}

// A process that is killed at any moment leaves every change of a group whole: with
// its events, or not made.
func TestAChangeOfAGroupIsWholeWhateverDies(t *testing.T) {
	t.Parallel()
	p := newProcess(t, serverEnv(t), "-data", t.TempDir())
	p.start()
	c := startChurn(t, 8, p.site)
	for range 6 {
		c.progress(20)
		pause(t.Context(), moment())
		p.kill()
		p.start()
	}
	c.progress(50)
	c.verify(50)
}

// The same when one of several dies while the others go on with the same groups.
func TestAChangeOfAGroupIsWholeAmongSeveralServices(t *testing.T) {
	needServers(t)
	t.Parallel()
	cfg, _ := sqldbtest.Server(t)
	processes, sites := several(t, 3, "PARLEY_DATABASE_DSN="+cfg.DSN)
	c := startChurn(t, 3, sites...)
	for i := range 6 {
		c.progress(60)
		pause(t.Context(), moment())
		p := processes[i%len(processes)]
		p.kill()
		p.start()
	}
	c.progress(50)
	c.verify(50)
}

// The same when the group service dies and its gateway lives.
func TestAGroupServiceThatDiesLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	s := startServices(t)
	c := startChurn(t, 8, s.site)
	service := s.group
	if service == nil {
		service = s.records[0]
	}
	for range 6 {
		c.progress(20)
		pause(t.Context(), moment())
		service.kill()
		service.run()
	}
	c.progress(50)
	c.verify(50)
}
