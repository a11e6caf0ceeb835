package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"strings"

	"parley/pkg/eventlog"
)

// insertEvents writes events into the table of the log with one statement, past
// Parley. What it knows of the table is what the migrations say.
func insertEvents(ctx context.Context, db *sql.DB, events []eventlog.Event) error {
	args := make([]any, 0, 11*len(events))
	for i := range events {
		e := &events[i]
		args = append(args, int64(e.Pos), e.Scope, e.ID, string(e.Author),
			nullable(string(e.A)), nullable(string(e.B)), nullable(int64(e.Group)), conversation(e),
			int64(e.Kind), e.At, e.Body)
	}
	return insertRows(ctx, db, "log_event (pos, scope, id, author, user_a, user_b, group_id, conv, kind, at, body)", args, len(events))
}

// execer is a database or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// insertRows writes rows into a table, whose values stand in args one after the
// other.
func insertRows(ctx context.Context, db execer, table string, args []any, rows int) error {
	row := "(?" + strings.Repeat(",?", len(args)/rows-1) + ")"
	statement := "INSERT INTO " + table + " VALUES " + row + strings.Repeat(","+row, rows-1)
	if _, err := db.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("insert %d rows into %s: %w", rows, table, err)
	}
	return nil
}

func nullable[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

// conversation is what Parley stores for the history of a pair of users.
func conversation(e *eventlog.Event) any {
	if e.Group != 0 {
		return nil
	}
	sum := sha256.Sum256([]byte(min(e.A, e.B) + "\x00" + max(e.A, e.B)))
	return sum[:16]
}
