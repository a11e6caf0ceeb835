package main

import (
	"context"
	"database/sql"
	"slices"

	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// membership is a user in a group, from its beginning on.
type membership struct {
	group id.GID
	user  id.UID
}

// insertGroups makes the log know groups and their members, past Parley.
func insertGroups(ctx context.Context, db *sql.DB, groups []id.GID, members []membership) error {
	for chunk := range slices.Chunk(groups, 1000) {
		var args []any
		for _, g := range chunk {
			args = append(args, int64(g), 0, 0, 0)
		}
		if err := insertRows(ctx, db, "log_group (group_id, status, mute_all, closed_at)", args, len(chunk)); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(members, 1000) {
		var args []any
		for _, m := range chunk {
			args = append(args, int64(m.group), string(m.user), 0, int64(eventlog.Forever), int64(eventlog.Member), 0)
		}
		if err := insertRows(ctx, db, "log_member (group_id, user_id, from_pos, to_pos, role, muted_until)", args, len(chunk)); err != nil {
			return err
		}
	}
	return nil
}
