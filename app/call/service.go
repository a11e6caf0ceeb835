package call

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// Config is how calls are handled.
type Config struct {
	// Ring is how long a call rings.
	Ring time.Duration
	// MaxInvitees is how many people a group call may ring.
	MaxInvitees int
	// Record says whether the end of a call leaves a message in the conversation.
	Record bool
	// TicketExpire is how long a ticket is good for.
	TicketExpire time.Duration
}

// Members knows who is in a group.
type Members interface {
	// Check returns NotMember when the caller, TargetNotMember when one of the
	// others is not a member, or what else stands against it.
	Check(ctx context.Context, group id.GID, caller id.UID, others []id.UID) error
}

// Presence knows who is connected.
type Presence interface {
	// Steady reports whether u has been connected since a time, but for short
	// gaps.
	Steady(ctx context.Context, u id.UID, since time.Time) (bool, error)
}

// Log is where signals go.
type Log interface {
	Append(ctx context.Context, e eventlog.Event) (eventlog.Receipt, error)
	Change(ctx context.Context, fn func(*eventlog.Tx) error) error
}

// Service moves calls from state to state.
type Service struct {
	config   Config
	store    Store
	log      Log
	members  Members
	presence Presence
	tickets  Issuer
	observer Observer
	clock    func() time.Time
}

// NewService returns the service. Without an Issuer no call can be started.
func NewService(config Config, store Store, log Log, members Members, presence Presence, tickets Issuer) *Service {
	return &Service{config: config, store: store, log: log, members: members, presence: presence, tickets: tickets, observer: nobody{}, clock: time.Now}
}

// Request is a call that somebody wants to start.
type Request struct {
	Caller   id.UID
	Group    id.GID // 0 for a private call
	Invitees []id.UID
	Kind     Kind
}

func (r *Request) check(most int) error {
	if r.Kind != Audio && r.Kind != Video {
		return fault.Invalid("RTCType", "must be 1 or 2")
	}
	if r.Group == 0 {
		most = 1
	}
	if len(r.Invitees) < 1 || len(r.Invitees) > most {
		return fault.Invalid("invitees", "must be 1 to %d people", most)
	}
	for i, u := range r.Invitees {
		if !u.Valid() || u == r.Caller || slices.Contains(r.Invitees[:i], u) {
			return fault.Invalid("invitees", "must be different people, not the caller")
		}
	}
	return nil
}

// Start rings people, and returns the call. The same caller who starts the same
// call again while it rings gets the one that there is. A start that is refused
// changes nothing.
func (s *Service) Start(ctx context.Context, r Request) (*Session, error) {
	if s.tickets == nil {
		return nil, fault.Unsupported
	}
	if err := r.check(s.config.MaxInvitees); err != nil {
		return nil, err
	}
	if r.Group != 0 {
		if err := s.members.Check(ctx, r.Group, r.Caller, r.Invitees); err != nil {
			return nil, err
		}
	}
	var started *Session
	err := s.update(ctx, func(t *transition) error {
		var err error
		started, err = s.start(ctx, t, r)
		return err
	})
	return started, err
}

func (s *Service) start(ctx context.Context, t *transition, r Request) (*Session, error) {
	known, err := t.callsOf(r.Caller)
	if err != nil {
		return nil, err
	}
	for _, c := range known {
		if c.Accepted == 0 && c.Rings(t.now) && c.Same(r.Caller, r.Kind, r.Group, r.Invitees) {
			t.put(c) // it may still owe something
			return c, nil
		}
	}
	if err := t.leave(r.Caller, known); err != nil {
		return nil, err
	}
	var rung []id.UID
	for _, u := range r.Invitees {
		busy, err := s.busy(ctx, t, u)
		if err != nil {
			return nil, err
		}
		if !busy {
			rung = append(rung, u)
		}
	}
	if len(rung) == 0 {
		return nil, fault.CallBusy
	}
	i, room, err := reserve(t.tx)
	if err != nil {
		return nil, err
	}
	c := New(i, r.Kind, r.Group, room, r.Caller, r.Invitees, rung, t.now, s.config.Ring.Milliseconds())
	c.Recorded = s.config.Record
	t.put(c)
	return c, nil
}

// busy reports whether somebody cannot be rung: another call rings for him, or he
// talks. Who talks and has lost his connections for long leaves that call. What is
// at its deadline ends now, so that he hears of that before he is rung.
func (s *Service) busy(ctx context.Context, t *transition, u id.UID) (bool, error) {
	known, err := t.callsOf(u)
	if err != nil {
		return false, err
	}
	for _, c := range known {
		if c.Late(t.now) {
			c.Pass(t.now)
			t.put(c)
		}
		p := c.party(u)
		switch {
		case p.State == Ringing && u != c.Caller():
			return true, nil
		case p.State == Talking:
			steady, err := s.presence.Steady(ctx, u, time.UnixMilli(p.Since))
			if err != nil || steady {
				return true, err
			}
			if err := t.leave(u, []*Session{c}); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// maxRooms bounds how many rooms are tried. Nearly all of them are free.
const maxRooms = 20

// reserve finds a traceId and a room that nobody uses.
func reserve(tx Tx) (ID, int32, error) {
	for range maxRooms {
		i, room := ID(random(1<<53-1)), int32(random(1<<31-1))
		if c, err := tx.Session(i); err != nil || c != nil {
			if err != nil {
				return 0, 0, err
			}
			continue
		}
		free, err := tx.Reserve(room, i)
		if err != nil {
			return 0, 0, err
		}
		if free {
			return i, room, nil
		}
	}
	return 0, 0, fmt.Errorf("find a free room: %d were taken", maxRooms)
}

// random returns a number from 1 to most.
func random(most uint64) uint64 {
	var b [8]byte
	rand.Read(b[:])
	return 1 + binary.LittleEndian.Uint64(b[:])%most
}

// Check returns a call that rings for u.
func (s *Service) Check(ctx context.Context, i ID, u id.UID) (*Session, error) {
	var c *Session
	now := s.clock()
	err := s.store.Update(ctx, now, func(tx Tx) error {
		var err error
		if c, err = find(tx, i); err != nil {
			return err
		}
		return c.Check(u, now.UnixMilli())
	})
	return c, err
}

func find(tx Tx, i ID) (*Session, error) {
	c, err := tx.Session(i)
	if err == nil && c == nil {
		err = fault.NotFound
	}
	return c, err
}

// Accept lets u talk on a device, and returns his ticket. He leaves any other
// call.
func (s *Service) Accept(ctx context.Context, i ID, u id.UID, device string) (*Ticket, error) {
	if s.tickets == nil {
		return nil, fault.Unsupported
	}
	var ticket *Ticket
	err := s.update(ctx, func(t *transition) error {
		c, err := find(t.tx, i)
		if err != nil {
			return err
		}
		talks := c.party(u) != nil && c.party(u).State == Talking
		if ticket, err = c.Accept(u, device, t.now, s.tickets); err != nil {
			return err
		}
		if !talks {
			c.Until = t.now + s.config.TicketExpire.Milliseconds()
			others, err := t.callsOf(u)
			if err != nil {
				return err
			}
			others = slices.DeleteFunc(others, func(other *Session) bool { return other.ID == i })
			if err := t.leave(u, others); err != nil {
				return err
			}
		}
		t.put(c)
		return nil
	})
	return ticket, err
}

// Refuse ends a call for u: he rejects, cancels or hangs up.
func (s *Service) Refuse(ctx context.Context, i ID, u id.UID, device string) error {
	return s.change(ctx, i, func(c *Session, now int64) error { return c.Refuse(u, device, now) })
}

// Decline says that u is busy.
func (s *Service) Decline(ctx context.Context, i ID, u id.UID) error {
	return s.change(ctx, i, func(c *Session, now int64) error { return c.Decline(u, now) })
}

func (s *Service) change(ctx context.Context, i ID, event func(c *Session, now int64) error) error {
	return s.update(ctx, func(t *transition) error {
		c, err := find(t.tx, i)
		if err != nil {
			return err
		}
		if err := event(c, t.now); err != nil {
			return err
		}
		t.put(c)
		return nil
	})
}

// update makes a transition, and pays what it owes.
func (s *Service) update(ctx context.Context, fn func(*transition) error) error {
	now := s.clock()
	var touched []*Session
	err := s.store.Update(ctx, now, func(tx Tx) error {
		t := &transition{tx: tx, now: now.UnixMilli()}
		if err := fn(t); err != nil {
			return err
		}
		if err := t.order(); err != nil {
			return err
		}
		touched = t.touched
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range touched {
		s.tell(c)
	}
	for _, c := range touched {
		if err := s.pay(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
