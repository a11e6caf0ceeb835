package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"parley/pkg/sqldb"
)

// backup copies the embedded database into a file. It works beside a process that
// uses the database, and has everything that was answered before it began.
func (c *command) backup(ctx context.Context) (err error) {
	file := c.verb("")
	config, err := c.load(newSettings("backup", false))
	switch {
	case err != nil:
		return err
	case file == "":
		return fmt.Errorf("backup takes the file that it makes: %w", errUsage)
	case config.Database.DSN != "":
		return errors.New("backup copies the embedded database, and Database.DSN names a server: use the server's own tools, see docs/operations.md")
	}
	if _, err := os.Stat(databaseFile(config)); err != nil {
		return fmt.Errorf("no Parley has run on the data folder %s: %w", config.Data, err)
	}
	if err := setUpProcess(config); err != nil {
		return err
	}
	db, err := openDatabase(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var head int64
	if err := db.ReaderSQL().QueryRowContext(ctx, "SELECT pos FROM log_position WHERE id = 1").Scan(&head); err != nil {
		return fmt.Errorf("read where the log is: %w", err)
	}
	if err := sqldb.Backup(ctx, db, file); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s has the log up to logId %d at least\n", file, head)
	return err
}
