package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/group"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/sqldb"
)

const crowded = 2000

// crowd stores a group of 2,000 with 20 admins, 30 muted members and 300 people
// who left muted, and 200 small groups, all of which alice is in. There are 500
// open applications to the large one, and as many that were answered. Of 2,000 more
// groups nobody asks.
func (w *world) crowd() (large id.GID) {
	w.Helper()
	alice := group.Member{User: "alice", Role: eventlog.Owner, Seat: 1}
	for g := range id.GID(200) {
		w.group(g+1, alice, group.Member{User: "bob", Seat: 2}, group.Member{User: "carol", Role: group.Left, Seat: 3})
	}
	large = 1000
	members := []group.Member{alice}
	for i := 2; i <= crowded+300; i++ {
		m := group.Member{User: id.UID(fmt.Sprintf("u%04d", i*7919%10_000)), Seat: int64(i)}
		switch {
		case i <= 21:
			m.Role = eventlog.Admin
		case i > crowded:
			m.Role, m.MutedUntil = group.Left, eventlog.Forever
		case i%66 == 0:
			m.MutedUntil = now + int64(i)
		case i%5 == 0:
			m.MutedUntil = now - int64(i)
		}
		members = append(members, m)
	}
	w.group(large, members...)
	for round := range 2 {
		var list []group.Application
		var all []id.UID
		for i := range 500 {
			all = append(all, id.UID(fmt.Sprintf("a%03d", i)))
			list = append(list, group.Application{Group: large, User: all[i], Inviter: "alice", CreatedAt: now})
		}
		w.apply(list...)
		if round == 0 {
			w.change(func(tx *eventlog.Tx) error { return w.Answer(tx, large, all, group.Answer{Outcome: group.Rejected}) })
		}
	}
	var others, theirs []string
	for g := 5000; g < 7000; g++ {
		others = append(others, fmt.Sprintf("(%d,'%d','','','','','',0,0,0,0,0,200,2,0,2,0)", g, g))
		theirs = append(theirs, fmt.Sprintf("(%d,'m%d',0,1,'',0),(%d,'n%d',2,2,'',0)", g, g, g, g))
	}
	w.exec("INSERT INTO chat_group VALUES " + strings.Join(others, ","))
	w.exec("INSERT INTO group_member VALUES " + strings.Join(theirs, ","))
	if w.db.Dialect == sqldb.MySQL {
		// A server does so by itself, some time later.
		for _, table := range []string{"chat_group", "group_member", "group_application"} {
			w.exec("ANALYZE TABLE " + table)
		}
	}
	return large
}

func (w *world) exec(query string) {
	w.Helper()
	rows, err := w.db.WriterSQL().Query(query)
	w.must(query, err)
	w.must(query, rows.Close())
}

// plan is what the engine says it does for a statement, a line for each table:
// how, by which index, and what else.
func (w *world) plan(s statement) (lines []string) {
	w.Helper()
	explain := "EXPLAIN "
	if w.db.Dialect == sqldb.SQLite {
		explain = "EXPLAIN QUERY PLAN "
	}
	rows, err := w.db.ReaderSQL().Query(explain+s.query, s.args...)
	w.must("explain "+s.query, err)
	defer rows.Close()
	columns, err := rows.Columns()
	w.must("explain "+s.query, err)
	telling := []string{"table", "type", "key", "detail", "Extra"}
	if slices.Contains(columns, "access object") { // TiDB, where a line is a step
		telling = []string{"id", "access object"}
	}
	for rows.Next() {
		texts := make([]sql.NullString, len(columns))
		values := make([]any, len(columns))
		for i := range values {
			values[i] = &texts[i]
		}
		w.must("explain "+s.query, rows.Scan(values...))
		var line []string
		for i, c := range columns {
			if slices.Contains(telling, c) {
				line = append(line, texts[i].String)
			}
		}
		lines = append(lines, strings.Join(line, " "))
	}
	w.must("explain "+s.query, rows.Err())
	return lines
}

// reads is how many rows a server touches for a statement; it counts those of
// an index and those that it sorts.
func (w *world) reads(s statement) (n int) {
	w.Helper()
	conn, err := w.db.ReaderSQL().Conn(context.Background())
	w.must("take a connection", err)
	defer conn.Close()
	before := w.handlerReads(conn)
	rows, err := conn.QueryContext(context.Background(), s.query, s.args...)
	w.must(s.query, err)
	for rows.Next() {
	}
	w.must(s.query, rows.Err())
	w.must(s.query, rows.Close())
	return w.handlerReads(conn) - before
}

func (w *world) handlerReads(conn *sql.Conn) (sum int) {
	w.Helper()
	// Asking is a read of a table too, of always as many rows.
	rows, err := conn.QueryContext(context.Background(), "SHOW SESSION STATUS LIKE 'Handler_read%'")
	w.must("read the counters", err)
	defer rows.Close()
	for rows.Next() {
		var name string
		var n int
		w.must("read the counters", rows.Scan(&name, &n))
		sum += n
	}
	w.must("read the counters", rows.Err())
	return sum
}

func TestReadingALargeGroupTouchesLittleOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	large := w.crowd()
	listened, heard := w.listened()
	ctx := context.Background()
	idle := 0
	if w.db.Dialect == sqldb.MySQL {
		idle = listened.reads(statement{query: "SELECT 1"})
	}
	for _, c := range []struct {
		what string
		read func() (int, error)
		rows int
		// indexes are those that are read, other than primary keys.
		indexes []string
		sorts   bool
		most    int // rows that may be touched
		asks    int // statements
	}{
		{"View", func() (int, error) { v, err := listened.View(ctx, large, "alice", now); return int(v.MuteNum), err },
			30, []string{"group_member_order", "group_member_mute"}, false, 330 + 10, 1},
		{"Views", func() (int, error) { v, err := listened.Views(ctx, "alice", now); return len(v), err },
			201, []string{"group_member_user", "group_member_order", "group_member_mute"}, true, 330 + 201*12, 2},
		{"Members", func() (int, error) { m, err := listened.Members(ctx, large, 10); return len(m), err },
			10, []string{"group_member_order"}, false, 12, 1},
		{"Muted", func() (int, error) { m, err := listened.Muted(ctx, large, now); return len(m), err },
			30, []string{"group_member_mute"}, true, 330 + 100, 1},
		{"Applications", func() (int, error) { a, err := listened.Applications(ctx, large, 0, 10); return len(a), err },
			10, []string{"group_application_order"}, false, 12, 1},
	} {
		said := heard.during(func() {
			if n, err := c.read(); err != nil || n != c.rows {
				t.Errorf("%s gives %d (%v), want %d", c.what, n, err, c.rows)
			}
		})
		if len(said) != c.asks {
			t.Errorf("%s takes %d statements, want %d", c.what, len(said), c.asks)
		}
		var plan []string
		touched := 0
		for _, statement := range said {
			plan = append(plan, listened.plan(statement)...)
			if w.db.Dialect == sqldb.MySQL {
				touched += listened.reads(statement) - idle
			}
		}
		for _, line := range plan {
			if walks(line) {
				t.Errorf("%s walks: %s", c.what, line)
			}
			if !c.sorts && (strings.Contains(line, "TEMP B-TREE") || strings.Contains(line, "filesort")) {
				t.Errorf("%s sorts: %s", c.what, line)
			}
		}
		for _, index := range c.indexes {
			if !slices.ContainsFunc(plan, func(line string) bool { return strings.Contains(line, index) }) {
				t.Errorf("%s does not use %s:\n%s", c.what, index, strings.Join(plan, "\n"))
			}
		}
		t.Logf("%s touches %d rows", c.what, touched)
		if touched > c.most {
			t.Errorf("%s touches %d rows, want at most %d:\n%s", c.what, touched, c.most, strings.Join(plan, "\n"))
		}
	}
}

// walks reports whether a line of a plan goes through a whole table or index.
func walks(line string) bool {
	words := strings.Fields(line)
	return words[0] == "SCAN" || // SQLite
		len(words) > 1 && (words[1] == "ALL" || words[1] == "index") || // servers
		strings.Contains(line, "FullScan") // TiDB
}

func TestTheSizeOfAGroupDoesNotMakeMoreStatements(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	large := w.crowd()
	listened, heard := w.listened()
	s := group.New(listened.log, listened, group.DefaultConfig())
	ctx := context.Background()
	statements := func(f func() error) int {
		return len(heard.during(func() { w.must("ask", f()) }))
	}
	list := func(u id.UID) func() error {
		return func() error { _, err := s.List(ctx, u); return err }
	}
	w.unblock(large)
	w.unblock(1)
	members := func(g id.GID) func() error {
		return func() error { _, err := s.Members(ctx, "alice", g); return err }
	}
	create := func(n int) func() error {
		var others []id.UID
		for i := range n - 1 {
			others = append(others, id.UID(fmt.Sprintf("n%04d", i)))
		}
		return func() error { _, _, err := s.Create(ctx, "alice", group.Draft{Users: others}); return err }
	}
	want(t, "to list 201 groups and one", statements(list("alice")), statements(list(w.members(large, 100)[99].User)))
	want(t, "to list the members of a large group and a small one", statements(members(large)), statements(members(1)))
	if few, many := statements(create(2)), statements(create(crowded)); many > few+6 {
		// Its rows are inserted 500 at a time.
		t.Errorf("a group of %d is made with %d statements, one of two with %d", crowded, many, few)
	}
}

func (w *world) unblock(g id.GID) {
	w.Helper()
	w.change(func(tx *eventlog.Tx) error {
		blocked, err := w.Lock(tx, g)
		if err != nil {
			return err
		}
		normal := *blocked
		normal.Status = eventlog.Normal
		return w.Update(tx, blocked, &normal)
	})
}
