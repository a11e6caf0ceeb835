package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"parley/pkg/eventlog"
	"parley/pkg/ops"
	"parley/pkg/sqldb"
)

// log does to the logs what operators may have to do.
func (c *command) log(ctx context.Context) error {
	switch c.verb("") {
	case "advance":
		return c.logAdvance(ctx)
	case "level":
		return c.logLevel(ctx)
	}
	return fmt.Errorf("log takes advance or level: %w", errUsage)
}

// logAdvance is for the event log, of a database that was restored.
func (c *command) logAdvance(ctx context.Context) error {
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

// logLevel is for the log of what happens in the process that runs with the same
// configuration on this machine: it prints its level, or changes it.
func (c *command) logLevel(ctx context.Context) error {
	word := c.verb("")
	s := newSettings("log level", false)
	address := s.flags.String("ops", "", opsUsage)
	config, err := c.load(s)
	if err != nil {
		return err
	}
	var answer string
	if at := cmp.Or(*address, config.Ops.Listen); word == "" {
		answer, err = ops.AskLogLevel(ctx, at)
	} else {
		answer, err = ops.ChangeLogLevel(ctx, at, word)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, answer)
	return err
}
