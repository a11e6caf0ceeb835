package eventlog

import (
	"crypto/sha256"

	"parley/pkg/id"
)

// Position is the place of an event in the log, and its logId for clients. It
// is positive and below 2^53, because clients keep it in IEEE doubles.
type Position int64

// Kind is what an event is.
type Kind uint8

// The kinds of events. Their values are stored.
const (
	Message   Kind = 1
	Notice    Kind = 2
	Signal    Kind = 3
	Tombstone Kind = 4 // what a revoke makes of a message
)

// Event is one entry of the log.
type Event struct {
	// Pos is set by the log.
	Pos Position
	// Scope and ID together make a repeat known. A message has its sender
	// and msgId; an event of the server has scope "" and a name made from
	// its cause, such as "revoke:17".
	Scope, ID string
	// Author is who did it. It decides about rights, never about reading.
	Author id.UID
	Audience
	Kind Kind
	// At is the time in Unix milliseconds, set by the log. It never falls
	// from one position to the next.
	At int64
	// Body is opaque to the log.
	Body []byte
}

// Audience is whom an event concerns: one user (A), two users (A and B), or
// those who are in a group at its position.
type Audience struct {
	A, B  id.UID
	Group id.GID
}

// ToUser is the audience of an event for one user.
func ToUser(u id.UID) Audience { return Audience{A: u} }

// ToPair is the audience of a private message, or of what happens to it: the
// receiver and the sender, who may be the same.
func ToPair(receiver, sender id.UID) Audience {
	if receiver == sender {
		return Audience{A: receiver}
	}
	return Audience{A: receiver, B: sender}
}

// ToGroup is the audience of an event of a group.
func ToGroup(g id.GID) Audience { return Audience{Group: g} }

// Includes reports whether u is one of the users that the audience names. It
// says nothing about groups.
func (a Audience) Includes(u id.UID) bool { return a.Group == 0 && (a.A == u || a.B == u) }

// conversation names the private history that e belongs to, the same for both
// directions; nil for everything that is not a private message.
func (e *Event) conversation() []byte {
	if e.Kind != Message || e.Group != 0 {
		return nil
	}
	other := e.B
	if other == "" {
		other = e.A
	}
	return conversationOf(e.A, other)
}

// conversationOf hashes the ordered pair. Uids hold no NUL, which makes the
// separator safe.
func conversationOf(a, b id.UID) []byte {
	if b < a {
		a, b = b, a
	}
	sum := sha256.Sum256([]byte(string(a) + "\x00" + string(b)))
	return sum[:16]
}

// size estimates what the event takes in a statement.
func (e *Event) size() int { return len(e.Body) + len(e.Scope) + len(e.ID) + 200 }
