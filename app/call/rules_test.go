package call

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// madeBy is an Issuer whose tickets say for whom they are.
type madeBy string

func (m madeBy) Ticket(u id.UID, room int32) (Ticket, error) {
	if m == "" {
		return Ticket{}, errors.New("there is no secret")
	}
	return Ticket{Room: room, UserSig: fmt.Sprintf("%s for %s", m, u), PrivateMapKey: fmt.Sprintf("%s for %s in %d", m, u, room), AppID: 7}, nil
}

const (
	created = int64(1_700_000_000_000)
	ring    = int64(60_000)
	room    = int32(4711)
	issuer  = madeBy("issuer")
)

// people are the users behind the names of columns and cells.
var people = map[string]id.UID{"c": "caller", "x": "xavier", "y": "yvonne", "z": "zoe", "s": "stranger"}

// actor returns who acts in a column, and on which device.
func actor(column string) (u id.UID, device string) {
	u = people[column[:1]]
	if strings.HasSuffix(column, "1") || strings.HasSuffix(column, "2") {
		device = "device " + column
	}
	return u, device
}

// ringing returns a call from the caller to some of x, y and z.
func ringing(invitees ...string) *Session {
	var asked []id.UID
	for _, x := range invitees {
		asked = append(asked, people[x])
	}
	group := id.GID(0)
	if len(invitees) > 1 {
		group = 99
	}
	s := New(1, Audio, group, room, people["c"], asked, asked, created, ring)
	s.Owed = nil
	return s
}

// copied returns a session that shares nothing with s.
func (s *Session) copied() *Session {
	c := *s
	c.Parties, c.Owed = slices.Clone(s.Parties), slices.Clone(s.Owed)
	return &c
}

// states writes what the parties do.
func (s *Session) states() string {
	var b strings.Builder
	for _, p := range s.Parties {
		b.WriteByte("rto"[p.State])
	}
	return b.String()
}

// told writes whom a session owes what.
func (s *Session) told() []string {
	var list []string
	for _, o := range s.Owed {
		what := map[Signal]string{Start: "start", Accept: "accept", Record: "record"}[o.What]
		if o.What == Stop {
			what = map[Reason]string{Busy: "busy", Timeout: "timeout", Reject: "reject", Hangup: "hangup", Cancel: "cancel"}[o.Reason]
		}
		for name, u := range people {
			if u == o.To {
				list = append(list, name+":"+what)
			}
		}
	}
	return list
}

// happen brings an event about, and writes what follows as cells do. What is
// refused changes nothing, since it is not stored.
func (s *Session) happen(t testing.TB, event, column string, now int64) string {
	t.Helper()
	u, device := actor(column)
	before := s.copied()
	before.Owed = nil
	*s = *before.copied()
	var ticket *Ticket
	var err error
	switch event {
	case "accept":
		ticket, err = s.Accept(u, device, now, issuer)
	case "refuse":
		err = s.Refuse(u, device, now)
	case "decline":
		err = s.Decline(u, now)
	case "check":
		err = s.Check(u, now)
	case "deadline":
		s.Pass(now)
	default:
		t.Fatalf("there is no event %q", event)
	}
	var words []string
	switch {
	case err != nil:
		*s = *before
		if ticket != nil {
			t.Errorf("%s by %s in %s: a ticket although it is refused", event, column, before.states())
		}
		words = append(words, fmt.Sprint(int32(fault.Of(err).Code)))
	case event == "accept":
		words = append(words, s.accepted(t, before, u, device, ticket, now))
	case event != "deadline":
		words = append(words, "0")
	}
	words = append(words, s.told()...)
	if s.states() != before.states() {
		words = append(words, ">"+s.states())
	}
	return strings.Join(words, " ")
}

// accepted checks who has which ticket after u has accepted.
func (s *Session) accepted(t testing.TB, before *Session, u id.UID, device string, ticket *Ticket, now int64) string {
	t.Helper()
	want, _ := issuer.Ticket(u, room)
	if ticket == nil || *ticket != want {
		t.Errorf("%s gets %+v, want his own ticket", u, ticket)
	}
	for _, p := range s.Parties {
		want, _ := issuer.Ticket(p.User, room)
		if p.Ticket != nil && *p.Ticket != want {
			t.Errorf("%s has %+v, want his own ticket", p.User, *p.Ticket)
		}
		if p.State == Talking && p.Ticket == nil {
			t.Errorf("%s talks without a ticket", p.User)
		}
	}
	if before.party(u).State == Talking {
		if s.Renewed != before.Renewed {
			t.Errorf("who gets his ticket again prolongs the call")
		}
		return "same"
	}
	if p := s.party(u); p.Device != device || p.Since != now || s.Renewed != now {
		t.Errorf("%s talks on %q since %d, accepted last %d; want %q, %d", u, p.Device, p.Since, s.Renewed, device, now)
	}
	return "ticket"
}

// reach returns a session that took a path, and when that was done.
func reach(t testing.TB, path string, invitees ...string) (s *Session, now int64) {
	t.Helper()
	s, now = ringing(invitees...), created
	for step := range strings.SplitSeq(path, ", ") {
		if step == "" {
			continue
		}
		now++
		column, event, _ := strings.Cut(step, " ")
		if step == "deadline" {
			column, event, now = "caller", "deadline", created+ring
		}
		if got := s.happen(t, event, column, now); strings.HasPrefix(got, "-") {
			t.Fatalf("%s: %s answers %s", path, step, got)
		}
	}
	return s, now
}

// moments are when events are tried in a situation. Where nothing rings the
// deadline does not matter.
func (x situation) moments() []int64 {
	switch deadline := created + ring; {
	case x.late:
		return []int64{deadline, deadline + 1_000}
	case x.deadline != "":
		return []int64{deadline - 1}
	default:
		return []int64{deadline - 1, deadline, deadline + 3_600_000}
	}
}

// rows are the events of a situation but the deadline.
func (x situation) rows() []tableRow {
	return []tableRow{{"accept", x.accept}, {"refuse", x.refuse}, {"decline", x.decline}, {"check", x.check}}
}

type tableRow struct{ event, cells string }

func TestEveryEventInEveryStateByEverybodyHasItsResult(t *testing.T) {
	cells := 0
	for _, kind := range []struct {
		columns, invitees []string
		situations        []situation
	}{
		{privateColumns, []string{"x"}, privateSituations},
		{columns, []string{"x", "y"}, groupSituations},
	} {
		for _, x := range kind.situations {
			for _, path := range x.paths {
				try := func(event, column, want string, now int64) {
					s, at := reach(t, path, kind.invitees...)
					if s.states() != x.states {
						t.Fatalf("%q leads to %s, want %s", path, s.states(), x.states)
					}
					if got := s.happen(t, event, column, max(now, at)); got != want {
						t.Errorf("%s, %d ms to the deadline, after %q: %s by %s is\n\t%s, want\n\t%s", x.states, s.Deadline-now, path, event, column, got, want)
					}
					cells++
				}
				for _, now := range x.moments() {
					for _, row := range x.rows() {
						wants := strings.Split(row.cells, " | ")
						if len(wants) != len(kind.columns) {
							t.Fatalf("%s %s has %d cells, want %d", x.states, row.event, len(wants), len(kind.columns))
						}
						for i, column := range kind.columns {
							try(row.event, column, wants[i], now)
						}
					}
				}
				try("deadline", "caller", x.deadline, created+ring)
				if !x.late {
					try("deadline", "caller", "", created+ring-1)
				}
			}
		}
	}
	if cells < 1000 {
		t.Errorf("only %d cells were tried", cells)
	}
}

// everywhere calls visit with every session that events can lead to from one that
// rings some people, and how it came about.
func everywhere(t *testing.T, invitees []string, visit func(s *Session, path string)) {
	type place struct {
		s    *Session
		path string
	}
	first := ringing(invitees...)
	seen := map[string]bool{first.key(): true}
	for queue := []place{{first, ""}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		visit(at.s.copied(), at.path)
		for _, event := range []string{"accept", "refuse", "decline", "deadline"} {
			for _, who := range append([]string{"c"}, invitees...) {
				now := created + 1
				if event == "deadline" || strings.Contains(at.path, "deadline") {
					now = created + ring
				}
				s := at.s.copied()
				s.happen(t, event, who+"1", now)
				if !seen[s.key()] {
					seen[s.key()] = true
					queue = append(queue, place{s, at.path + ", " + who + "1 " + event})
				}
			}
		}
	}
}

// key is what decides about what follows.
func (s *Session) key() string { return fmt.Sprint(s.states(), s.Accepted != 0) }

func TestTheTableHasEveryStateThereIs(t *testing.T) {
	for _, kind := range []struct {
		invitees   []string
		situations []situation
	}{{[]string{"x"}, privateSituations}, {[]string{"x", "y"}, groupSituations}} {
		listed := make(map[string]bool)
		for _, x := range kind.situations {
			rings := strings.Contains(x.states[1:], "r")
			if !x.late {
				listed[x.states] = true
			} else if !rings {
				t.Errorf("%s does not ring, and has a deadline", x.states)
			}
			if rings != (x.deadline != "") {
				t.Errorf("%s: the deadline tells %q", x.states, x.deadline)
			}
			other := func(y situation) bool { return y.states == x.states && y.late != x.late }
			if rings && !slices.ContainsFunc(kind.situations, other) {
				t.Errorf("%s is not in the table both before and after the deadline", x.states)
			}
		}
		reached := make(map[string]bool)
		everywhere(t, kind.invitees, func(s *Session, _ string) {
			invitees := []byte(s.states()[1:])
			slices.SortFunc(invitees, func(a, b byte) int { return strings.IndexByte("tro", a) - strings.IndexByte("tro", b) })
			reached[s.states()[:1]+string(invitees)] = true
		})
		if !maps.Equal(listed, reached) {
			t.Errorf("the table has %v, and there is %v", slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(reached)))
		}
	}
}
