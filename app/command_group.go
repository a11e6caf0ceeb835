package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"parley/group"
	groupstore "parley/group/store"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/sqldb"
)

// group shows, blocks or unblocks a group. It works on the database, beside the
// processes that use it, the embedded one included.
func (c *command) group(ctx context.Context) error {
	verb := c.verb("")
	if verb != "block" && verb != "unblock" && verb != "show" {
		return fmt.Errorf("group takes block, unblock or show: %w", errUsage)
	}
	name := c.verb("")
	g, err := id.ParseGID(name)
	if err != nil {
		return fmt.Errorf("group %s takes the id of a group, a positive whole number, and got %q: %w", verb, name, errUsage)
	}
	config, err := c.load(newSettings("group "+verb, false))
	if err != nil {
		return err
	}
	if err := setUpProcess(config); err != nil {
		return err
	}
	return withLog(ctx, config, func(db *sqldb.DB, log *eventlog.Log) error {
		service := group.New(log, groupstore.New(db), config.GroupService.group())
		switch verb {
		case "block":
			err = service.Block(ctx, g)
		case "unblock":
			err = service.Unblock(ctx, g)
		}
		if err != nil {
			return groupError(verb, g, err)
		}
		v, err := service.Show(ctx, g)
		if err != nil {
			return groupError(verb, g, err)
		}
		return c.printGroup(&v)
	})
}

// groupError says for operators what an answer of the API says for users.
func groupError(verb string, g id.GID, err error) error {
	switch {
	case errors.Is(err, fault.NoSuchGroup):
		return fmt.Errorf("there is no group %s", g)
	case errors.Is(err, fault.GroupDisbanded):
		return fmt.Errorf("group %s was disbanded, which is for ever", g)
	}
	return fmt.Errorf("%s group %s: %w", verb, g, err)
}

var statusNames = map[eventlog.Status]string{
	eventlog.Normal: "normal", eventlog.Blocked: "blocked", eventlog.Disbanded: "disbanded",
}

// printGroup prints what an operator may see of a group: not its name, which
// belongs to its members, nor its key.
func (c *command) printGroup(v *group.View) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "group\t%s\n", v.ID)
	fmt.Fprintf(w, "mark id\t%s\n", v.MarkID)
	fmt.Fprintf(w, "public name\t%q\n", v.PublicName)
	fmt.Fprintf(w, "status\t%d (%s)\n", v.Status, statusNames[v.Status])
	fmt.Fprintf(w, "owner\t%s\n", v.Owner.User)
	fmt.Fprintf(w, "members\t%d of %d, %d admins, %d muted\n", v.MemberNum, v.Maximum, v.AdminNum, v.MuteNum)
	fmt.Fprintf(w, "join type\t%d\n", v.JoinType)
	fmt.Fprintf(w, "mute type\t%d\n", v.MuteType)
	fmt.Fprintf(w, "created\t%s\n", time.UnixMilli(v.CreatedAt).UTC().Format(time.DateTime))
	return w.Flush()
}

// withLog runs fn on the database of a configuration, whose schema must be up
// to date. It neither makes a database nor changes its schema.
func withLog(ctx context.Context, config Config, fn func(*sqldb.DB, *eventlog.Log) error) (err error) {
	if config.Database.DSN == "" {
		if _, err := os.Stat(databaseFile(config)); err != nil {
			return fmt.Errorf("no Parley has run on the data folder %s: %w", config.Data, err)
		}
	}
	db, err := openDatabase(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	migrations, err := sqldb.MigrateStatus(ctx, db)
	if err != nil {
		return err
	}
	for _, m := range migrations {
		if !m.Applied {
			return fmt.Errorf("the schema of the database lacks %s: start this parley on it, or run parley migrate", filepath.Base(m.File))
		}
	}
	log := eventlog.Open(db)
	defer func() { err = errors.Join(err, log.Close(context.WithoutCancel(ctx))) }()
	return fn(db, log)
}
