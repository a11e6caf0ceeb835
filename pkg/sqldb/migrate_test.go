package sqldb_test

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/deploy/migrations"
	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
)

func TestBothDialectsHaveTheSameMigrations(t *testing.T) {
	t.Parallel()
	var names [2][]string
	for i, dialect := range []sqldb.Dialect{sqldb.SQLite, sqldb.MySQL} {
		files, err := fs.ReadDir(migrations.Files, string(dialect))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names[i] = append(names[i], f.Name())
		}
	}
	if !slices.Equal(names[0], names[1]) {
		t.Errorf("sqlite has %v, mysql has %v", names[0], names[1])
	}
	if want := int64(len(names[0])); sqldb.SchemaVersion() != want {
		t.Errorf("the schema has version %d after %d migrations", sqldb.SchemaVersion(), want)
	}
}

// A migration on a server may stop half-way and is then run again.
func TestMigrationsOfServersMayBeRunAgain(t *testing.T) {
	t.Parallel()
	db := onServer(t)
	for _, lost := range []string{
		"DELETE FROM schema_version WHERE version_id > 0",
		"DELETE FROM schema_version", // stopped when it had just been made
	} {
		exec(t, db, lost)
		if err := sqldb.Migrate(t.Context(), db); err != nil {
			t.Errorf("migrate what is migrated already, after %s: %v", lost, err)
		}
	}
	var rows int
	if err := db.ReaderSQL().QueryRow("SELECT COUNT(*) FROM log_position").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("the log has %d positions, %v", rows, err)
	}
}

func TestMigrateTellsWhatItDid(t *testing.T) {
	t.Parallel()
	for name, config := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, file := config(t)
			db, err := sqldb.Open(t.Context(), cfg, file)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			check := func(applied bool) {
				t.Helper()
				status, err := sqldb.MigrateStatus(t.Context(), db)
				if err != nil {
					t.Fatal(err)
				}
				if n := int64(len(status)); n != sqldb.SchemaVersion() {
					t.Errorf("there are %d versions of %d", n, sqldb.SchemaVersion())
				}
				for _, m := range status {
					if m.Applied != applied || m.At.IsZero() == applied || path.Ext(m.File) != ".sql" {
						t.Errorf("the status is %+v, applied should be %t", m, applied)
					}
				}
			}
			check(false)
			for range 2 {
				if err := sqldb.Migrate(t.Context(), db); err != nil {
					t.Fatal(err)
				}
				check(true)
			}
		})
	}
}

func TestManyMayMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for name, config := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, file := config(t)
			var all sync.WaitGroup
			for range 6 {
				db, err := sqldb.Open(t.Context(), cfg, file)
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				for range 2 {
					all.Go(func() {
						if err := sqldb.Migrate(t.Context(), db); err != nil {
							t.Errorf("migrate beside others: %v", err)
						}
					})
				}
			}
			all.Wait()
		})
	}
}

// While an upgrade is rolled out, processes of the release before start again on
// the schema that the new one made.
func TestANewerSchemaIsUsedUntilAMigrationForbidsIt(t *testing.T) {
	t.Parallel()
	for name, config := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, file := config(t)
			db := sqldbtest.Open(t, cfg, file)
			exec(t, db, "INSERT INTO schema_version (version_id, is_applied) VALUES (4711, 1)")
			if err := sqldb.Migrate(t.Context(), db); err != nil {
				t.Errorf("migrating a newer schema gave %v", err)
			}
			if got, err := sqldb.MigrateStatus(t.Context(), db); err != nil || int64(len(got)) != sqldb.SchemaVersion() {
				t.Errorf("the status of a newer schema is %v, %v", got, err)
			}
			exec(t, db, "UPDATE installation SET oldest = 4711 WHERE id = 1")
			err := sqldb.Migrate(t.Context(), db)
			if !errors.Is(err, sqldb.ErrNewerSchema) || !strings.Contains(err.Error(), "4711") {
				t.Errorf("migrating a schema that this binary cannot use gave %v", err)
			}
			if _, err := sqldb.MigrateStatus(t.Context(), db); !errors.Is(err, sqldb.ErrNewerSchema) {
				t.Errorf("the status of a schema that this binary cannot use gave %v", err)
			}
		})
	}
}

func TestADatabaseThatIsBeingImportedIsRefused(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db *sqldb.DB) {
		exec(t, db, "UPDATE installation SET importing = 7 WHERE id = 1")
		if err := sqldb.Migrate(t.Context(), db); !errors.Is(err, sqldb.ErrImporting) {
			t.Errorf("a start on half of the data gave %v", err)
		}
		exec(t, db, "UPDATE installation SET importing = NULL WHERE id = 1")
		if err := sqldb.Migrate(t.Context(), db); err != nil {
			t.Errorf("a start on all of the data gave %v", err)
		}
	})
}

func exec(t *testing.T, db *sqldb.DB, statement string) {
	t.Helper()
	if _, err := db.WriterSQL().Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// What takes something away from processes of the release before, which run beside
// the new ones during an upgrade, or on a server keeps everybody waiting.
var takesAway = regexp.MustCompile(`(?i)\b(DROP|RENAME|TRUNCATE|DELETE|MODIFY|CHANGE|CONVERT)\b`)

// A column that old binaries do not fill.
var unfilled = regexp.MustCompile(`(?i)\bADD\s+(COLUMN\s+)?(\w+)\s+[^,;]*\bNOT\s+NULL\b[^,;]*`)

// raisesOldest is how a migration says which binaries are too old for it.
var raisesOldest = regexp.MustCompile(`(?i)\bUPDATE\s+installation\s+SET\s+oldest\b`)

// tooSoon returns what in a migration older binaries cannot live with.
func tooSoon(text string) []string {
	text = regexp.MustCompile(`(?m)--.*$`).ReplaceAllString(text, "")
	if raisesOldest.MatchString(text) {
		return nil
	}
	found := takesAway.FindAllString(text, -1)
	for _, column := range unfilled.FindAllString(text, -1) {
		if !strings.Contains(strings.ToUpper(column), "DEFAULT") {
			found = append(found, column)
		}
	}
	return found
}

func TestOldBinariesCanLiveWithEveryMigration(t *testing.T) {
	t.Parallel()
	for _, dialect := range []sqldb.Dialect{sqldb.SQLite, sqldb.MySQL} {
		files, err := fs.ReadDir(migrations.Files, string(dialect))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := fs.ReadFile(migrations.Files, path.Join(string(dialect), f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			for _, what := range tooSoon(string(text)) {
				t.Errorf("%s/%s has %q: add first, take away a release later, and raise installation.oldest then", dialect, f.Name(), what)
			}
			if again := strings.Contains(string(text), "+goose NO TRANSACTION"); again != (dialect == sqldb.MySQL) {
				t.Errorf("%s/%s: a file for servers says NO TRANSACTION, one for SQLite does not", dialect, f.Name())
			}
		}
	}
	// And what it finds is found.
	for statement, want := range map[string]int{
		"ALTER TABLE t ADD COLUMN a BIGINT NOT NULL;":                                    1,
		"ALTER TABLE t ADD a BIGINT NOT NULL, ADD b BIGINT NOT NULL DEFAULT 0;":          1,
		"ALTER TABLE t ADD COLUMN a BIGINT NOT NULL DEFAULT 0;":                          0,
		"ALTER TABLE t ADD COLUMN a BIGINT NULL;":                                        0,
		"-- Nothing to DROP.\nCREATE INDEX i ON t (a);":                                  0,
		"alter table t drop column a;":                                                   1,
		"RENAME TABLE t TO u;":                                                           1,
		"ALTER TABLE t DROP COLUMN a;\nUPDATE installation SET oldest = 6 WHERE id = 1;": 0,
	} {
		if got := tooSoon(statement); len(got) != want {
			t.Errorf("%q: found %q", statement, got)
		}
	}
}
