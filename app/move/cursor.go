package move

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"parley/pkg/sqldb"
)

const (
	// pageRows and pageBytes bound what is in memory and in one statement. A row
	// may be larger than pageBytes; then it is alone.
	pageRows  = 500
	pageBytes = 1 << 20
)

// cursor reads the rows of a table in the order of the primary key, a page at a
// time: nothing of it stays open on the server between two pages.
type cursor struct {
	pool    *sql.DB
	dialect sqldb.Dialect
	table   *table
	page    []row
	last    row  // the last one that was read from the database
	ended   bool // there is none behind last
}

func newCursor(db *sqldb.DB, t *table) *cursor {
	return &cursor{pool: db.ReaderSQL(), dialect: db.Dialect, table: t}
}

// peek returns the next row, or nil after the last.
func (c *cursor) peek(ctx context.Context) (row, error) {
	if len(c.page) == 0 && !c.ended {
		if err := c.read(ctx); err != nil {
			return nil, fmt.Errorf("read the table %s: %w", c.table.name, err)
		}
	}
	if len(c.page) == 0 {
		return nil, nil
	}
	return c.page[0], nil
}

// skip goes on behind the row that peek returned.
func (c *cursor) skip() { c.page = c.page[1:] }

func (c *cursor) read(ctx context.Context) error {
	t := c.table
	query := "SELECT " + t.list() + " FROM " + quote(t.name)
	var args []any
	if c.last != nil {
		var where string
		where, args = c.after(c.last)
		query += " WHERE " + where
	}
	rows, err := c.pool.QueryContext(ctx, fmt.Sprintf("%s ORDER BY %s LIMIT %d", query, t.keyList(), pageRows), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	c.page = make([]row, 0, pageRows)
	values, places := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range values {
		places[i] = &values[i]
	}
	bytes := 0
	for bytes < pageBytes {
		if !rows.Next() {
			c.ended = len(c.page) < pageRows
			break
		}
		if err := rows.Scan(places...); err != nil {
			return err
		}
		r := make(row, len(values))
		for i, column := range t.columns {
			if r[i], err = column.plain(values[i]); err != nil {
				return err
			}
		}
		c.page = append(c.page, r)
		bytes += size(r)
		c.last = r
	}
	return rows.Err()
}

// after is the condition for rows behind one, in the form for which the engine
// finds the range of its primary key.
func (c *cursor) after(r row) (where string, args []any) {
	t := c.table
	value := func(i int) any { return t.columns[i].argument(c.dialect, r[i]) }
	if c.dialect == sqldb.SQLite {
		for _, i := range t.key {
			args = append(args, value(i))
		}
		return "(" + t.keyList() + ") > (" + marks(len(t.key)) + ")", args
	}
	var either []string
	for n, last := range t.key {
		var all []string
		for _, i := range t.key[:n] {
			all = append(all, quote(t.columns[i].name)+" = ?")
			args = append(args, value(i))
		}
		all = append(all, quote(t.columns[last].name)+" > ?")
		args = append(args, value(last))
		either = append(either, "("+strings.Join(all, " AND ")+")")
	}
	return strings.Join(either, " OR "), args
}

// marks returns n question marks for a list.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }
