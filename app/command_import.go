package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"parley/app/move"
	"parley/pkg/sqldb"
)

// importData brings the data of an embedded installation into the configured
// server. No process may use the data folder meanwhile.
func (c *command) importData(ctx context.Context) (err error) {
	config, err := c.load(newSettings("import", false))
	if err != nil {
		return err
	}
	if config.Database.DSN == "" {
		return errors.New("import brings the data into a server, and Database.DSN names none")
	}
	if _, err := os.Stat(databaseFile(config)); err != nil {
		return fmt.Errorf("no Parley has run on the data folder %s: %w", config.Data, err)
	}
	if err := setUpProcess(config); err != nil {
		return err
	}
	folder, err := openFolder(config.Data)
	if err != nil {
		return err
	}
	defer folder.Close()

	from, err := sqldb.Open(ctx, sqldb.Config{}, databaseFile(config))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := sqldb.Migrate(ctx, from); err != nil {
		return fmt.Errorf("embedded database: %w", err)
	}
	to, err := openDatabase(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := sqldb.Migrate(ctx, to); err != nil && !errors.Is(err, sqldb.ErrImporting) {
		return err
	}

	began := time.Now()
	tables, err := move.Run(ctx, from, to, func(table string, done, all int64) {
		fmt.Fprintf(c.err, "%s: %d of %d rows\n", table, done, all)
	})
	if errors.Is(err, move.ErrDone) {
		_, err := fmt.Fprintln(c.out, err)
		return err
	}
	if err != nil {
		return err
	}
	return c.printImport(config, tables, time.Since(began))
}

// printImport says what was done, and what is left to do by hand.
func (c *command) printImport(config Config, tables []move.Table, took time.Duration) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "table\trows\twritten now\tsha256, the same in both databases")
	var rows int64
	for _, t := range tables {
		fmt.Fprintf(w, "%s\t%d\t%d\t%x\n", t.Name, t.Rows, t.Written, t.Sum[:8])
		rows += t.Rows
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d rows were brought over and compared in %s. Start Parley with this Database.DSN from now on,\n"+
		"and not without it on %s: what is written there would not be here.\n", rows, took.Round(time.Millisecond), config.Data)
	if objects := filepath.Join(config.Data, "objects"); exists(objects) {
		fmt.Fprintf(c.out, "The bytes of objects stay in %s. Keep the folder where oss and oss-rpc have their Data, and name\n"+
			"the apps in OssService.Apps with the type local; without a database server dtalk was one by itself.\n", objects)
	}
	if secret := filepath.Join(config.Data, developmentSecret); exists(secret) && config.Call.AppID == 0 {
		fmt.Fprintf(c.out, "Calls had tickets for development, with the secret in %s. With a server nobody can call\n"+
			"until Call.AppID and Call.SecretFile name an application of the cloud.\n", secret)
	}
	return nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
