package group

import (
	"context"
	"fmt"

	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// change is a change of one group in the making. Its rows are locked in a fixed
// order: the group's own first, which keeps all other changes of the group out;
// then nobody but us can want the rows of its members; the log's position comes
// last, when only what depends on it is left to be written. So changes wait for
// each other without a deadlock, and hold the position for a moment.
//
// What a change writes into the log before it has a position, roles and mutes,
// takes effect at its position all the same: nobody sees it before the commit,
// and from the position to the commit nobody else can append.
type change struct {
	service *Service
	tx      *eventlog.Tx
	names   *names
	now     int64

	before Group // as it was read
	group  *Group
	caller Member
	people People

	tales []tale
	// placed is called with the positions of events, as far as a change
	// needs them.
	placed []func(first eventlog.Position) error
}

// change runs fn on a group of which caller may do a, with what is known about
// the caller and users, and stores what fn did with the events that it told. It
// may run fn more than once.
func (s *Service) change(ctx context.Context, g id.GID, caller id.UID, a Action, users []id.UID, fn func(*change) error) error {
	return s.changeBy(ctx, g, caller, users, func(c *change) error {
		if err := May(c.group, c.caller, a); err != nil {
			return err
		}
		return fn(c)
	})
}

// changeBy is change for a caller who need not be in the group.
func (s *Service) changeBy(ctx context.Context, g id.GID, caller id.UID, users []id.UID, fn func(*change) error) error {
	now := s.now()
	ids := &names{fresh: s.names}
	return s.log.Change(ctx, func(tx *eventlog.Tx) error {
		group, err := s.store.Lock(tx, g)
		if err != nil {
			return err
		}
		c := &change{service: s, tx: tx, names: ids, now: now, before: *group, group: group, people: make(People)}
		if err := c.read(append([]id.UID{caller}, users...)...); err != nil {
			return err
		}
		c.caller = c.people.Of(caller)
		if err := fn(c); err != nil {
			return err
		}
		return c.store()
	})
}

// read adds what is known about users.
func (c *change) read(users ...id.UID) error {
	found, err := c.service.store.Seated(c.tx, c.group.ID, users)
	if err != nil {
		return err
	}
	for u, m := range found {
		c.people[u] = m
	}
	return nil
}

// put stores members here; what the log knows of them is another matter.
func (c *change) put(members ...Member) error {
	return c.service.store.Put(c.tx, c.group.ID, members)
}

// at has f called with the position of event number i.
func (c *change) at(i int, f func(eventlog.Position) error) {
	c.placed = append(c.placed, func(first eventlog.Position) error { return f(first + eventlog.Position(i)) })
}

// store writes the group and appends the events.
func (c *change) store() error {
	if *c.group != c.before {
		if err := c.service.store.Update(c.tx, &c.before, c.group); err != nil {
			return fmt.Errorf("store group %s: %w", c.group.ID, err)
		}
	}
	if len(c.tales) == 0 {
		return nil
	}
	return c.tx.Append(len(c.tales), func(first eventlog.Position, at int64) ([]eventlog.Event, error) {
		for _, f := range c.placed {
			if err := f(first); err != nil {
				return nil, err
			}
		}
		events := make([]eventlog.Event, len(c.tales))
		for i := range events {
			var err error
			if events[i], err = c.event(i, at); err != nil {
				return nil, err
			}
		}
		return events, nil
	})
}
