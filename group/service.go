package group

import (
	"context"
	"time"

	"github.com/google/uuid"

	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// Config bounds groups.
type Config struct {
	// MaxMembers is how many members a new group may have, the owner counted.
	MaxMembers int32
	// MaxAdmins is how many of them may be admins, the owner not counted.
	MaxAdmins int32
}

// DefaultConfig is what existing clients expect.
func DefaultConfig() Config { return Config{MaxMembers: 2000, MaxAdmins: 10} }

// Service keeps groups. It is safe for concurrent use, and any number of them
// may work on one database.
type Service struct {
	log   *eventlog.Log
	store Store
	cfg   Config
	clock func() time.Time
	names func() string
}

// Option changes a Service from its defaults.
type Option func(*Service)

// WithClock sets what the service takes for the time when it judges mutes.
func WithClock(clock func() time.Time) Option { return func(s *Service) { s.clock = clock } }

// WithNames sets where the ids of events come from. Each is a new uuid unless
// a test wants to know them.
func WithNames(names func() string) Option { return func(s *Service) { s.names = names } }

// New returns the service on a log and a store.
func New(log *eventlog.Log, store Store, cfg Config, options ...Option) *Service {
	s := &Service{log: log, store: store, cfg: cfg, clock: time.Now, names: uuid.NewString}
	for _, o := range options {
		o(s)
	}
	return s
}

func (s *Service) now() int64 { return s.clock().UnixMilli() }

// Store keeps groups, their members and applications. Methods with an
// eventlog.Tx run in it; the others see what was committed.
type Store interface {
	// View returns a group as u sees it at a time, or fault.NoSuchGroup.
	View(ctx context.Context, g id.GID, u id.UID, now int64) (View, error)
	// Info is View with the first members of the group, see Compare, as many
	// as Info shows. It may share them with others.
	Info(ctx context.Context, g id.GID, u id.UID, now int64) (View, []Member, error)
	// Views returns the groups that u is in, the newest first.
	Views(ctx context.Context, u id.UID, now int64) ([]View, error)
	// Members returns the first limit members of a group; see Compare.
	Members(ctx context.Context, g id.GID, limit int) ([]Member, error)
	// Muted returns the members whose mute ends after now, in the same order.
	Muted(ctx context.Context, g id.GID, now int64) ([]Member, error)
	// Applications returns the first limit open applications to a group after
	// a given one, the oldest first.
	Applications(ctx context.Context, g id.GID, after int64, limit int) ([]Application, error)
	// People returns those of users who are or were in a group.
	People(ctx context.Context, g id.GID, users []id.UID) (People, error)

	// Insert stores a new group with its first members, and reports false
	// when the group's ID or MarkID is taken.
	Insert(tx *eventlog.Tx, g *Group, members []Member) (bool, error)
	// Lock returns a group, or fault.NoSuchGroup, and keeps everybody else
	// from changing anything about it until the end of tx.
	Lock(tx *eventlog.Tx, g id.GID) (*Group, error)
	// Seated is People under the lock of the group.
	Seated(tx *eventlog.Tx, g id.GID, users []id.UID) (People, error)
	// Update stores what differs in the group. Counts are changed by their
	// difference.
	Update(tx *eventlog.Tx, before, after *Group) error
	// Put stores members, whether they were known or not.
	Put(tx *eventlog.Tx, g id.GID, members []Member) error
	// DismissAll makes Left the role of everybody in a group.
	DismissAll(tx *eventlog.Tx, g id.GID) error

	// Apply stores open applications of those who have none to the group.
	Apply(tx *eventlog.Tx, applications []Application) error
	// Application returns an application to a group, whether it is open or
	// not, or fault.NoSuchApplication.
	Application(tx *eventlog.Tx, g id.GID, application int64) (Application, error)
	// Answer closes the open applications of users to a group.
	Answer(tx *eventlog.Tx, g id.GID, users []id.UID, a Answer) error
}
