package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/zeromicro/go-zero/core/logx"

	"parley/deploy/migrations"
)

// ErrNewerSchema says that a newer Parley has taken away from the schema what
// this one needs, which therefore must not touch the data.
var ErrNewerSchema = errors.New("the database has a newer schema than this parley can use")

// ErrImporting says that the data of an embedded installation are being brought
// into the database, or that this stopped half-way.
var ErrImporting = errors.New("an import into the database has begun and has not ended; run the same parley import again")

// Migration is a version of the schema and, once it was applied, when.
type Migration struct {
	Version int64
	File    string
	Applied bool
	At      time.Time
}

// SchemaVersion returns the version of the schema that this binary works with.
func SchemaVersion() int64 {
	return knownVersions[len(knownVersions)-1]
}

// knownVersions are the versions in the binary, rising. The dialects have the
// same ones; a test holds them to it.
var knownVersions = func() (versions []int64) {
	files, err := fs.ReadDir(migrations.Files, string(SQLite))
	if err != nil {
		panic(fmt.Sprintf("the binary has no migrations: %v", err))
	}
	for _, f := range files {
		v, err := goose.NumericComponent(f.Name())
		if err != nil {
			panic(fmt.Sprintf("the migration %s has no version: %v", f.Name(), err))
		}
		versions = append(versions, v)
	}
	return versions
}()

// Migrate brings the schema to SchemaVersion. Any number of processes may do
// so at the same time: one works, the others wait and then find nothing to do.
//
// A schema that is newer is used as it is, because migrations leave what the
// binaries of the release before need; while an upgrade is rolled out those
// start on it too. Migrate refuses it with ErrNewerSchema where a migration
// said that this binary is too old. It fails with ErrImporting, when the schema
// is up to date already, as long as an import has not ended.
func Migrate(ctx context.Context, db *DB) error {
	if err := db.migrate(ctx); err != nil {
		return err
	}
	return db.CheckComplete(ctx)
}

// CheckComplete fails with ErrImporting as long as an import has not ended.
func (db *DB) CheckComplete(ctx context.Context) error {
	var importing bool
	err := db.reader.QueryRowContext(ctx, "SELECT importing IS NOT NULL FROM installation WHERE id = 1").Scan(&importing)
	if err != nil {
		return fmt.Errorf("ask whether the database is complete: %w", err)
	}
	if importing {
		return ErrImporting
	}
	return nil
}

func (db *DB) migrate(ctx context.Context) error {
	return db.withMigrations(ctx, func(p *goose.Provider) error {
		from, err := db.checkVersion(ctx, p)
		if err != nil {
			return err
		}
		if from > SchemaVersion() {
			logx.Infof("database schema: version %d is newer than this parley, which knows %d and can use it", from, SchemaVersion())
			return nil
		}
		done, err := p.Up(ctx)
		for _, m := range done {
			logx.Infof("database schema: %s applied in %s", m.Source.Path, m.Duration.Round(time.Millisecond))
		}
		if err != nil {
			return fmt.Errorf("migrate the database from version %d to %d: %w", from, SchemaVersion(), err)
		}
		return nil
	})
}

// MigrateStatus returns every version that this binary knows, the oldest
// first. It does not change the schema, but for the table of versions itself. It
// refuses the schemas that Migrate refuses.
func MigrateStatus(ctx context.Context, db *DB) ([]Migration, error) {
	var all []Migration
	err := db.withMigrations(ctx, func(p *goose.Provider) error {
		if _, err := db.checkVersion(ctx, p); err != nil {
			return err
		}
		states, err := p.Status(ctx)
		if err != nil {
			return fmt.Errorf("read the schema's versions: %w", err)
		}
		for _, s := range states {
			all = append(all, Migration{
				Version: s.Source.Version,
				File:    s.Source.Path,
				Applied: s.State == goose.StateApplied,
				At:      s.AppliedAt,
			})
		}
		return nil
	})
	return all, err
}

// checkVersion returns the version of the schema, which may be newer than
// SchemaVersion if this binary can use it.
func (db *DB) checkVersion(ctx context.Context, p *goose.Provider) (int64, error) {
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	if version <= SchemaVersion() {
		return version, nil
	}
	var oldest int64
	if err := db.reader.QueryRowContext(ctx, "SELECT oldest FROM installation WHERE id = 1").Scan(&oldest); err != nil {
		return 0, fmt.Errorf("ask whether this parley can use the schema: %w", err)
	}
	if oldest > SchemaVersion() {
		return 0, fmt.Errorf("%w: it has version %d and takes binaries that know %d, this one knows %d; run a newer parley or go back to a backup",
			ErrNewerSchema, version, oldest, SchemaVersion())
	}
	return version, nil
}

// withMigrations calls fn under the migration lock.
func (db *DB) withMigrations(ctx context.Context, fn func(*goose.Provider) error) error {
	if db.Dialect == SQLite {
		return withSQLiteLock(func() error {
			return withProvider(goose.DialectSQLite3, db.writer, SQLite, fn)
		})
	}
	// A migration may take long: its sessions must not end after seconds.
	admin := db.admin.Clone()
	admin.ReadTimeout, admin.WriteTimeout = 0, 0
	admin.ParseTime = true // goose reads when a version was applied
	p, err := pool(admin, 2)
	if err != nil {
		return err
	}
	defer p.Close()
	return withServerLock(ctx, p, func() error {
		if err := completeVersions(ctx, p); err != nil {
			return err
		}
		return withProvider(goose.DialectMySQL, p, MySQL, fn)
	})
}

// completeVersions puts the version 0, which goose begins with, into a table of
// versions that is empty. Servers commit the making of a table at once, so a
// process that is killed just then leaves it so, and goose refuses it.
func completeVersions(ctx context.Context, p *sql.DB) error {
	var tables int
	err := p.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'schema_version'").Scan(&tables)
	if err == nil && tables == 1 {
		_, err = p.ExecContext(ctx, "INSERT INTO schema_version (version_id, is_applied) SELECT 0, TRUE FROM (SELECT COUNT(*) AS n FROM schema_version) found WHERE n = 0")
	}
	if err != nil {
		return fmt.Errorf("complete the table of the schema's versions: %w", err)
	}
	return nil
}

func withProvider(dialect goose.Dialect, p *sql.DB, folder Dialect, fn func(*goose.Provider) error) error {
	files, err := fs.Sub(migrations.Files, string(folder))
	if err != nil {
		return fmt.Errorf("find the migrations: %w", err)
	}
	provider, err := goose.NewProvider(dialect, p, files,
		goose.WithTableName("schema_version"),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	return fn(provider)
}

// sqliteLock keeps goroutines of this process, the only one that uses the
// file, from migrating at once.
var sqliteLock sync.Mutex

func withSQLiteLock(fn func() error) error {
	sqliteLock.Lock()
	defer sqliteLock.Unlock()
	return fn()
}

const (
	// lockWait is how long one process waits while another one migrates.
	lockWait = 10 * time.Minute
	// lockAgain is the pause of one who was told to wait once more.
	lockAgain = 100 * time.Millisecond
	lockName  = "CONCAT('parley-schema-', MD5(DATABASE()))"
)

// withServerLock holds a named lock of the server while fn runs. The name has
// the database in it, because such locks belong to the whole server. The lock
// belongs to a connection, so it goes when its process dies.
func withServerLock(ctx context.Context, p *sql.DB, fn func() error) (err error) {
	conn, err := p.Conn(ctx)
	if err != nil {
		return fmt.Errorf("lock the schema: %w", err)
	}
	defer conn.Close()
	if err := lock(ctx, conn); err != nil {
		return fmt.Errorf("lock the schema: %w", err)
	}
	defer func() {
		_, e := conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK("+lockName+")")
		if e != nil && err == nil {
			err = fmt.Errorf("unlock the schema: %w", e)
		}
	}()
	return fn()
}

// lock waits for the named lock. Where many wait a TiDB may end a wait before its
// time, and then it begins again.
func lock(ctx context.Context, conn *sql.Conn) error {
	for until := time.Now().Add(lockWait); ; {
		var got sql.NullInt64
		err := conn.QueryRowContext(ctx, "SELECT GET_LOCK("+lockName+", ?)", int(time.Until(until).Seconds())).Scan(&got)
		switch {
		case err == nil && got.Int64 == 1:
			return nil
		case err == nil:
			return fmt.Errorf("another process has been migrating for %s", lockWait)
		case !Retriable(err) || time.Now().After(until):
			return err
		}
		if e := pause(ctx, lockAgain); e != nil {
			return fmt.Errorf("%w, after %w", e, err)
		}
	}
}
