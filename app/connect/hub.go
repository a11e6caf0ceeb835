package connect

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// hub routes the events of the log to the sessions of this gateway.
//
// Joining live. A session reads its backlog from the log until its position lies
// in the ring, which has the newest events without a gap. Then it takes the
// dispatch lock, under which the ring does not grow: what the ring has after its
// position is sent, and the session is live. So the first event that dispatch
// offers it is the next one, whatever was committed meanwhile.
type hub struct {
	// mu is the dispatch lock. It comes before the lock of a session.
	mu     sync.Mutex
	users  map[id.UID]*user
	groups map[id.GID]map[*user]struct{}
	ring   ring
	// halted says that nothing is handed out any more.
	halted bool
	// tail is the position up to which everything was dispatched.
	tail atomic.Int64
}

// user is somebody with sessions on this gateway.
type user struct {
	uid      id.UID
	sessions []*session
	// intervals are the positions at which he was in groups. A map of yes and
	// no would depend on the order in which it is loaded and changed.
	intervals map[id.GID][]eventlog.Interval
	// loaded says that intervals has everything. Until then left keeps what
	// ended meanwhile: what is being loaded may be from before.
	loaded bool
	left   []departure
}

// departure is the end of an interval.
type departure struct {
	group id.GID
	at    eventlog.Position
}

func newHub(after eventlog.Position) *hub {
	h := &hub{users: make(map[id.UID]*user), groups: make(map[id.GID]map[*user]struct{}), ring: ring{after: after}}
	h.tail.Store(int64(after))
	return h
}

// dispatch offers events to the sessions that they concern. It never waits for
// a session.
func (h *hub) dispatch(events []eventlog.Event, through eventlog.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.halted {
		return // the tail stays, too: cursors follow it
	}
	now := time.Now()
	entries := make([]entry, len(events)) // together, for they go from the ring together
	for i := range events {
		e := &entries[i]
		e.set(events[i])
		h.ring.push(e)
		if e.Kind == eventlog.Signal {
			h.follow(e)
		}
		h.eachConcerned(e, func(u *user) {
			for _, s := range u.sessions {
				s.offer(e, now)
			}
		})
	}
	h.tail.Store(int64(through))
}

// halt ends handing out events. A page that a session is reading from the log
// just now still goes out.
func (h *hub) halt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.halted = true
}

// concerns reports whether u reads e.
func (u *user) concerns(e *entry) bool {
	if e.Group == 0 {
		return e.Includes(u.uid)
	}
	return u.mayRead(e)
}

// mayRead reports whether u was in the group of e at its position.
func (u *user) mayRead(e *entry) bool {
	return slices.ContainsFunc(u.intervals[e.Group], func(i eventlog.Interval) bool { return i.From <= e.Pos && e.Pos <= i.To })
}

// follow does what a signal says: it changes the places of local users in a
// group, and drops a message that was revoked.
func (h *hub) follow(e *entry) {
	var s wirev1.Signal
	if err := proto.Unmarshal(e.Body, &s); err != nil {
		logx.Errorf("signal %d cannot be read: %v", e.Pos, err)
		return
	}
	switch s.Type {
	case wirev1.SignalType_SIGNAL_TYPE_REVOKE:
		var revoke wirev1.SignalRevoke
		if err := proto.Unmarshal(s.Body, &revoke); err != nil {
			logx.Errorf("signal %d cannot be read: %v", e.Pos, err)
			return
		}
		h.revoke(e, eventlog.Position(revoke.LogId))
	case wirev1.SignalType_SIGNAL_TYPE_SIGN_IN_GROUP:
		var in wirev1.SignalSignInGroup
		if err := proto.Unmarshal(s.Body, &in); err != nil {
			logx.Errorf("signal %d cannot be read: %v", e.Pos, err)
			return
		}
		for _, uid := range in.Uid {
			if u := h.users[id.UID(uid)]; u != nil {
				h.prune(u)
				h.seat(u, e.Group, eventlog.Interval{From: e.Pos, To: eventlog.Forever})
			}
		}
	case wirev1.SignalType_SIGNAL_TYPE_DELETE_GROUP:
		for u := range h.groups[e.Group] {
			u.unseat(e.Group, e.Pos)
		}
	case wirev1.SignalType_SIGNAL_TYPE_SIGN_OUT_GROUP:
		var out wirev1.SignalSignOutGroup
		if err := proto.Unmarshal(s.Body, &out); err != nil {
			logx.Errorf("signal %d cannot be read: %v", e.Pos, err)
			return
		}
		for _, uid := range out.Uid {
			if u := h.users[id.UID(uid)]; u != nil {
				u.unseat(e.Group, e.Pos)
			}
		}
	}
}

// revoke takes a message back from those whom the signal concerns, as far as they
// have not confirmed it: it counts as confirmed then.
func (h *hub) revoke(e *entry, pos eventlog.Position) {
	if revoked := h.ring.at(pos); revoked != nil {
		revoked.Kind = eventlog.Tombstone
	}
	h.eachConcerned(e, func(u *user) {
		for _, s := range u.sessions {
			s.drop(pos)
		}
	})
}

// eachConcerned calls f with the local users who read e.
func (h *hub) eachConcerned(e *entry, f func(*user)) {
	if e.Group != 0 {
		for u := range h.groups[e.Group] {
			if u.mayRead(e) {
				f(u)
			}
		}
		return
	}
	if u := h.users[e.A]; u != nil {
		f(u)
	}
	if u := h.users[e.B]; u != nil && e.B != e.A {
		f(u)
	}
}

// seat adds an interval of u in a group. What is known from elsewhere, by its
// beginning, ends where the earlier of both ends.
func (h *hub) seat(u *user, g id.GID, i eventlog.Interval) {
	members := h.groups[g]
	if members == nil {
		members = make(map[*user]struct{})
		h.groups[g] = members
	}
	members[u] = struct{}{}
	if u.intervals == nil {
		u.intervals = make(map[id.GID][]eventlog.Interval)
	}
	for n := range u.intervals[g] {
		if known := &u.intervals[g][n]; known.From == i.From {
			known.To = min(known.To, i.To)
			return
		}
	}
	u.intervals[g] = append(u.intervals[g], i)
}

// prune forgets the intervals of u that end before everything in the ring.
func (h *hub) prune(u *user) {
	for g, intervals := range u.intervals {
		left := slices.DeleteFunc(intervals, func(i eventlog.Interval) bool { return i.To <= h.ring.after })
		if len(left) > 0 {
			u.intervals[g] = left
		} else {
			h.unroute(u, g)
		}
	}
}

// unroute has u get no events of a group any more.
func (h *hub) unroute(u *user, g id.GID) {
	delete(u.intervals, g)
	delete(h.groups[g], u)
	if len(h.groups[g]) == 0 {
		delete(h.groups, g)
	}
}

// unseat ends the interval of u in a group in which a position lies.
func (u *user) unseat(g id.GID, at eventlog.Position) {
	if !u.loaded {
		u.left = append(u.left, departure{g, at})
	}
	for n := range u.intervals[g] {
		if i := &u.intervals[g][n]; i.From <= at && at < i.To {
			i.To = at
		}
	}
}

// add registers a session, or reports false when its user has too many. Signals
// change the places of its user from now on; load fetches those that he has
// already. welcome is called before anybody can tell the session anything.
func (h *hub) add(s *session, most int, welcome func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	u := h.users[s.uid]
	if u == nil {
		u = &user{uid: s.uid}
		h.users[s.uid] = u
	}
	if len(u.sessions) >= most {
		return false
	}
	welcome()
	s.user = u
	u.sessions = append(u.sessions, s)
	return true
}

// remove forgets a session, and its user with the last one.
func (h *hub) remove(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	u := s.user
	u.sessions = slices.DeleteFunc(u.sessions, func(other *session) bool { return other == s })
	if len(u.sessions) > 0 || h.users[u.uid] != u {
		return
	}
	delete(h.users, u.uid)
	for g := range u.intervals {
		h.unroute(u, g)
	}
}

// load fetches the places of a user in groups, once: those that matter for what
// is in the ring or comes after.
func (h *hub) load(ctx context.Context, log *eventlog.Log, u *user) error {
	h.mu.Lock()
	loaded, after := u.loaded, h.ring.after
	h.mu.Unlock()
	if loaded {
		return nil
	}
	places, err := log.Intervals(ctx, u.uid, after)
	if err != nil {
		return err
	}
	h.place(u, places)
	return nil
}

// place adds the places that a user has in groups, as they were at some moment
// since he was registered, to what signals have said meanwhile.
func (h *hub) place(u *user, places map[id.GID][]eventlog.Interval) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users[u.uid] != u || u.loaded {
		return // the last session is gone, or another one was quicker
	}
	for g, intervals := range places {
		for _, i := range intervals {
			h.seat(u, g, i)
		}
	}
	u.loaded = true
	for _, d := range u.left {
		u.unseat(d.group, d.at)
	}
	u.left = nil
}

// sessionsOf returns the sessions of a user.
func (h *hub) sessionsOf(uid id.UID) []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	if u := h.users[uid]; u != nil {
		return slices.Clone(u.sessions)
	}
	return nil
}

// all adds every session to a list.
func (h *hub) all(list []*session) []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, u := range h.users {
		list = append(list, u.sessions...)
	}
	return list
}
