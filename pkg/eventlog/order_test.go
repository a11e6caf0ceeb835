package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// dawdle is the fault that the tests below inject: somebody is slow, for a
// time that nobody can know.
func dawdle(most time.Duration) { time.Sleep(rand.N(most)) }

// model says who may read what, from nothing but the order of the log and the
// signals that tell of joining and leaving. It knows no interval and no index.
type model struct {
	in map[seat]bool
}

// expected returns the events that each user must end with.
func expected(log []Event, founders map[seat]bool) map[id.UID][]Event {
	m := model{in: founders}
	want := make(map[id.UID][]Event)
	for _, e := range log {
		what, who, _ := strings.Cut(string(e.Body), " ")
		member := seat{e.Group, id.UID(who)}
		if e.Kind == Signal && what == "join" {
			m.in[member] = true
		}
		for _, u := range m.audience(e) {
			want[u] = append(want[u], e)
		}
		if e.Kind == Signal && what == "leave" {
			delete(m.in, member)
		}
	}
	return want
}

func (m *model) audience(e Event) (users []id.UID) {
	if e.Group == 0 {
		users = append(users, e.A)
		if e.B != "" {
			users = append(users, e.B)
		}
		return users
	}
	for s := range m.in {
		if s.group == e.Group {
			users = append(users, s.user)
		}
	}
	return users
}

// storm is many writers and readers on several logs at once.
type storm struct {
	*world
	logs   []*Log
	users  []id.UID
	groups []id.GID

	mu      sync.Mutex
	sent    map[Position]Event // what was answered with a receipt
	refused map[string]bool    // ids of what was answered with a refusal
}

func TestEveryReaderEndsWithExactlyTheEventsThatConcernHim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &storm{world: w, sent: make(map[Position]Event), refused: make(map[string]bool)}
	slow := &tap{commit: func(commit, _ func() error) error {
		if rand.N(4) == 0 {
			dawdle(8 * time.Millisecond)
		}
		err := commit()
		if rand.N(4) == 0 {
			dawdle(4 * time.Millisecond) // others see it before the writer knows
		}
		return err
	}}
	pauses := betweenQueries(func() { dawdle(time.Millisecond) })
	for range 3 {
		s.logs = append(s.logs, w.log(slow.onWrites(w), pauses))
	}
	for i := range 8 {
		s.users = append(s.users, id.UID(fmt.Sprintf("user%d", i)))
	}
	founders := make(map[seat]bool)
	for g := id.GID(1); g <= 4; g++ {
		s.groups = append(s.groups, g)
		w.group(s.logs[0], g, "owner")
		founders[seat{g, "owner"}] = true
	}

	var writers, readers sync.WaitGroup
	for n := range 12 {
		writers.Go(func() { s.write(s.logs[n%len(s.logs)], fmt.Sprint("writer", n)) })
	}
	for _, g := range s.groups {
		writers.Go(func() { s.comeAndGo(g) })
	}
	done := make(chan struct{})
	var mu sync.Mutex
	got := make(map[id.UID][][]Event)
	for _, u := range append(slices.Clone(s.users), "owner", "stranger") {
		for n := range 2 {
			readers.Go(func() {
				events := s.follow(s.logs[rand.N(len(s.logs))], u, 3+rand.N(30)*n, done)
				mu.Lock()
				defer mu.Unlock()
				got[u] = append(got[u], events)
			})
		}
	}
	writers.Wait()
	close(done)
	readers.Wait()

	log := w.stored()
	s.checkReceipts(log)
	want := expected(log, founders)
	for u, readings := range got {
		for _, events := range readings {
			s.checkReading(u, events, want[u])
		}
	}
}

// write sends to people and groups, of which it knows nothing, and revokes some
// of what it sent.
func (s *storm) write(l *Log, name string) {
	var mine []Event
	for i := range 30 {
		from := s.users[rand.N(len(s.users))]
		e := private(from, s.users[rand.N(len(s.users))], fmt.Sprint(name, "-", i))
		switch {
		case rand.N(10) == 0 && len(mine) > 0:
			n := rand.N(len(mine))
			s.revoke(l, mine[n])
			mine = slices.Delete(mine, n, n+1)
			continue
		case rand.N(2) == 0:
			e = toGroup(from, s.groups[rand.N(len(s.groups))], e.ID)
		}
		r, err := l.Append(context.Background(), e)
		s.mu.Lock()
		switch {
		case err == nil:
			e.Pos, e.At = r.Pos, r.At
			s.sent[r.Pos] = e
			mine = append(mine, e)
		case errors.Is(err, fault.NotMember):
			s.refused[e.ID] = true
		default:
			s.Errorf("append %s: %v", e.ID, err)
		}
		s.mu.Unlock()
	}
}

func (s *storm) revoke(l *Log, e Event) {
	err := l.Change(context.Background(), func(tx *Tx) error {
		if won, err := tx.Erase(e.Pos); err != nil || !won {
			return fmt.Errorf("erase %d: %v %w", e.Pos, won, err)
		}
		return tx.Append(1, func(Position, int64) ([]Event, error) {
			return []Event{signal(e.Audience, fmt.Sprint("revoke ", e.Pos))}, nil
		})
	})
	if err != nil {
		s.Errorf("revoke: %v", err)
	}
}

// comeAndGo changes the members of a group, always through another log.
func (s *storm) comeAndGo(g id.GID) {
	in := make(map[id.UID]bool)
	for i := range 24 {
		l := s.logs[i%len(s.logs)]
		u := s.users[rand.N(len(s.users))]
		if in[u] = !in[u]; in[u] {
			s.join(l, g, u)
		} else {
			s.leave(l, g, u)
		}
	}
}

// follow reads page after page until there is nothing more after done.
func (s *storm) follow(l *Log, u id.UID, page int, done chan struct{}) (all []Event) {
	after := Position(0)
	for {
		var last bool
		select {
		case <-done:
			last = true
		default:
		}
		events, err := readPage(l, u, after, page)
		if err != nil {
			s.Errorf("read for %s after %d: %v", u, after, err)
			return all
		}
		for _, e := range events {
			if e.Pos <= after {
				s.Errorf("%s read %d after %d", u, e.Pos, after)
			}
			after = e.Pos
		}
		all = append(all, events...)
		if last && len(events) < page {
			return all
		}
	}
}

// checkReceipts holds what writers were answered against the log.
func (s *storm) checkReceipts(log []Event) {
	messages := 0
	for i, e := range log {
		if e.Pos != Position(i+1) {
			s.Fatalf("event %d has position %d: the log has a hole", i+1, e.Pos)
		}
		if e.Kind == Signal {
			continue
		}
		messages++
		sent, ok := s.sent[e.Pos]
		if !ok || sent.ID != e.ID || sent.Author != e.Author || sent.Audience != e.Audience || sent.At != e.At {
			s.Errorf("the log has %+v, which was answered as %+v", e, sent)
		}
		if s.refused[e.ID] {
			s.Errorf("message %s was refused and is at %d", e.ID, e.Pos)
		}
	}
	if messages != len(s.sent) {
		s.Errorf("%d messages in the log, %d were answered", messages, len(s.sent))
	}
	if messages == 0 || len(s.refused) == 0 {
		s.Errorf("%d messages and %d refusals prove nothing", messages, len(s.refused))
	}
}

// checkReading compares what somebody read with what he should have. A message
// that was revoked later he may have read in time or not.
func (s *storm) checkReading(u id.UID, got, want []Event) {
	revoked := make(map[Position]bool)
	for _, e := range want {
		if e.Kind == Tombstone {
			revoked[e.Pos] = true
		}
	}
	lasting := func(events []Event) []Position {
		return positionsOf(slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return revoked[e.Pos] }))
	}
	same(s, "what "+string(u)+" read", lasting(got), lasting(want))
	for _, e := range got {
		if e.Kind == Tombstone || len(e.Body) == 0 {
			s.Errorf("%s read the tombstone at %d", u, e.Pos)
		}
	}
}

func TestMembersWhoComeAndGoReadTheirOwnTimeOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.log()
	w.group(l, 1, "owner")
	send := func(id string) { w.append(l, toGroup("owner", 1, id)) }
	send("before")
	w.join(l, 1, "bob")
	send("first stay")
	w.leave(l, 1, "bob")
	send("between")
	w.join(l, 1, "bob")
	send("second stay")
	var got []string
	for _, e := range w.read(l, "bob", 0, 2) {
		got = append(got, string(e.Body))
	}
	same(t, "what bob read", got, []string{"join bob", "body of first stay", "leave bob", "join bob", "body of second stay"})
	if n := len(w.read(l, "owner", 0, 3)); n != 7 {
		t.Errorf("the owner, there from the beginning, read %d events, want 7", n)
	}
	if n := len(w.read(l, "zoe", 0, 3)); n != 0 {
		t.Errorf("a stranger read %d events", n)
	}
}
