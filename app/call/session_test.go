package call

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/pkg/fault"
	"parley/pkg/id"
)

func TestACallThatBeginsTellsThoseItRingsInTheirOrder(t *testing.T) {
	asked := []id.UID{people["z"], people["x"], people["y"]}
	s := New(5, Video, 99, room, people["c"], asked, []id.UID{people["z"], people["y"]}, created, ring)
	if got, want := fmt.Sprint(s.told()), "[z:start y:start]"; got != want {
		t.Errorf("told are %s, want %s", got, want)
	}
	if s.Caller() != people["c"] || !slices.Equal(s.Rung(), []id.UID{people["z"], people["y"]}) {
		t.Errorf("it is from %s to %v", s.Caller(), s.Rung())
	}
	if s.Created != created || s.Deadline != created+ring {
		t.Errorf("it rings from %d to %d", s.Created, s.Deadline)
	}
}

func TestACallIsTheSameForTheSameCallerKindGroupAndSetOfInvitees(t *testing.T) {
	s := New(5, Video, 99, room, people["c"], []id.UID{people["z"], people["x"]}, []id.UID{people["x"]}, created, ring)
	set := []id.UID{people["x"], people["z"]}
	for _, c := range []struct {
		name   string
		caller id.UID
		kind   Kind
		group  id.GID
		asked  []id.UID
		want   bool
	}{
		{"the same in another order", people["c"], Video, 99, set, true},
		{"another caller", people["y"], Video, 99, set, false},
		{"another kind", people["c"], Audio, 99, set, false},
		{"another group", people["c"], Video, 98, set, false},
		{"only those who were not busy", people["c"], Video, 99, set[:1], false},
		{"one more", people["c"], Video, 99, append(slices.Clone(set), people["y"]), false},
	} {
		if got := s.Same(c.caller, c.kind, c.group, c.asked); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestWhatBecameOfACallIsNotedOnceAndAtTheEnd(t *testing.T) {
	for _, c := range []struct {
		path     string
		invitees []string
		want     Outcome
	}{
		{"x1 refuse", []string{"x"}, Rejected},
		{"x1 decline", []string{"x"}, WasBusy},
		{"caller refuse", []string{"x"}, Cancelled},
		{"deadline", []string{"x"}, TimedOut},
		{"x1 accept, x1 refuse", []string{"x"}, Answered},
		{"x1 accept, caller refuse", []string{"x"}, Answered},
		{"y1 decline, x1 refuse", []string{"x", "y"}, Rejected},
		{"y1 refuse, x1 decline", []string{"x", "y"}, WasBusy},
		{"y1 refuse, deadline", []string{"x", "y"}, TimedOut},
		{"y1 refuse, caller refuse", []string{"x", "y"}, Cancelled},
		{"y1 accept, y1 refuse, x1 refuse", []string{"x", "y"}, Answered},
		{"y1 accept, y1 refuse, deadline", []string{"x", "y"}, Answered},
	} {
		steps := strings.Split(c.path, ", ")
		last := steps[len(steps)-1]
		s, at := reach(t, strings.Join(steps[:len(steps)-1], ", "), c.invitees...)
		s.Recorded = true
		if s.Ended != 0 {
			t.Fatalf("%s: it ended before %s", c.path, last)
		}
		column, event, _ := strings.Cut(last, " ")
		if last == "deadline" {
			column, event, at = "caller", last, created+ring
		}
		s.happen(t, event, column, at)
		if s.Outcome != c.want || s.Ended != at {
			t.Errorf("%s: outcome %d at %d, want %d at %d", c.path, s.Outcome, s.Ended, c.want, at)
		}
		if told := s.told(); told[len(told)-1] != "c:record" || strings.Count(fmt.Sprint(told), "record") != 1 {
			t.Errorf("%s: told are %v, want one record at last", c.path, told)
		}
		ended := s.copied()
		for _, event := range []string{"accept", "refuse", "decline", "deadline"} {
			for _, who := range append([]string{"caller"}, c.invitees...) {
				s.happen(t, event, who, created+2*ring)
				if len(s.told()) != 0 || s.Ended != ended.Ended || s.Outcome != ended.Outcome {
					t.Errorf("%s: %s by %s after the end tells %v", c.path, event, who, s.told())
				}
			}
		}
	}
}

func TestWithoutATicketNobodyAccepts(t *testing.T) {
	for _, path := range []string{"", "y1 accept"} {
		s, at := reach(t, path, "x", "y")
		before := fmt.Sprintf("%+v", s)
		if _, err := s.Accept(people["x"], "device", at, madeBy("")); err == nil || fault.Of(err).Code != fault.Busy {
			t.Errorf("after %q: accepting without a secret answers %v", path, err)
		}
		if after := fmt.Sprintf("%+v", s); after != before {
			t.Errorf("after %q: that changes %s to %s", path, before, after)
		}
	}
}

// without has no ticket for one user.
type without id.UID

func (w without) Ticket(u id.UID, room int32) (Ticket, error) {
	if u == id.UID(w) {
		return madeBy("").Ticket(u, room)
	}
	return issuer.Ticket(u, room)
}

func TestWithoutATicketForTheCallerNobodyAcceptsFirst(t *testing.T) {
	s, at := reach(t, "", "x", "y")
	before := fmt.Sprintf("%+v", s)
	if _, err := s.Accept(people["x"], "device", at, without(people["c"])); err == nil {
		t.Error("somebody talks to a caller who has no ticket")
	}
	if after := fmt.Sprintf("%+v", s); after != before {
		t.Errorf("that changes %s to %s", before, after)
	}
}

// In groups of up to four invitees, wherever events lead.
func TestInEveryStateThereIsTheRulesOfGroupCallsHold(t *testing.T) {
	for n := range 4 {
		invitees := []string{"x", "y", "z", "s"}[:n+1]
		states := 0
		everywhere(t, invitees, func(s *Session, path string) {
			states++
			for _, event := range []string{"accept", "refuse", "decline", "deadline"} {
				for _, who := range append([]string{"c"}, invitees...) {
					now := created + 1
					if event == "deadline" || strings.Contains(path, "deadline") {
						now = created + ring
					}
					after := s.copied()
					after.happen(t, event, who+"1", now)
					if wrong := judge(s, after, event, people[who]); wrong != "" {
						t.Errorf("%s%s, then %s by %s: %v, now %s: %s", s.states(), path, event, who, after.told(), after.states(), wrong)
					}
				}
			}
		})
		if want := []int{4, 15, 53, 167}[n]; states != want {
			t.Errorf("%d invitees lead to %d states, want %d", n+1, states, want)
		}
	}
}

// judge says what is wrong with one step of a session.
func judge(before, after *Session, event string, by id.UID) string {
	alive := 0
	for i := range after.Parties {
		was, is := before.Parties[i], after.Parties[i]
		if is.State < was.State {
			return fmt.Sprintf("%s goes back", is.User)
		}
		if is.State != Over && (i > 0 || after.Accepted != 0) {
			alive++
		}
		var stops []Reason
		for _, o := range after.Owed {
			if o.To != is.User {
				continue
			}
			if was.State == Over {
				return fmt.Sprintf("%s is told something after it was over for him", is.User)
			}
			if o.What == Stop {
				stops = append(stops, o.Reason)
			}
		}
		ended := was.State != Over && is.State == Over
		leaves := ended && is.User == by && (event == "refuse" || event == "decline")
		if want := map[bool]int{true: 1}[ended && !leaves]; len(stops) != want {
			return fmt.Sprintf("%s is told %v, want %d Stop", is.User, stops, want)
		}
		for _, reason := range stops {
			want := Hangup
			switch {
			case was.State == Ringing && event == "deadline":
				want = Timeout
			case was.State == Ringing && i > 0:
				want = Cancel
			case was.State == Ringing:
				want = map[string]Reason{"refuse": Reject, "decline": Busy}[event]
			}
			if reason != want {
				return fmt.Sprintf("%s is told %d, want %d", is.User, reason, want)
			}
		}
	}
	rings := slices.ContainsFunc(after.Parties[1:], func(p Party) bool { return p.State == Ringing })
	goesOn := alive >= 2
	if after.Accepted == 0 {
		goesOn = rings && after.Parties[0].State == Ringing
	}
	if goesOn != (after.Ended == 0) {
		return fmt.Sprintf("%d talk or ring, and it ended at %d", alive, after.Ended)
	}
	if after.Ended != 0 && strings.Trim(after.states(), "o") != "" {
		return "it has ended, but not for all"
	}
	return ""
}

func TestWhoAcceptedOnADeviceWithoutANameGetsNoSecondTicketAndHangsUpFromAny(t *testing.T) {
	for _, c := range []struct{ event, column, want string }{
		{"accept", "x", "-10101"},
		{"accept", "x1", "-10101"},
		{"refuse", "x", "0 c:hangup >oo"},
		{"refuse", "x1", "0 c:hangup >oo"},
	} {
		s, at := reach(t, "x accept", "x")
		if got := s.happen(t, c.event, c.column, at); got != c.want {
			t.Errorf("%s on %s is %s, want %s", c.event, c.column, got, c.want)
		}
	}
}
