package app

import (
	"context"
	"errors"
	"fmt"

	"parley/pkg/eventlog"
	"parley/pkg/sqldb"
)

// log does to the event log what operators may have to do.
func (c *command) log(ctx context.Context) error {
	if c.verb("") != "advance" {
		return fmt.Errorf("log takes advance: %w", errUsage)
	}
	s := newSettings("log advance", false)
	to := s.flags.Int64("to", 0, "the highest `logId` that clients may have seen")
	config, err := c.load(s)
	if err != nil {
		return err
	}
	if *to <= 0 {
		return fmt.Errorf("log advance takes -to with a logId: %w", errUsage)
	}
	return onDatabase(ctx, config, func(db *sqldb.DB) error {
		// A backup may be older than this binary.
		if err := sqldb.Migrate(ctx, db); err != nil {
			return err
		}
		return c.advance(ctx, db, eventlog.Position(*to))
	})
}

func (c *command) advance(ctx context.Context, db *sqldb.DB, to eventlog.Position) (err error) {
	log := eventlog.Open(db)
	defer func() { err = errors.Join(err, log.Close(context.WithoutCancel(ctx))) }()
	from, err := log.Advance(ctx, to)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "the log was at %d and is at %d; the next logId is %d\n", from, to, to+1)
	return err
}
