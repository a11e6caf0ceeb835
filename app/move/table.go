package move

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/pkg/sqldb"
)

// apart are the tables that are not copied: each database has its own versions
// and state, and the position comes last, see finish.
var apart = []string{"schema_version", "installation", "log_position"}

// kind is what a column holds.
type kind int

const (
	integer kind = iota
	name         // compared byte by byte; a string to Go
	blob
)

type column struct {
	name string
	kind kind
}

// table is a table of the schema. Both databases have it with the same columns
// and the same primary key; a test sees to it.
type table struct {
	name    string
	columns []column
	key     []int // the columns of the primary key, in its order
}

// row has a value for each column: nil, an int64 or a []byte.
type row []any

// tables returns every table that is copied, by name, as the embedded database
// describes it. So what a migration adds is part of the next import.
func tables(ctx context.Context, from *sql.DB) ([]*table, error) {
	names, err := texts(ctx, from, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("list the tables of the embedded database: %w", err)
	}
	var all []*table
	for _, name := range names {
		if slices.Contains(apart, name) {
			continue
		}
		t, err := describe(ctx, from, name)
		if err != nil {
			return nil, fmt.Errorf("describe the table %s: %w", name, err)
		}
		all = append(all, t)
	}
	return all, nil
}

func texts(ctx context.Context, pool *sql.DB, query string) ([]string, error) {
	rows, err := pool.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

func describe(ctx context.Context, from *sql.DB, of string) (*table, error) {
	rows, err := from.QueryContext(ctx, "SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", of)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	t := &table{name: of}
	places := make(map[int]int) // in the key, of columns
	for rows.Next() {
		var c column
		var declared string
		var place int
		if err := rows.Scan(&c.name, &declared, &place); err != nil {
			return nil, err
		}
		switch declared {
		case "INTEGER":
			c.kind = integer
		case "TEXT":
			c.kind = name
		case "BLOB":
			c.kind = blob
		default:
			return nil, fmt.Errorf("the column %s has the type %s, which no table of a schema has", c.name, declared)
		}
		if place > 0 {
			places[place] = len(t.columns)
		}
		t.columns = append(t.columns, c)
	}
	for place := range len(places) {
		t.key = append(t.key, places[place+1])
	}
	if len(t.key) == 0 && rows.Err() == nil {
		return nil, fmt.Errorf("it has no primary key")
	}
	return t, rows.Err()
}

// quote is right for both dialects.
func quote(name string) string { return "`" + name + "`" }

func (t *table) list() string {
	quoted := make([]string, len(t.columns))
	for i, c := range t.columns {
		quoted[i] = quote(c.name)
	}
	return strings.Join(quoted, ", ")
}

func (t *table) keyList() string {
	quoted := make([]string, len(t.key))
	for i, c := range t.key {
		quoted[i] = quote(t.columns[c].name)
	}
	return strings.Join(quoted, ", ")
}

// compare orders rows by the primary key, as both databases do.
func (t *table) compare(a, b row) int {
	for _, c := range t.key {
		var order int
		if t.columns[c].kind == integer {
			order = cmp.Compare(a[c].(int64), b[c].(int64))
		} else {
			order = bytes.Compare(a[c].([]byte), b[c].([]byte))
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

func (t *table) equal(a, b row) bool {
	for i := range t.columns {
		if a[i] == nil || b[i] == nil {
			if a[i] != nil || b[i] != nil {
				return false
			}
			continue
		}
		if t.columns[i].kind == integer {
			if a[i] != b[i] {
				return false
			}
		} else if !bytes.Equal(a[i].([]byte), b[i].([]byte)) {
			return false
		}
	}
	return true
}

// plain gives a value as a driver has it the type that it has in a row.
func (c column) plain(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case int64:
		if c.kind == integer {
			return v, nil
		}
	case string:
		return c.plain([]byte(v))
	case []byte:
		if c.kind != integer {
			return append([]byte{}, v...), nil // never nil, which is NULL
		}
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("the column %s holds a %T, which it should not", c.name, v)
}

// argument is a value for a statement in a dialect. SQLite tells names from bytes.
func (c column) argument(d sqldb.Dialect, v any) any {
	if b, ok := v.([]byte); ok && c.kind == name && d == sqldb.SQLite {
		return string(b)
	}
	return v
}

// size is about what a row takes in memory and on the wire, in bytes.
func size(r row) int {
	n := 0
	for _, v := range r {
		b, _ := v.([]byte)
		n += len(b) + 8
	}
	return n
}
