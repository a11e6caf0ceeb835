package eventlog

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/pkg/id"
	"parley/pkg/sqldb"
)

// asked is a statement that the log said, with its values.
type asked struct {
	query string
	args  []any
}

// listener remembers the longest statement of every form, which is what it
// begins with. Optimizers err on long ones.
type listener struct {
	mu   sync.Mutex
	said map[string]asked
}

func (l *listener) tap() *tap {
	l.said = make(map[string]asked)
	return &tap{heard: func(query string, args []driver.NamedValue) {
		l.mu.Lock()
		defer l.mu.Unlock()
		a := asked{query: query}
		for _, v := range args {
			a.args = append(a.args, v.Value)
		}
		if form := query[:min(len(query), 60)]; len(query) > len(l.said[form].query) {
			l.said[form] = a
		}
	}}
}

// plan returns what the engine says it would do, a line for each table.
func (w *world) plan(a asked) []string {
	w.Helper()
	explain := "EXPLAIN "
	if w.db.Dialect == sqldb.SQLite {
		explain = "EXPLAIN QUERY PLAN "
	}
	rows, err := w.db.WriterSQL().Query(explain+a.query, a.args...)
	if err != nil {
		w.Fatalf("explain %s: %v", a.query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		w.Fatalf("explain %s: %v", a.query, err)
	}
	telling := []string{"table", "type", "key", "detail", "Extra"}
	if slices.Contains(columns, "access object") { // TiDB, where a line is a step
		telling = []string{"id", "access object"}
	}
	var lines []string
	for rows.Next() {
		values := make([]any, len(columns))
		texts := make([]nullText, len(columns))
		for i := range values {
			values[i] = &texts[i]
		}
		if err := rows.Scan(values...); err != nil {
			w.Fatalf("explain %s: %v", a.query, err)
		}
		var line []string
		for i, c := range columns {
			if slices.Contains(telling, c) {
				line = append(line, string(texts[i]))
			}
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

// nullText takes any value of a result as text.
type nullText string

func (t *nullText) Scan(v any) error {
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	*t = nullText(fmt.Sprint(v))
	return nil
}

// walks reports whether a line of a plan goes through a whole table or index.
func walks(line string) bool {
	for _, table := range []string{"log_event", "log_member", "log_group"} {
		if strings.HasPrefix(line, "SCAN "+table) || // SQLite
			strings.HasPrefix(line, table+" ALL") || strings.HasPrefix(line, table+" index ") || // servers
			strings.Contains(line, "FullScan") && strings.Contains(line, "table:"+table) { // TiDB
			return true
		}
	}
	return false
}

func TestNoStatementWalksTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	users := []id.UID{"alice", "bob", "carol"}
	var groups []id.GID
	for g := range id.GID(200) {
		groups = append(groups, g+1)
	}
	w.chronicle(2000, users, groups)
	w.crowd(2000)
	var said listener
	tapped := said.tap()
	l := w.log(tapped.onWrites(w), tapped.onReads(w))

	// Every kind of work, in the sizes in which indexes are left aside.
	var batch []Event
	for i := range maxBatch {
		batch = append(batch, toGroup(users[i%3], groups[i%len(groups)], fmt.Sprint("new", i)))
	}
	appendAll(l, batch...)
	appendAll(l, append(batch[:maxBatch-1:maxBatch-1], private("alice", "bob", "one more"))...) // repeats
	w.read(l, "bob", 0, 100)
	w.append(w.log(), private("alice", "bob", "of another process"))
	w.read(l, "bob", 100, 100)
	w.history(l, "alice", "bob", 0, 100)
	p := w.append(l, private("alice", "bob", "to be revoked")).Pos
	w.change(l, func(tx *Tx) error { _, err := tx.Erase(p); return err })
	w.change(l, func(tx *Tx) error { return tx.Mute(1, 1, users...) })
	w.change(l, func(tx *Tx) error { return tx.SetMuteAll(1, false) })
	if _, _, err := l.Seat(context.Background(), 1, "bob"); err != nil {
		t.Fatalf("read a seat: %v", err)
	}

	forms := 0
	for _, a := range said.said {
		if !strings.HasPrefix(a.query, "SELECT") && !strings.HasPrefix(a.query, "UPDATE") || strings.Contains(a.query, "log_position") {
			continue
		}
		forms++
		for _, line := range w.plan(a) {
			if walks(line) {
				t.Errorf("%.150s …\nis done so: %s", a.query, line)
			}
		}
	}
	if forms < 10 {
		t.Errorf("only %d statements were looked at", forms)
	}
}

// crowd makes groups with two members each, of whom nothing is asked.
func (w *world) crowd(groups int) {
	w.Helper()
	var members, rows []string
	for g := 1; g <= groups; g++ {
		rows = append(rows, fmt.Sprintf("(%d,0,0,0)", g))
		for m := range 2 {
			members = append(members, fmt.Sprintf("(%d,'member%d',0,%d,0,0)", g, m, int64(Forever)))
		}
	}
	for chunk := range slices.Chunk(rows, 1000) {
		w.exec("INSERT INTO log_group (group_id, status, mute_all, closed_at) VALUES " + strings.Join(chunk, ","))
	}
	for chunk := range slices.Chunk(members, 1000) {
		w.exec("INSERT INTO log_member (group_id, user_id, from_pos, to_pos, role, muted_until) VALUES " + strings.Join(chunk, ","))
	}
}

func TestEventsOfGroupsAreReadFromTheirIndexAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var groups []id.GID
	for g := range id.GID(groupChunk) {
		groups = append(groups, g+1)
	}
	w.chronicle(1000, []id.UID{"alice", "bob"}, groups)
	for _, n := range []int{1, 2, 200, groupChunk} {
		a := asked{query: groupQuery(dialectOf(w.db), n)}
		for _, g := range groups[:n] {
			a.args = append(a.args, int64(g))
		}
		a.args = append(a.args, int64(0), int64(64<<10))
		plan := strings.Join(w.plan(a), "; ")
		covers := strings.Contains(plan, "COVERING INDEX") || strings.Contains(plan, "Using index") ||
			strings.Contains(plan, "IndexRangeScan") && !strings.Contains(plan, "IndexLookUp") // TiDB's
		if !strings.Contains(plan, "log_event_group") || !covers {
			t.Errorf("%d groups are read so: %s", n, plan)
		}
	}
}
