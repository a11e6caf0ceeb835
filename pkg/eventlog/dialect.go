package eventlog

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"parley/pkg/sqldb"
)

// dialect is where the engines differ.
type dialect interface {
	// allocate adds n to the position, whose row it locks, and returns the
	// position and the time of the newest event, at least now.
	allocate(ctx context.Context, tx execer, n int, now int64) (Position, int64, error)
	// force names the index that a read must use.
	force(index string) string
	// pairs begins a statement with a table s of n rows (g, u) that are to be
	// filled in, and says what stands for it in FROM.
	pairs(n int) (with, from string)
}

// execer is a transaction of database/sql, or gorm's view of one.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func dialectOf(db *sqldb.DB) dialect {
	switch {
	case db.Dialect == sqldb.SQLite:
		return sqlite{}
	case db.MariaDB:
		return mariadb{}
	}
	return mysql{}
}

type sqlite struct{}

func (sqlite) allocate(ctx context.Context, tx execer, n int, now int64) (pos Position, at int64, err error) {
	err = tx.QueryRowContext(ctx, "UPDATE log_position SET pos = pos + ?, at = max(at, ?) WHERE id = 1 RETURNING pos, at", n, now).Scan(&pos, &at)
	return pos, at, err
}

func (sqlite) force(index string) string { return " INDEXED BY " + index }

func (sqlite) pairs(n int) (with, from string) { return pairValues(n), "s" }

// pairValues writes pairs as VALUES, which is two thirds of the work for a server
// that a SELECT for each is.
func pairValues(n int) string {
	return "WITH s (g, u) AS (VALUES " + strings.TrimSuffix(strings.Repeat("(?,?),", n), ",") + ") "
}

// mariadb is mysql that has VALUES.
type mariadb struct{ mysql }

func (mariadb) pairs(n int) (with, from string) { return pairValues(n), "s" }

type mysql struct{}

// skewBits is how far the clock of this process may lie behind the newest
// event, in milliseconds as a power of two, without costing a second query.
const skewBits = 10

// allocate gets two values out of one statement: LAST_INSERT_ID carries the
// position in its upper bits and, below, how many milliseconds the log's time
// is ahead of now. The position stays below 2^53, so both fit into 63 bits.
// The right-hand sides name only columns that are assigned later or by
// themselves, since engines differ in whether an assignment sees earlier ones.
func (mysql) allocate(ctx context.Context, tx execer, n int, now int64) (Position, int64, error) {
	const maxSkew = 1<<skewBits - 1
	res, err := tx.ExecContext(ctx, `UPDATE log_position SET
		ticket = LAST_INSERT_ID((pos + ?) * 1024 + LEAST(1023, GREATEST(at, ?) - ?)),
		pos = pos + ?, at = GREATEST(at, ?) WHERE id = 1`, n, now, now, n, now)
	if err != nil {
		return 0, 0, err
	}
	ticket, err := res.LastInsertId()
	if err != nil {
		return 0, 0, err
	}
	pos, skew := Position(ticket>>skewBits), ticket&maxSkew
	at := now + skew
	if skew == maxSkew {
		err = tx.QueryRowContext(ctx, "SELECT at FROM log_position WHERE id = 1").Scan(&at)
	}
	return pos, at, err
}

func (mysql) force(index string) string { return " FORCE INDEX (" + index + ")" }

func (mysql) pairs(n int) (with, from string) {
	return "", "(SELECT ? AS g, ? AS u" + strings.Repeat(" UNION ALL SELECT ?,?", n-1) + ") s"
}

const eventColumns = "pos, scope, id, author, user_a, user_b, group_id, conv, kind, at, body"

// insertEvents puts events into the table, as many with one statement as a batch
// has.
func insertEvents(ctx context.Context, tx execer, events []*Event) error {
	for chunk := range slices.Chunk(events, maxBatch) {
		if err := insertChunk(ctx, tx, chunk); err != nil {
			return err
		}
	}
	return nil
}

func insertChunk(ctx context.Context, tx execer, events []*Event) error {
	args := make([]any, 0, len(events)*11)
	for _, e := range events {
		args = append(args, int64(e.Pos), e.Scope, e.ID, string(e.Author),
			orNull(string(e.A)), orNull(string(e.B)), orNull(int64(e.Group)), bytesOrNull(e.conversation()),
			int64(e.Kind), e.At, e.Body)
	}
	_, err := tx.ExecContext(ctx, insertStatement(len(events)), args...)
	return err
}

func insertStatement(n int) string {
	const row = "(?,?,?,?,?,?,?,?,?,?,?)"
	var b strings.Builder
	b.Grow(80 + n*(len(row)+1))
	b.WriteString("INSERT INTO log_event (" + eventColumns + ") VALUES ")
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(row)
	}
	return b.String()
}

// orNull stores an audience column that is not used as NULL, which keeps it
// out of its index or at least out of every range that is read.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func bytesOrNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// receipts looks up which of the events at the indexes which are in the log.
func receipts(ctx context.Context, tx execer, d dialect, batch []*pending, which []int) (map[eventKey]Receipt, error) {
	var b strings.Builder
	b.WriteString("SELECT scope, id, pos, at FROM log_event" + d.force("log_event_id") + " WHERE ")
	args := make([]any, 0, 2*len(which))
	for n, i := range which {
		if n > 0 {
			b.WriteString(" OR ")
		}
		b.WriteString("(scope = ? AND id = ?)")
		args = append(args, batch[i].Scope, batch[i].ID)
	}
	rows, err := tx.QueryContext(ctx, b.String(), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[eventKey]Receipt)
	for rows.Next() {
		var k eventKey
		var r Receipt
		if err := rows.Scan(&k.scope, &k.id, &r.Pos, &r.At); err != nil {
			return nil, err
		}
		found[k] = r
	}
	return found, rows.Err()
}

// marks returns n question marks for an IN list.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }
