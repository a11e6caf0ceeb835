package app

import (
	"context"
	"errors"
	"time"

	"parley/app/move"
	"parley/pkg/sqldb"
)

// watchForImport ends the process when an import into its database begins: what it
// writes would be taken away. Whoever works with the database tells of other errors.
func (a *App) watchForImport(ctx context.Context, db *sqldb.DB) {
	if db.Dialect == sqldb.SQLite {
		return // only servers take imports
	}
	look := time.NewTicker(move.NoticedWithin)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
		if err := db.CheckComplete(ctx); errors.Is(err, sqldb.ErrImporting) {
			a.fail(err)
			return
		}
	}
}
