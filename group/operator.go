package group

import (
	"context"
	"fmt"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// Show returns a group in whatever status, for operators: without its key.
func (s *Service) Show(ctx context.Context, g id.GID) (View, error) {
	v, err := s.store.View(ctx, g, "", s.now())
	v.Key = ""
	return v, err
}

// Block stops everything in a group until Unblock; its members stay. It is for
// operators and makes no event.
func (s *Service) Block(ctx context.Context, g id.GID) error {
	return s.setStatus(ctx, g, eventlog.Blocked)
}

// Unblock makes a blocked group normal again.
func (s *Service) Unblock(ctx context.Context, g id.GID) error {
	return s.setStatus(ctx, g, eventlog.Normal)
}

// setStatus takes its place in the order of the log: whoever was answered before
// it had spoken, and nobody speaks after it.
func (s *Service) setStatus(ctx context.Context, g id.GID, status eventlog.Status) error {
	return s.log.Change(ctx, func(tx *eventlog.Tx) error {
		group, err := s.store.Lock(tx, g)
		if err != nil {
			return err
		}
		if group.Status == eventlog.Disbanded {
			return fault.GroupDisbanded
		}
		if group.Status == status {
			return nil
		}
		after := *group
		after.Status = status
		if err := s.store.Update(tx, group, &after); err != nil {
			return fmt.Errorf("store group %s: %w", g, err)
		}
		return tx.Append(0, func(eventlog.Position, int64) ([]eventlog.Event, error) {
			return nil, tx.SetStatus(g, status)
		})
	})
}
