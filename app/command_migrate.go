package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/pkg/sqldb"
)

// migrate brings the schema up to date, or lists its versions.
func (c *command) migrate(ctx context.Context) error {
	verb := c.verb("up")
	if verb != "up" && verb != "status" {
		return fmt.Errorf("migrate takes up or status: %w", errUsage)
	}
	config, err := c.load(newSettings("migrate "+verb, false))
	if err != nil {
		return err
	}
	return onDatabase(ctx, config, func(db *sqldb.DB) error {
		if verb == "up" {
			if err := sqldb.Migrate(ctx, db); err != nil {
				return err
			}
		}
		return c.printMigrations(ctx, db)
	})
}

// onDatabase calls fn with the configured database. Nobody else has an embedded
// one meanwhile.
func onDatabase(ctx context.Context, config Config, fn func(*sqldb.DB) error) (err error) {
	if err := setUpProcess(config); err != nil {
		return err
	}
	if config.Database.DSN == "" {
		folder, err := openFolder(config.Data)
		if err != nil {
			return err
		}
		defer folder.Close()
	}
	db, err := openDatabase(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return fn(db)
}

func (c *command) printMigrations(ctx context.Context, db *sqldb.DB) error {
	migrations, err := sqldb.MigrateStatus(ctx, db)
	if err != nil {
		return err
	}
	for _, m := range migrations {
		state := "not applied"
		if m.Applied {
			state = "applied " + m.At.UTC().Format(time.DateTime)
		}
		if _, err := fmt.Fprintf(c.out, "%4d  %-40s  %s\n", m.Version, m.File, state); err != nil {
			return err
		}
	}
	return nil
}
