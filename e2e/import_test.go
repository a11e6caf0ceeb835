package e2e

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
)

// commandLine runs parley with arguments and more in its environment until it ends.
func commandLine(t testing.TB, env []string, args ...string) (code int, out, errOut string) {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), file, args...)
	cmd.Env = append(os.Environ(), env...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// end stops a process in order.
func (p *process) end() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		p.t.Errorf("parley %s ends with exit code %d", strings.Join(p.args, " "), code)
	}
}

// An embedded installation moves into a server: everybody reads the same bytes, and
// everything goes on.
func TestAnInstallationMovesIntoAServer(t *testing.T) {
	t.Parallel()
	cfg, _ := sqldbtest.Server(t)
	env := []string{"PARLEY_DATABASE_DSN=" + cfg.DSN}
	data := t.TempDir()
	embedded := newProcess(t, nil, "-data", data)
	embedded.start()
	s := newSociety(t, embedded.site)
	before := s.views()

	if code, _, said := commandLine(t, env, "import", "-data", data); code != 1 || !strings.Contains(said, "is used by another process") {
		t.Errorf("an import from under a process exits with %d: %s", code, said)
	}
	embedded.end()
	if code, _, said := commandLine(t, nil, "import", "-data", data); code != 1 || !strings.Contains(said, "Database.DSN") {
		t.Errorf("an import without a server exits with %d: %s", code, said)
	}
	code, out, said := commandLine(t, env, "import", "-data", data)
	if code != 0 {
		t.Fatalf("the import exits with %d: %s", code, said)
	}
	for _, want := range []string{"log_event ", "OssService.Apps", "Call.AppID", filepath.Join(data, "objects")} {
		if !strings.Contains(out, want) {
			t.Errorf("the import says nothing of %s:\n%s", want, out)
		}
	}
	if code, out, said := commandLine(t, env, "import", "-data", data); code != 0 || !strings.Contains(out, "before") {
		t.Errorf("an import that was done exits with %d: %s%s", code, out, said)
	}

	server := newService(t, append(env, storesLocally), embedded.args...)
	server.site = embedded.site
	server.start()
	s.same(before)
	if next := s.goesOn(); next != s.last+1 {
		t.Errorf("after logId %d comes %d", s.last, next)
	}

	other := t.TempDir()
	if code, _, said := commandLine(t, nil, "migrate", "-data", other); code != 0 {
		t.Fatal(said)
	}
	if code, _, said := commandLine(t, env, "import", "-data", other); code != 1 || !strings.Contains(said, "not empty") {
		t.Errorf("an import into a database in use exits with %d: %s", code, said)
	}
	server.end()
}

// Somebody started Parley on the new database before the import. It ends, and nobody
// starts on the database before the import has ended.
func TestAProcessOnTheDatabaseOfAnImportEnds(t *testing.T) {
	t.Parallel()
	cfg, _ := sqldbtest.Server(t)
	env := []string{"PARLEY_DATABASE_DSN=" + cfg.DSN}
	data := t.TempDir()
	if code, _, said := commandLine(t, nil, "migrate", "-data", data); code != 0 {
		t.Fatal(said)
	}
	early := newService(t, append(env, storesLocally), "-data", t.TempDir())
	early.start()
	if code, _, said := commandLine(t, env, "import", "-data", data); code != 0 {
		t.Errorf("the import exits with %d: %s", code, said)
	}
	if code := early.exit(); code != 1 || !early.log.has("an import into the database has begun") {
		t.Errorf("the process exits with %d: %s", code, early.log.tail())
	}
}

// The import is killed at random moments. Nobody can start on what is there then,
// until a run comes through.
func TestAnImportThatIsKilledIsRunAgain(t *testing.T) {
	t.Parallel()
	cfg, _ := sqldbtest.Server(t)
	env := []string{"PARLEY_DATABASE_DSN=" + cfg.DSN}
	data := t.TempDir()
	db := sqldbtest.Open(t, sqldb.Config{}, filepath.Join(data, "parley.db"))
	const rows = 40_000
	_, err := db.WriterSQL().Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO log_event (pos, scope, id, author, user_a, user_b, kind, at, body)
		SELECT i, 'alice', 'm' || i, 'alice', 'alice', 'bob', 1, 1700000000000 + i, CAST(zeroblob(200) || i AS BLOB) FROM n`, rows)
	must(t, err)
	_, err = db.WriterSQL().Exec("UPDATE log_position SET pos = ?", rows)
	must(t, err)

	kills := 0
	for patience := 50 * time.Millisecond; ; patience += patience / 3 {
		p := newService(t, env, "import", "-data", data)
		p.run()
		select {
		case <-p.exited:
		case <-time.After(patience/2 + rand.N(patience)):
			p.kill()
			kills++
			if imported(t, cfg, rows) == "begun" {
				refusesHalf(t, env, data, func() bool { return imported(t, cfg, rows) == "ended" })
			}
			continue
		}
		if code := p.exit(); code != 0 {
			t.Fatalf("the import exits with %d: %s", code, p.log.tail())
		}
		break
	}
	if kills == 0 {
		t.Error("it was never killed")
	}
	if got := imported(t, cfg, rows); got != "ended" {
		t.Errorf("the import has %s", got)
	}
	t.Logf("it was killed %d times", kills)
}

// refusesHalf wants a process not to start on half of an import. The last commit of
// the one that was killed may have been on its way; then the import has ended.
func refusesHalf(t testing.TB, env []string, data string, ended func() bool) {
	t.Helper()
	p := newService(t, env, "-data", data, "-listen", freeAddr(t))
	p.run()
	over := func() bool {
		select {
		case <-p.exited:
			return true
		default:
			return false
		}
	}
	until(t, func() bool { return over() || p.log.has("is ready after") })
	if !over() {
		p.kill()
		if !ended() {
			t.Error("a process starts on half of the data")
		}
		return
	}
	if code := p.exit(); code != 1 || !p.log.has("an import into the database has begun") {
		t.Errorf("on half of the data a process exits with %d: %s", code, p.log.tail())
	}
}

// imported says how far an import of so many events is.
func imported(t testing.TB, cfg sqldb.Config, rows int64) string {
	t.Helper()
	db, err := sqldb.Open(t.Context(), cfg, "")
	must(t, err)
	defer db.Close()
	var begun bool
	if err := db.ReaderSQL().QueryRow("SELECT importing IS NOT NULL FROM installation").Scan(&begun); err != nil {
		return "not begun" // the schema is not there yet
	}
	var head, events int64
	err = db.ReaderSQL().QueryRow("SELECT pos FROM log_position").Scan(&head)
	if begun {
		if err == nil {
			t.Error("half of the data have a position")
		}
		return "begun"
	}
	must(t, err)
	must(t, db.ReaderSQL().QueryRow("SELECT COUNT(*) FROM log_event").Scan(&events))
	if head == 0 && events == 0 {
		return "not begun"
	}
	if head != rows || events != rows {
		t.Errorf("the log is at %d with %d events, want %d", head, events, rows)
	}
	return "ended"
}
