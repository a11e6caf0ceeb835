package call

import (
	"context"
	"time"

	"parley/pkg/id"
)

// Store keeps sessions for a while. It knows no rules.
type Store interface {
	// Update calls fn and stores what it put as one step, unless something that
	// it read has changed meanwhile: then it starts over. fn must leave nothing
	// behind but its result. An error of fn is returned and nothing stored.
	Update(ctx context.Context, now time.Time, fn func(Tx) error) error
	// Overdue returns some of the calls that still ring at their deadlines.
	Overdue(ctx context.Context, now time.Time) ([]ID, error)
	// Owing returns some of the calls that have owed signals since before a
	// time, in the order in which they began to.
	Owing(ctx context.Context, before time.Time) ([]ID, error)
	// Expired returns the names of some signals whose tickets have ended, and
	// Forget forgets them.
	Expired(ctx context.Context, now time.Time) ([]string, error)
	Forget(ctx context.Context, names []string) error
}

// Tx reads and writes within an Update. What it returns is the caller's to
// change, and is the same each time.
type Tx interface {
	// Session returns a call, or nil.
	Session(i ID) (*Session, error)
	// Of returns the calls that concern a user.
	Of(u id.UID) ([]*Session, error)
	// Reserve takes a room for a call, and reports false when it is taken.
	Reserve(room int32, i ID) (bool, error)
	// Put stores a call. Calls begin to owe in the order in which they are put.
	Put(s *Session)
	// Note remembers that the signal of that name has a ticket, which ends at a
	// time.
	Note(name string, end time.Time)
}
