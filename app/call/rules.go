package call

import (
	"parley/pkg/fault"
	"parley/pkg/id"
)

// The rules of a session. Each function here is one event: it says who may bring
// it about, changes the session and owes the signals that follow. Time passes
// first: at the deadline ringing is over, whoever acts upon it.
//
// For whom it rings                       | the rest of the call
// accepts: he talks                       | the first time the caller talks too and gets Accept with his ticket
// rejects, is busy: it is over for him    | when nobody rings any more and nobody accepted: the caller gets Stop
// the deadline: he gets Stop Timeout      | when nobody accepted: the caller gets Stop Timeout
// the caller cancels                      | whom it rings for gets Stop Cancel
// somebody hangs up: it is over for him   | when fewer than two are left that talk or ring: who talks gets
//                                         | Stop Hangup, who rings Stop Cancel
//
// A client drops its call on any Stop. So in a group call nobody is told of
// somebody else who rejected, was busy or hung up, until that ends the call.

// Issuer makes tickets.
type Issuer interface {
	// Ticket returns a ticket for u to a room.
	Ticket(u id.UID, room int32) (Ticket, error)
}

// Pass lets time pass: at the deadline it stops to ring.
func (s *Session) Pass(now int64) {
	if !s.Late(now) {
		return
	}
	for i := range s.Parties[1:] {
		if p := &s.Parties[i+1]; p.State == Ringing {
			p.State = Over
			s.owe(p.User, Stop, Timeout)
		}
	}
	s.settle(now, Timeout)
}

// Accept lets u talk from a device, and returns his ticket. The device that
// accepted gets the same ticket again.
func (s *Session) Accept(u id.UID, device string, now int64, tickets Issuer) (*Ticket, error) {
	s.Pass(now)
	p := s.party(u)
	switch {
	case p == nil || u == s.Caller():
		return nil, fault.Forbidden
	case p.State == Talking && device != "" && device == p.Device:
		return p.Ticket, nil
	case p.State == Talking:
		return nil, fault.CallBusy
	case p.State == Over:
		return nil, fault.CallExpired
	}
	ticket, err := tickets.Ticket(u, s.Room)
	if err != nil {
		return nil, err
	}
	if s.Accepted == 0 {
		caller := &s.Parties[0]
		callers, err := tickets.Ticket(caller.User, s.Room)
		if err != nil {
			return nil, err
		}
		s.Accepted = now
		caller.State, caller.Since, caller.Ticket = Talking, now, &callers
		s.owe(caller.User, Accept, 0)
	}
	s.Renewed = now
	p.State, p.Since, p.Device, p.Ticket = Talking, now, device, &ticket
	return p.Ticket, nil
}

// Refuse ends the call for u: he rejects, cancels or hangs up, whatever follows
// from the state. It does nothing when it is over for him already, or when a
// device asks that is not the one on which he talks.
func (s *Session) Refuse(u id.UID, device string, now int64) error {
	s.Pass(now)
	p := s.party(u)
	if p == nil {
		return fault.Forbidden
	}
	switch p.State {
	case Talking:
		if device == "" || p.Device == "" || device == p.Device {
			p.State = Over
			s.settle(now, Hangup)
		}
	case Ringing:
		p.State = Over
		if p != &s.Parties[0] {
			s.settle(now, Reject)
			return nil
		}
		s.stopRinging(Cancel)
		s.end(now, Cancelled)
	}
	return nil
}

// Decline ends the call for u, because he is busy with something else.
func (s *Session) Decline(u id.UID, now int64) error {
	s.Pass(now)
	p := s.party(u)
	if p == nil || u == s.Caller() {
		return fault.Forbidden
	}
	if p.State == Ringing {
		p.State = Over
		s.settle(now, Busy)
	}
	return nil
}

// Check reports whether the call rings for u, or, for the one who started it, for
// anybody.
func (s *Session) Check(u id.UID, now int64) error {
	p := s.party(u)
	switch {
	case p == nil:
		return fault.Forbidden
	case !s.Rings(now), p != &s.Parties[0] && p.State != Ringing:
		return fault.CallExpired
	}
	return nil
}

// settle ends the call if it cannot go on, after it was over for somebody for a
// reason.
func (s *Session) settle(now int64, reason Reason) {
	ringing, talking := s.count(Ringing), s.count(Talking)
	switch {
	case s.Accepted == 0 && ringing == 0:
		caller := &s.Parties[0]
		caller.State = Over
		s.owe(caller.User, Stop, reason)
		s.end(now, outcomes[reason])
	case s.Accepted != 0 && ringing+talking < 2:
		for i := range s.Parties {
			if p := &s.Parties[i]; p.State == Talking {
				p.State = Over
				s.owe(p.User, Stop, Hangup)
			}
		}
		s.stopRinging(Cancel)
		s.end(now, Answered)
	}
}

// outcomes are what becomes of a call that nobody accepted, by the reason for
// which it ended for the last one that it rang.
var outcomes = map[Reason]Outcome{Busy: WasBusy, Timeout: TimedOut, Reject: Rejected}

// stopRinging ends the call for those for whom it rings.
func (s *Session) stopRinging(reason Reason) {
	for i := range s.Parties[1:] {
		if p := &s.Parties[i+1]; p.State == Ringing {
			p.State = Over
			s.owe(p.User, Stop, reason)
		}
	}
}

// end notes that it is over for everybody.
func (s *Session) end(now int64, outcome Outcome) {
	s.Ended, s.Outcome, s.ends = now, outcome, true
	if s.Recorded {
		s.owe(s.Caller(), Record, 0)
	}
}
