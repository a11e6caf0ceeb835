// Package call is the signalling of calls: who rings whom, who talks, and why a
// call ended. The media pass elsewhere, in a room for which everybody gets a
// ticket of his own.
//
// A Session is a state machine of pure values (rules.go). Service (service.go)
// moves it: every transition is one atomic step in the Store, which also keeps the
// signals that it owes; they are then appended to the event log under names that
// make a repeat known (pay.go), by whoever finds them first. So a service that
// dies anywhere leaves nothing undone that another one does not do, and nothing is
// done twice.
package call

import (
	"slices"
	"strconv"

	"parley/pkg/id"
)

// ID is the traceId of a call: positive and below 2^53.
type ID int64

// String returns the decimal form.
func (i ID) String() string { return strconv.FormatInt(int64(i), 10) }

// State is what a party does in a call.
type State int8

// The states of a party. The one who started a call is Ringing until somebody
// accepts.
const (
	Ringing State = iota
	Talking
	Over
)

// Party is somebody in a call.
type Party struct {
	User  id.UID
	State State
	// Device is the uuid of the device that accepted, empty when unknown.
	Device string `json:",omitempty"`
	// Since is when he began to talk, in Unix milliseconds.
	Since int64 `json:",omitempty"`
	// Ticket is his own; nobody else ever gets it.
	Ticket *Ticket `json:",omitempty"`
}

// Ticket lets one user into the room of one call. It is a secret.
type Ticket struct {
	Room          int32
	UserSig       string
	PrivateMapKey string
	AppID         int32
}

// String keeps the secret out of logs.
func (Ticket) String() string { return "a ticket" }

// GoString keeps the secret out of logs.
func (Ticket) GoString() string { return "a ticket" }

// Kind is whether a call has a picture.
type Kind int32

// The kinds of a call.
const (
	Audio Kind = 1
	Video Kind = 2
)

// Session is a call. All times are Unix milliseconds.
type Session struct {
	ID    ID
	Kind  Kind
	Group id.GID `json:",omitempty"` // 0 for a private call
	Room  int32
	// Asked are the invitees that the caller asked for, sorted, the busy ones
	// too.
	Asked []id.UID
	// Parties are the caller, and then those who are rung.
	Parties  []Party
	Created  int64
	Deadline int64 // when ringing ends
	// Accepted is when somebody accepted first, Renewed when last, Ended when it
	// was over; 0 means not yet.
	Accepted int64 `json:",omitempty"`
	Renewed  int64 `json:",omitempty"`
	Ended    int64 `json:",omitempty"`
	// Until is when the last of its tickets ends, and its room is free.
	Until int64 `json:",omitempty"`
	// Outcome is what became of it, once it has ended.
	Outcome Outcome `json:",omitempty"`
	// Recorded says that its end leaves a message in the conversation.
	Recorded bool `json:",omitempty"`
	// Count is how many signals it has owed so far. It names them.
	Count int
	// Owed are signals that are not known to be in the log, in their order.
	Owed []Owed `json:",omitempty"`

	begins, ends bool // in this transition
}

// Outcome is what became of a call, with the numbers of wire.v1.RTCCall.
type Outcome int32

// The outcomes of a call.
const (
	Answered Outcome = iota
	Rejected
	Cancelled
	WasBusy
	TimedOut
)

// Owed is a signal for one party, or the record of the call.
type Owed struct {
	Number int
	To     id.UID
	What   Signal
	Reason Reason `json:",omitempty"`
	// After is what other calls owe and pay first.
	After []Debt `json:",omitempty"`

	fresh bool // since this transition
}

// Debt is what a call owes up to a number.
type Debt struct {
	Call   ID
	Number int
}

// Signal is what a party is told.
type Signal int8

// What parties are told. Record is no signal but the message that says what
// became of the call.
const (
	Start Signal = iota
	Accept
	Stop
	Record
)

// Reason is why a call ends for a party, with the numbers of wire.v1.StopReason.
type Reason int32

// The reasons for which a call ends.
const (
	Busy Reason = iota
	Timeout
	Reject
	Hangup
	Cancel
)

// New returns a call that rings.
func New(i ID, kind Kind, group id.GID, room int32, caller id.UID, asked, rung []id.UID, now, ring int64) *Session {
	s := &Session{ID: i, Kind: kind, Group: group, Room: room, Asked: slices.Sorted(slices.Values(asked)), Created: now, Deadline: now + ring, begins: true}
	s.Parties = append(s.Parties, Party{User: caller})
	for _, u := range rung {
		s.Parties = append(s.Parties, Party{User: u})
		s.owe(u, Start, 0)
	}
	return s
}

// Caller is who started the call.
func (s *Session) Caller() id.UID { return s.Parties[0].User }

// Rung are those whom it rang.
func (s *Session) Rung() []id.UID {
	var list []id.UID
	for _, p := range s.Parties[1:] {
		list = append(list, p.User)
	}
	return list
}

// party returns somebody's part in the call, or nil.
func (s *Session) party(u id.UID) *Party {
	for i := range s.Parties {
		if s.Parties[i].User == u {
			return &s.Parties[i]
		}
	}
	return nil
}

// Has reports whether the call is not over for somebody.
func (s *Session) Has(u id.UID) bool {
	p := s.party(u)
	return p != nil && p.State != Over
}

// Concerns reports whether the call is not over for somebody, or owes him something.
func (s *Session) Concerns(u id.UID) bool {
	return s.Has(u) || slices.ContainsFunc(s.Owed, func(o Owed) bool { return o.To == u })
}

// Rings reports whether the call rings for anybody. It is over at the deadline,
// whether or not that has been acted upon.
func (s *Session) Rings(now int64) bool {
	return now < s.Deadline && s.count(Ringing) > 0
}

// Late reports whether the deadline has come and that has not been acted upon.
func (s *Session) Late(now int64) bool { return now >= s.Deadline && s.count(Ringing) > 0 }

// count counts the parties in a state, the caller as long as nobody has accepted
// not among those for whom it rings.
func (s *Session) count(state State) int {
	n := 0
	for i := range s.Parties {
		if s.Parties[i].State == state && (state != Ringing || i > 0) {
			n++
		}
	}
	return n
}

// Same reports whether a call would be the one that s is: the same caller, kind,
// group and invitees.
func (s *Session) Same(caller id.UID, kind Kind, group id.GID, asked []id.UID) bool {
	return s.Caller() == caller && s.Kind == kind && s.Group == group &&
		slices.Equal(s.Asked, slices.Sorted(slices.Values(asked)))
}

func (s *Session) owe(to id.UID, what Signal, reason Reason) {
	s.Count++
	s.Owed = append(s.Owed, Owed{Number: s.Count, To: to, What: what, Reason: reason, fresh: true})
}
