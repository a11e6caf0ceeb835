package move

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
)

// both returns an embedded database and one of a server. Without a server it
// skips the test.
func both(t *testing.T) (from, to *sqldb.DB) {
	t.Helper()
	cfg, _ := sqldbtest.Server(t)
	embedded, file := sqldbtest.File(t)
	return sqldbtest.Open(t, embedded, file), sqldbtest.Open(t, cfg, "")
}

func quiet(string, int64, int64) {}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, db *sqldb.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.WriterSQL().Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// serverColumn is a column as a server describes it.
type serverColumn struct {
	name, kind string
	limit      int // bytes
	null       bool
	place      int // in the primary key
}

func serverColumns(t *testing.T, to *sqldb.DB, of string) []serverColumn {
	t.Helper()
	rows, err := to.ReaderSQL().Query(`SELECT c.column_name, c.data_type, COALESCE(c.character_octet_length, 0), c.is_nullable = 'YES', COALESCE(k.ordinal_position, 0)
		FROM information_schema.columns c LEFT JOIN information_schema.key_column_usage k
		ON k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name AND k.constraint_name = 'PRIMARY'
		WHERE c.table_schema = DATABASE() AND c.table_name = ? ORDER BY c.ordinal_position`, of)
	must(t, err)
	defer rows.Close()
	var all []serverColumn
	for rows.Next() {
		var c serverColumn
		must(t, rows.Scan(&c.name, &c.kind, &c.limit, &c.null, &c.place))
		all = append(all, c)
	}
	must(t, rows.Err())
	return all
}

// A migration that makes a table or a column on one engine only, or that this
// package cannot bring over, fails here.
func TestEveryTableOfTheSchemaIsBroughtOver(t *testing.T) {
	t.Parallel()
	from, to := both(t)
	brought, err := tables(t.Context(), from.ReaderSQL())
	must(t, err)
	names := slices.Clone(apart)
	for _, table := range brought {
		names = append(names, table.name)
		var want, got, wantKey, gotKey []string
		for _, c := range table.columns {
			want = append(want, c.name)
		}
		for _, i := range table.key {
			wantKey = append(wantKey, table.columns[i].name)
		}
		columns := serverColumns(t, to, table.name)
		for i, c := range columns {
			got = append(got, c.name)
			ofServer := map[bool]kind{true: integer, false: name}[strings.HasSuffix(c.kind, "int")]
			if i < len(table.columns) && (table.columns[i].kind == integer) != (ofServer == integer) {
				t.Errorf("%s.%s is a number in one database only", table.name, c.name)
			}
		}
		slices.SortFunc(columns, func(a, b serverColumn) int { return a.place - b.place })
		for _, c := range columns {
			if c.place > 0 {
				gotKey = append(gotKey, c.name)
			}
		}
		if !slices.Equal(got, want) || !slices.Equal(gotKey, wantKey) {
			t.Errorf("%s has the columns %v and the key %v on a server, %v and %v in the embedded database", table.name, got, gotKey, want, wantKey)
		}
	}
	onServer, err := texts(t.Context(), to.ReaderSQL(), "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
	must(t, err)
	slices.Sort(names)
	slices.Sort(onServer)
	if !slices.Equal(names, onServer) {
		t.Errorf("the server has the tables %v, brought over or known to stay apart are %v", onServer, names)
	}
}

// fill puts n rows into every table, with values at the edges of what the columns of
// the server can hold, and bytes that are no text.
func fill(t *testing.T, from, to *sqldb.DB, n int) {
	t.Helper()
	all, err := tables(t.Context(), from.ReaderSQL())
	must(t, err)
	for _, table := range all {
		columns := serverColumns(t, to, table.name)
		tx, err := from.WriterSQL().Begin()
		must(t, err)
		for i := range n {
			args := make([]any, len(table.columns))
			for j, c := range table.columns {
				args[j] = c.argument(sqldb.SQLite, edge(columns[j], c.kind, i))
			}
			_, err := tx.Exec("INSERT INTO "+quote(table.name)+" ("+table.list()+") VALUES ("+marks(len(args))+")", args...)
			must(t, err)
		}
		must(t, tx.Commit())
	}
	exec(t, from, "UPDATE log_position SET pos = ?, at = 1700000000000, ticket = 5", n)
}

// edge is the value of a column in row i.
func edge(c serverColumn, k kind, i int) any {
	if c.null && i%3 == 0 {
		return nil
	}
	if k == integer {
		switch {
		case c.kind == "tinyint":
			return int64(i%256 - 128)
		case c.kind == "int":
			return int64(1<<31 - 1 - i)
		case i%2 == 0 || c.place > 0:
			return int64(1<<53 - 1 - i)
		}
		return int64(-1 << 63)
	}
	b := fmt.Appendf(nil, "%d'\\\x00\xff %s", i, "é ")
	switch {
	case c.limit == 16 && c.kind == "binary":
		return append(b, make([]byte, 16)...)[:16]
	case k == blob && i%4 == 1:
		return []byte{}
	case k == blob && i%100 == 2:
		b = append(b, make([]byte, 60_000)...)
		for j := range b {
			b[j] ^= byte(i + j*7)
		}
		return b[:min(len(b), max(c.limit, 32))]
	case i%50 == 7:
		b = append(b, strings.Repeat("\xfe", min(c.limit, 5000))...)
	}
	return b[:min(len(b), max(c.limit, 1))]
}

// same compares the databases in the plainest way.
func same(t *testing.T, from, to *sqldb.DB) {
	t.Helper()
	all, err := tables(t.Context(), from.ReaderSQL())
	must(t, err)
	dump := func(db *sqldb.DB, table *table) []string {
		rows, err := db.ReaderSQL().Query("SELECT " + table.list() + " FROM " + quote(table.name))
		must(t, err)
		defer rows.Close()
		var lines []string
		for rows.Next() {
			values, places := make([]*[]byte, len(table.columns)), make([]any, len(table.columns))
			for i := range values {
				places[i] = &values[i]
			}
			must(t, rows.Scan(places...))
			var line strings.Builder
			for _, v := range values {
				if v == nil {
					line.WriteString("NULL ")
				} else {
					fmt.Fprintf(&line, "%q ", *v)
				}
			}
			lines = append(lines, line.String())
		}
		must(t, rows.Err())
		slices.Sort(lines)
		return lines
	}
	for _, table := range all {
		if want, got := dump(from, table), dump(to, table); !slices.Equal(want, got) {
			t.Errorf("the table %s differs: %d rows became %d", table.name, len(want), len(got))
		}
	}
	want, err := readPosition(t.Context(), from.ReaderSQL(), "")
	must(t, err)
	if got, err := readPosition(t.Context(), to.ReaderSQL(), ""); err != nil || got != want {
		t.Errorf("the position is %+v, %v, want %+v", got, err, want)
	}
	if err := sqldb.Migrate(t.Context(), to); err != nil {
		t.Errorf("a start on what was imported: %v", err)
	}
}

func TestAnImportBringsEveryByte(t *testing.T) {
	t.Parallel()
	from, to := both(t)
	const n = 1200 // more than two pages
	fill(t, from, to, n)
	exec(t, from, "UPDATE sqlite_sequence SET seq = 9007199254741000 WHERE name = 'group_application'")
	told := make(map[string]int64)
	report, err := Run(t.Context(), from, to, func(table string, done, all int64) { told[table] = done })
	must(t, err)
	same(t, from, to)
	for _, r := range report {
		if r.Rows != n || r.Written != n || told[r.Name] != n || r.Sum == [32]byte{} {
			t.Errorf("%s: %d rows, %d written, %d told of", r.Name, r.Rows, r.Written, told[r.Name])
		}
	}
	// The next number is one that was never given.
	res, err := to.WriterSQL().Exec(`INSERT INTO group_application (group_id, user_id, inviter, open, outcome, created_at, answered_at, answered_by) VALUES (1, 'a', '', 1, 0, 0, 0, '')`)
	must(t, err)
	if id, err := res.LastInsertId(); err != nil || id < 9007199254741001 {
		t.Errorf("the next application has the number %d, %v", id, err)
	}
	if _, err := Run(t.Context(), from, to, quiet); !errors.Is(err, ErrDone) {
		t.Errorf("a second import gave %v", err)
	}
}

// The import is stopped after a random number of rows, again and again.
func TestAnImportThatStopsGoesOn(t *testing.T) {
	t.Parallel()
	from, to := both(t)
	fill(t, from, to, 700)
	stops := 0
	for done := false; !done; stops++ {
		if stops > 200 {
			t.Fatal("it does not come to an end")
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := rand.IntN(6)
		_, err := Run(ctx, from, to, func(string, int64, int64) {
			if left--; left < 0 && stops < 6 {
				cancel()
			}
		})
		cancel()
		if done = err == nil; done {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err := sqldb.Migrate(t.Context(), to); !errors.Is(err, sqldb.ErrImporting) {
			t.Errorf("a start on half of the data gave %v", err)
		}
		if _, err := readPosition(t.Context(), to.ReaderSQL(), ""); err == nil {
			t.Error("half of the data have a position")
		}
	}
	if stops == 0 {
		t.Error("it was never stopped")
	}
	same(t, from, to)
}

// Between two runs the embedded database was used: rows have changed, gone, come,
// and exchanged what is unique.
func TestWhatChangesBetweenTwoRunsIsBroughtToo(t *testing.T) {
	t.Parallel()
	from, to := both(t)
	fill(t, from, to, 600)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := Run(ctx, from, to, func(table string, _, _ int64) {
		if table == "oss_usage" { // the last one
			cancel()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	exec(t, from, "UPDATE log_event SET body = NULL, kind = 9 WHERE pos % 7 = 0")
	exec(t, from, "DELETE FROM log_focus WHERE pos % 2 = 0")
	exec(t, from, "DELETE FROM chat_group WHERE id % 5 = 0")
	exec(t, from, "INSERT INTO device_owner (user_id) VALUES ('zoe')")
	// Two events exchange their names.
	var first, second struct {
		pos       int64
		scope, id string
	}
	must(t, from.ReaderSQL().QueryRow("SELECT pos, scope, id FROM log_event ORDER BY pos LIMIT 1").Scan(&first.pos, &first.scope, &first.id))
	must(t, from.ReaderSQL().QueryRow("SELECT pos, scope, id FROM log_event ORDER BY pos LIMIT 1 OFFSET 1").Scan(&second.pos, &second.scope, &second.id))
	const rename = "UPDATE log_event SET scope = ?, id = ? WHERE pos = ?"
	exec(t, from, rename, "nobody", "nothing", first.pos)
	exec(t, from, rename, first.scope, first.id, second.pos)
	exec(t, from, rename, second.scope, second.id, first.pos)
	exec(t, from, "UPDATE log_position SET pos = pos + 3")
	report, err := Run(t.Context(), from, to, quiet)
	must(t, err)
	same(t, from, to)
	for _, r := range report {
		if r.Name == "oss_part" && r.Written != 0 {
			t.Errorf("%d rows that had not changed were written again", r.Written)
		}
	}
}

func TestADatabaseInUseIsRefused(t *testing.T) {
	t.Parallel()
	t.Run("its log has events", func(t *testing.T) {
		t.Parallel()
		from, to := both(t)
		exec(t, to, "UPDATE log_position SET pos = 1")
		refused(t, from, to, ErrNotEmpty)
	})
	t.Run("somebody has a device", func(t *testing.T) {
		t.Parallel()
		from, to := both(t)
		exec(t, to, "INSERT INTO device_owner (user_id) VALUES ('bob')")
		refused(t, from, to, ErrNotEmpty)
	})
	t.Run("another import has begun", func(t *testing.T) {
		t.Parallel()
		from, to := both(t)
		exec(t, to, "UPDATE installation SET importing = 1")
		refused(t, from, to, ErrOther)
	})
}

func refused(t *testing.T, from, to *sqldb.DB, want error) {
	t.Helper()
	before, err := readPosition(t.Context(), to.ReaderSQL(), "")
	must(t, err)
	if _, err := Run(t.Context(), from, to, quiet); !errors.Is(err, want) {
		t.Errorf("the import gave %v, want %v", err, want)
	}
	if after, err := readPosition(t.Context(), to.ReaderSQL(), ""); err != nil || after != before {
		t.Errorf("the position was %+v and is %+v, %v", before, after, err)
	}
}

// Two runs with copies of one folder: both write the same, one ends the import, and
// the other one leaves alone what came since.
func TestTwoImportsOfOneInstallationDoNoHarm(t *testing.T) {
	t.Parallel()
	from, to := both(t)
	fill(t, from, to, 600)
	var ended bool
	_, err := Run(t.Context(), from, to, func(table string, _, _ int64) {
		if table != "chat_group" { // the first one
			return
		}
		_, err := Run(t.Context(), from, to, quiet)
		must(t, err)
		exec(t, to, "INSERT INTO device_owner (user_id) VALUES ('somebody new')")
		ended = true
	})
	if !errors.Is(err, ErrOther) && !errors.Is(err, errDiffers) {
		t.Errorf("the slower import gave %v", err)
	}
	var n int
	must(t, to.ReaderSQL().QueryRow("SELECT COUNT(*) FROM device_owner WHERE user_id = 'somebody new'").Scan(&n))
	if !ended || n != 1 {
		t.Errorf("what came after the import is there %d times", n)
	}
}
