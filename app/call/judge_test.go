package call_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"parley/app/call"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// finish lets time pass until nothing rings and nothing is owed, and has everybody
// hang up. Starts that were not answered left calls that only the log tells of.
func (r *round) finish() {
	r.log.sound = true
	r.settle()
	for _, e := range r.log.events {
		if !slices.Contains(r.calls, e.call) {
			r.calls = append(r.calls, e.call)
		}
	}
	for _, i := range r.calls {
		for _, u := range r.users {
			if c := r.session(i); c == nil || !c.Has(u) {
				continue
			}
			if err := r.services[0].Refuse(context.Background(), i, u, ""); err != nil {
				r.is("hanging up at last answers %v", err)
			}
			r.acts = append(r.acts, act{what: "refuse", user: u, call: i, told: r.log.length()})
		}
	}
	r.settle()
}

// settle lets time pass, first until nothing rings, then until nothing is owed.
func (r *round) settle() {
	for _, services := range [][]*call.Service{r.services, r.services[:1]} {
		r.now.Add((ring + later).Milliseconds())
		for _, s := range services {
			if err := s.Look(context.Background()); err != nil {
				r.is("looking: %v", err)
			}
		}
	}
}

// is notes what is wrong.
func (r *round) is(format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

// session reads a call.
func (r *round) session(i call.ID) (c *call.Session) {
	err := r.store.Update(context.Background(), r.time(), func(tx call.Tx) error {
		var err error
		c, err = tx.Session(i)
		return err
	})
	if err != nil {
		r.is("reading call %s: %v", i, err)
	}
	return c
}

// judge finds what is wrong.
func (r *round) judge() {
	ctx := context.Background()
	for _, i := range r.calls {
		if c := r.session(i); c != nil {
			r.judgeCall(c)
		} else {
			r.is("call %s is gone", i)
		}
	}
	for _, u := range r.users {
		r.judgeOrder(u)
		if list := r.redis.Get(ctx, "parley:{call}:user:"+string(u)).Val(); list != "" {
			r.is("%s has the calls %s at the end", u, list)
		}
	}
	for _, index := range []string{"owing", "deadlines"} {
		if left := r.redis.ZRange(ctx, "parley:{call}:"+index, 0, -1).Val(); len(left) != 0 {
			r.is("in %s are left %v", index, left)
		}
	}
	fresh := call.Request{Caller: "fresh", Group: crew, Invitees: r.users, Kind: call.Video}
	c, err := r.services[0].Start(ctx, fresh)
	if err != nil || len(c.Rung()) != len(r.users) {
		r.is("at the end somebody is busy: %v", err)
		return
	}
	if err := r.services[0].Refuse(ctx, c.ID, "fresh", ""); err != nil {
		r.is("the last call cannot be cancelled: %v", err)
	}
}

// view is what one party knows of a call.
type view struct {
	heard    []string
	tickets  map[string]int // answers with a ticket, by device
	mayLeave bool           // he did something by which he may have left
	device   string
}

// view gathers what u was told and answered about a call.
func (r *round) view(c *call.Session, u id.UID) *view {
	v := &view{tickets: make(map[string]int)}
	left := len(r.log.events) + 1
	for _, a := range r.acts {
		if a.user != u {
			continue
		}
		switch {
		case a.call == c.ID && a.what == "accept" && a.code == fault.OK:
			v.tickets[a.device]++
			v.device = a.device
			if a.ticket.Room != c.Room || !strings.Contains(a.ticket.UserSig, " "+string(u)+">") {
				r.is("%s is answered %+v", u, *a.ticket)
			}
		case a.call == c.ID && a.what == "refuse" && a.code == fault.OK && a.device == "":
			left = min(left, a.told)
		}
		v.mayLeave = v.mayLeave || a.what != "check" && a.what != "look" && a.what != "time" && !(a.what == "accept" && a.call == c.ID)
	}
	for n, e := range r.log.events {
		if e.call == c.ID && e.to == u {
			v.heard = append(v.heard, e.what)
			if n >= left {
				r.is("%s is told %s of call %s although it was over for him", u, e.what, c.ID)
			}
		}
	}
	return v
}

// stop is the last thing that he heard, if that ended the call for him.
func (v *view) stop() string {
	if len(v.heard) == 0 || v.heard[len(v.heard)-1] == "start" || v.heard[len(v.heard)-1] == "accept" {
		return ""
	}
	return v.heard[len(v.heard)-1]
}

var outcomeNames = map[call.Outcome]string{
	call.Answered: "answered", call.Rejected: "rejected", call.Cancelled: "cancelled", call.WasBusy: "busy", call.TimedOut: "timed out",
}

// judgeCall compares a call with what its parties know of it.
func (r *round) judgeCall(c *call.Session) {
	r.seen[outcomeNames[c.Outcome]]++
	if c.Ended == 0 || len(c.Owed) != 0 || (c.Outcome == call.Answered) != (c.Accepted != 0) {
		r.is("call %s is not over: %+v", c.ID, c)
	}
	var numbers []string
	for _, e := range r.log.events {
		if e.call == c.ID {
			numbers = append(numbers, e.name)
		}
	}
	for n, number := range numbers {
		if number != fmt.Sprintf("call:%s:%d", c.ID, n+1) || len(numbers) != c.Count {
			r.is("call %s owed %d signals, and told %v", c.ID, c.Count, numbers)
			break
		}
	}
	talked, hungUp, stopped := 0, 0, 0
	for n, p := range c.Parties {
		v := r.view(c, p.User)
		stop := v.stop()
		heard := strings.TrimSuffix(strings.Join(v.heard, " "), stop)
		first := "start"
		if n == 0 {
			first = map[bool]string{true: "accept"}[c.Accepted != 0]
		}
		if strings.TrimSpace(heard) != first || p.State != call.Over {
			r.is("%s heard %v of call %s, which was over for him: %v", p.User, v.heard, c.ID, p.State == call.Over)
		}
		if !slices.Contains(allowedStops(c, n), stop) {
			r.is("%s heard %v of call %s, outcome %s", p.User, v.heard, c.ID, outcomeNames[c.Outcome])
		}
		if stop == "" && !v.mayLeave {
			r.is("%s never heard of the end of call %s", p.User, c.ID)
		}
		if len(v.tickets) > 1 || v.tickets[""] > 1 || len(v.tickets) == 1 && (p.Since == 0 || p.Device != v.device) {
			r.is("%s got tickets on %v and talked on %q since %d", p.User, v.tickets, p.Device, p.Since)
		}
		if p.Since != 0 {
			talked++
		}
		if stop == "hangup" {
			hungUp++
		}
		if stop != "" {
			stopped++
		}
	}
	if talked > 2 {
		r.seen["more than two talk"]++
	}
	if c.Group == 0 {
		want := map[call.Outcome]int{call.TimedOut: 2}[c.Outcome]
		if c.Outcome != call.TimedOut {
			want = 1
		}
		if stopped != want || c.Accepted != 0 && hungUp != 1 {
			r.is("%d were told that call %s is over, outcome %s", stopped, c.ID, outcomeNames[c.Outcome])
		}
	}
}

// allowedStops is how the call may have ended for its nth party.
func allowedStops(c *call.Session, n int) []string {
	if n == 0 {
		return map[call.Outcome][]string{
			call.Answered: {"", "hangup"}, call.Rejected: {"reject"}, call.Cancelled: {""}, call.WasBusy: {"busy"}, call.TimedOut: {"timeout"},
		}[c.Outcome]
	}
	if c.Outcome == call.Answered && c.Parties[n].Since != 0 {
		return []string{"", "hangup"}
	}
	return map[call.Outcome][]string{
		call.Answered: {"", "timeout", "cancel"}, call.Rejected: {""}, call.Cancelled: {"", "cancel"}, call.WasBusy: {""}, call.TimedOut: {"", "timeout"},
	}[c.Outcome]
}

// judgeOrder checks that nobody was rung by a call, and then heard of the end of
// one before it that had made him busy.
func (r *round) judgeOrder(u id.UID) {
	begun := make(map[call.ID]bool) // rung by them, or accepted in them
	older := make(map[call.ID]bool) // those that had begun when another one rang
	for _, e := range r.log.events {
		i := e.call
		if e.to != u {
			continue
		}
		switch e.what {
		case "start":
			for j := range begun {
				older[j] = true
			}
			begun[i] = true
		case "accept":
			begun[i] = true
		default:
			if older[i] {
				r.is("%s hears of the end of call %s after he was rung by another one", u, i)
			}
		}
	}
}

// report says what is wrong, and what happened.
func (r *round) report() string {
	var b strings.Builder
	for _, wrong := range r.wrong {
		fmt.Fprintln(&b, wrong)
	}
	for _, a := range r.acts {
		fmt.Fprintf(&b, "%s %s by %s on %q: %d, told %d\n", a.what, a.call, a.user, a.device, int32(a.code), a.told)
	}
	for n, e := range r.log.events {
		fmt.Fprintf(&b, "%d: %s %s to %s\n", n, e.call, e.what, e.to)
	}
	return b.String()
}
