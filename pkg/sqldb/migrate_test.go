package sqldb_test

import (
	"errors"
	"io/fs"
	"path"
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
	if _, err := db.WriterSQL().Exec("DELETE FROM schema_version WHERE version_id > 0"); err != nil {
		t.Fatal(err)
	}
	if err := sqldb.Migrate(t.Context(), db); err != nil {
		t.Errorf("migrate what is migrated already: %v", err)
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
			for range 4 {
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

func TestANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	for name, config := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, file := config(t)
			db := sqldbtest.Open(t, cfg, file)
			const add = "INSERT INTO schema_version (version_id, is_applied) VALUES (?, 1)"
			if _, err := db.WriterSQL().Exec(add, 4711); err != nil {
				t.Fatal(err)
			}
			err := sqldb.Migrate(t.Context(), db)
			if !errors.Is(err, sqldb.ErrNewerSchema) || !strings.Contains(err.Error(), "4711") {
				t.Errorf("migrating a newer schema gave %v", err)
			}
			if _, err := sqldb.MigrateStatus(t.Context(), db); !errors.Is(err, sqldb.ErrNewerSchema) {
				t.Errorf("the status of a newer schema gave %v", err)
			}
		})
	}
}
