// Package record has the rules of messages: what may be sent, who reads what,
// who may revoke and focus. Order, durability and the right to speak in a group
// are the event log's (pkg/eventlog); the formats of clients are pkg/wire's.
package record

import (
	"time"

	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// Config bounds messages.
type Config struct {
	// MaxBody is the largest body of a message in bytes. What else is in a
	// message may take 4 KiB more.
	MaxBody int
	// RevokeExpire is how long after sending the author may revoke a message.
	RevokeExpire time.Duration
}

// DefaultConfig lets a message pass every way in: over the socket, whose frames
// hold 64 KiB, and over HTTP.
func DefaultConfig() Config {
	return Config{MaxBody: 60 << 10, RevokeExpire: 10 * 365 * 24 * time.Hour}
}

// Service sends, reads and changes messages. It is safe for concurrent use.
type Service struct {
	log   *eventlog.Log
	store Store
	cfg   Config
	clock func() time.Time
}

// Store keeps what the log does not: who focused which message. Its methods
// run in a transaction of the log.
type Store interface {
	// AddFocus notes that u focused the message at p and reports false when
	// that was known.
	AddFocus(tx *eventlog.Tx, p eventlog.Position, u id.UID, at int64) (bool, error)
	// CountFocus returns how many people focused the message at p.
	CountFocus(tx *eventlog.Tx, p eventlog.Position) (int32, error)
}

// New returns the service on a log and a store.
func New(log *eventlog.Log, store Store, cfg Config) *Service {
	return &Service{log: log, store: store, cfg: cfg, clock: time.Now}
}
