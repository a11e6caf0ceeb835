package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"parley/e2e/servers/fixture"
	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
)

// engines are where a promise must hold that is made for all of them.
var engines = map[string]func(testing.TB) (sqldb.Config, string){
	"sqlite":  sqldbtest.File,
	"mariadb": sqldbtest.Server,
}

// onEachEngine runs a test on an empty, migrated database of every engine.
func onEachEngine(t *testing.T, test func(t *testing.T, db *sqldb.DB)) {
	t.Parallel()
	for name, config := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, file := config(t)
			test(t, sqldbtest.Open(t, cfg, file))
		})
	}
}

func onServer(t *testing.T) *sqldb.DB {
	t.Helper()
	cfg, file := sqldbtest.Server(t)
	return sqldbtest.Open(t, cfg, file)
}

// startMariaDB starts a server that a test may kill.
func startMariaDB(t *testing.T, options ...string) *fixture.MariaDB {
	t.Helper()
	fixture.Need(t)
	server, err := fixture.StartMariaDB(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

const (
	insertEvent = "INSERT INTO log_event (pos, scope, id, author, kind, at, body) VALUES (?, ?, ?, 'author', 0, 0, ?)"
	selectEvent = "SELECT pos, id, body FROM log_event WHERE scope = ? AND id = ?"
)

func TestNamesAreComparedByteByByte(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db *sqldb.DB) {
		names := []string{"m1", "m1 ", "M1", " m1", "m1\x00", "", "é", "e\u0301", "\xff\xfe", "'\\\"\n\x1a%_"}
		for i, name := range names {
			if _, err := db.WriterSQL().Exec(insertEvent, i, "scope", name, []byte(name)); err != nil {
				t.Errorf("store the event %q: %v", name, err)
			}
		}
		for i, name := range names {
			var pos int
			var id string
			var body []byte
			if err := db.ReaderSQL().QueryRow(selectEvent, "scope", name).Scan(&pos, &id, &body); err != nil {
				t.Errorf("look for %q: %v", name, err)
			}
			if pos != i || id != name || string(body) != name {
				t.Errorf("looked for %q at %d and found %q with the body %q at %d", name, i, id, body, pos)
			}
		}
	})
}

func TestBytesComeBackAsTheyWent(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db *sqldb.DB) {
		body := make([]byte, 0, 3*256)
		for i := range 3 * 256 {
			body = append(body, byte(i*7))
		}
		if _, err := db.WriterSQL().Exec(insertEvent, 1, "s", "bytes", body); err != nil {
			t.Fatal(err)
		}
		var found int
		if err := db.ReaderSQL().QueryRow("SELECT COUNT(*) FROM log_event WHERE body = ?", body).Scan(&found); err != nil || found != 1 {
			t.Errorf("found the bytes %d times, %v", found, err)
		}
	})
}

func TestAValueThatDoesNotFitIsAnError(t *testing.T) {
	t.Parallel()
	db := onServer(t)
	if _, err := db.WriterSQL().Exec(insertEvent, 1, strings.Repeat("s", 65), "id", nil); err == nil {
		t.Error("a scope of 65 bytes was cut")
	}
}

func TestSQLiteRefusesBytesForANameAndANameForBytes(t *testing.T) {
	t.Parallel()
	cfg, file := sqldbtest.File(t)
	db := sqldbtest.Open(t, cfg, file)
	if _, err := db.WriterSQL().Exec(insertEvent, 1, []byte("scope"), "id", nil); err == nil {
		t.Error("a scope of bytes was stored, and would equal no scope")
	}
	if _, err := db.WriterSQL().Exec(insertEvent, 1, "scope", "id", "body"); err == nil {
		t.Error("a body of text was stored")
	}
}

func TestARepeatIsADuplicate(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db *sqldb.DB) {
		insert := func(pos int, id string) error {
			_, err := db.WriterSQL().Exec(insertEvent, pos, "s", id, nil)
			return err
		}
		if err := insert(1, "one"); err != nil {
			t.Fatal(err)
		}
		if err := insert(2, "one"); !sqldb.IsDuplicate(err) || sqldb.Retriable(err) || sqldb.ConnLost(err) {
			t.Errorf("a second event with the same id gave %v, which is not taken for a duplicate", err)
		}
		if err := insert(1, "two"); !sqldb.IsDuplicate(err) {
			t.Errorf("a second event at the same position gave %v", err)
		}
		if _, err := db.WriterSQL().Exec(insertEvent, 3, "s", nil, nil); err == nil || sqldb.IsDuplicate(err) {
			t.Errorf("an event without an id gave %v", err)
		}
	})
}

func TestReadersCannotWriteSQLite(t *testing.T) {
	t.Parallel()
	cfg, file := sqldbtest.File(t)
	db := sqldbtest.Open(t, cfg, file)
	if _, err := db.ReaderSQL().Exec(insertEvent, 1, "s", "id", nil); err == nil {
		t.Error("the reader pool writes")
	}
}

func TestAReadSeesWhatWasCommittedBefore(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db *sqldb.DB) {
		for i := range 50 {
			if _, err := db.WriterSQL().Exec("UPDATE log_position SET pos = ?", i); err != nil {
				t.Fatal(err)
			}
			var pos int
			if err := db.ReaderSQL().QueryRow("SELECT pos FROM log_position").Scan(&pos); err != nil || pos != i {
				t.Fatalf("wrote the position %d and read %d, %v", i, pos, err)
			}
		}
	})
}

func TestGormReadsAndWrites(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db *sqldb.DB) {
		type focus struct {
			Pos    int64 `gorm:"primaryKey;autoIncrement:false"`
			UserID string
			At     int64
		}
		err := db.Transact(t.Context(), func(tx *gorm.DB) error {
			return tx.Table("log_focus").Create(&focus{Pos: 7, UserID: "alice", At: 1}).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		var got focus
		if err := db.Reader.Table("log_focus").Where("user_id = ?", "alice").Take(&got).Error; err != nil || got.Pos != 7 {
			t.Errorf("read %+v, %v", got, err)
		}
	})
}

func TestEverySessionReadsCommitted(t *testing.T) {
	t.Parallel()
	db := onServer(t)
	for name, pool := range map[string]*sql.DB{"writer": db.WriterSQL(), "reader": db.ReaderSQL()} {
		for range 3 { // three sessions at once, so three connections
			conn, err := pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var isolation string
			if err := conn.QueryRowContext(t.Context(), "SELECT @@tx_isolation").Scan(&isolation); err != nil {
				t.Fatal(err)
			}
			if isolation != "READ-COMMITTED" {
				t.Errorf("a %s has the isolation %s", name, isolation)
			}
		}
	}
}

func TestAnOperatorsDSNCannotWeakenTheSessions(t *testing.T) {
	t.Parallel()
	cfg, _ := sqldbtest.Server(t)
	cfg.DSN += "?tx_isolation=%27REPEATABLE-READ%27&interpolateParams=false&multiStatements=true&sql_mode=%27%27&autocommit=0&charset=latin1"
	db := sqldbtest.Open(t, cfg, "")
	var isolation, mode, charset string
	var autocommit bool
	err := db.WriterSQL().QueryRow("SELECT @@tx_isolation, @@sql_mode, @@autocommit, @@character_set_connection").
		Scan(&isolation, &mode, &autocommit, &charset)
	if err != nil {
		t.Fatal(err)
	}
	if isolation != "READ-COMMITTED" || !strings.Contains(mode, "STRICT_ALL_TABLES") || !autocommit || charset != "utf8mb4" {
		t.Errorf("sessions have isolation %s, mode %s, autocommit %t, charset %s", isolation, mode, autocommit, charset)
	}
	if _, err := db.WriterSQL().Exec("SELECT 1; SELECT 2"); err == nil {
		t.Error("two statements were taken as one")
	}
}

func TestAWriterThatFreezesGivesItsLockBackWithinSeconds(t *testing.T) {
	t.Parallel()
	cfg, _ := sqldbtest.Server(t)
	frozen, alive := sqldbtest.Open(t, cfg, ""), sqldbtest.Open(t, cfg, "")

	tx, err := frozen.WriterSQL().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	const take = "UPDATE log_position SET pos = pos + 1"
	if _, err := tx.Exec(take); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	err = alive.Transact(t.Context(), func(tx *gorm.DB) error { return tx.Exec(take).Error })
	if err != nil {
		t.Errorf("the next writer failed after %s: %v", time.Since(began), err)
	}
	if took := time.Since(began); took > 12*time.Second {
		t.Errorf("the next writer waited %s", took)
	}

	if err := tx.Commit(); err == nil {
		t.Error("the frozen transaction committed after it had lost its lock")
	} else if !sqldb.ConnLost(err) {
		t.Errorf("the frozen transaction ended with %v, which is not taken for a lost connection", err)
	}
	var pos int
	if err := alive.ReaderSQL().QueryRow("SELECT pos FROM log_position").Scan(&pos); err != nil || pos != 1 {
		t.Errorf("the position is %d, %v; only one transaction committed", pos, err)
	}
}

func TestOpenWaitsForADatabaseThatComesLater(t *testing.T) {
	t.Parallel()
	server := startMariaDB(t)
	if err := server.Shutdown(); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		db, err := sqldb.Open(context.Background(), sqldb.Config{DSN: server.DefaultDSN()}, "")
		if err == nil {
			err = errors.Join(db.Ping(context.Background()), db.Close())
		}
		opened <- err
	}()
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("open a database while it starts: %v", err)
	}
}

func TestOpenGivesUpAndNamesTheKeyButNoSecret(t *testing.T) {
	t.Parallel()
	good, _ := sqldbtest.Server(t)
	for name, c := range map[string]struct {
		dsn  string
		says string
	}{
		"nobody listens":     {"user:hunter2@tcp(127.0.0.1:1)/parley", "127.0.0.1:1"},
		"no database":        {"user:hunter2@tcp(127.0.0.1:1)/", "no database"},
		"not a DSN":          {"hunter2", "user:password@tcp(host:port)/database"},
		"the wrong password": {strings.Replace(good.DSN, "parley:parley@", "parley:hunter2@", 1), "refuses"},
		"an unknown one":     {strings.Replace(good.DSN, "/parley_test_", "/unknown_", 1), "refuses"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sqldb.Open(t.Context(), sqldb.Config{DSN: c.dsn, StartTimeout: 300 * time.Millisecond}, "")
			if err == nil {
				t.Fatal("it opened")
			}
			if text := err.Error(); !strings.Contains(text, "Database.DSN") || !strings.Contains(text, c.says) || strings.Contains(text, "hunter2") {
				t.Errorf("the error is %q", text)
			}
		})
	}
}

func TestADatabaseThatGoesIsAnErrorWithinSecondsAndComesBackByItself(t *testing.T) {
	t.Parallel()
	server := startMariaDB(t)
	db := sqldbtest.Open(t, sqldb.Config{DSN: server.DefaultDSN()}, "")
	write := func() error {
		return db.Transact(context.Background(), func(tx *gorm.DB) error {
			return tx.Exec("UPDATE log_position SET pos = pos + 1").Error
		})
	}
	for _, gone := range []struct {
		how        string
		go_, come  func() error
		errorUntil time.Duration
	}{
		{"killed", server.Kill, func() error { return server.Start(context.Background()) }, 5 * time.Second},
		{"frozen", server.Freeze, server.Thaw, 15 * time.Second},
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if err := gone.go_(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err := write()
		if took := time.Since(began); err == nil || took > gone.errorUntil {
			t.Errorf("%s: a write gave %v after %s", gone.how, err, took)
		}
		if !sqldb.ConnLost(err) {
			t.Errorf("%s: %v is not taken for a lost connection", gone.how, err)
		}
		if err := gone.come(); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(20 * time.Second)
		for err = write(); err != nil && time.Now().Before(deadline); err = write() {
			runtime.Gosched()
		}
		if err != nil {
			t.Errorf("%s: it is back, but a write gives %v", gone.how, err)
		}
	}
}

func TestPasswordComesFromAFile(t *testing.T) {
	t.Parallel()
	cfg, _ := sqldbtest.Server(t)
	cfg.DSN = strings.Replace(cfg.DSN, "parley:parley@", "parley@", 1)
	cfg.PasswordFile = t.TempDir() + "/password"
	if err := os.WriteFile(cfg.PasswordFile, []byte("parley\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sqldbtest.Open(t, cfg, "")
}

func TestTheFileIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	cfg, file := sqldbtest.File(t)
	sqldbtest.Open(t, cfg, file)
	for _, name := range []string{file, file + "-wal", file + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
	}
}

func TestAPathMayHaveAnyCharacters(t *testing.T) {
	t.Parallel()
	folder := t.TempDir() + "/100% ?#& ü"
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	db := sqldbtest.Open(t, sqldb.Config{}, folder+"/p?.db")
	if _, err := os.Stat(folder + "/p?.db-wal"); err != nil {
		t.Error(err)
	}
	var mode string
	if err := db.WriterSQL().QueryRow("PRAGMA synchronous").Scan(&mode); err != nil || mode != "2" {
		t.Errorf("synchronous is %s, %v; want 2, full", mode, err)
	}
}
