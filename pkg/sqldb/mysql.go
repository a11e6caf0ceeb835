package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"

	"parley/pkg/await"
)

const (
	// lockTimeout is how long a writer may hold the log's position row and do
	// nothing, and how long another one waits for it.
	lockTimeout = 5 * time.Second
	// idleTime is when a pool gives a connection back. It lies below
	// lockTimeout, after which the server ends a writer's session itself.
	idleTime = 3 * time.Second

	dialTimeout = 3 * time.Second
	// ioTimeout is how long a server may be silent. It lies above the longest
	// wait for a lock, and turns a server that hangs into an error.
	ioTimeout = 10 * time.Second
)

// isolation is what every session must have. Under repeatable read a plain
// read before the position is taken would freeze what the transaction sees.
const isolation = "READ-COMMITTED"

// isolationVariables are the names that servers give to it, newest first.
var isolationVariables = []string{"transaction_isolation", "tx_isolation"}

func openMySQL(ctx context.Context, cfg Config) (*DB, error) {
	base, err := cfg.parse()
	if err != nil {
		return nil, err
	}
	if err := complete(base); err != nil {
		return nil, err
	}
	server := await.Server{
		Name:    fmt.Sprintf("the database %s at %s", base.DBName, base.Addr),
		Key:     key,
		Timeout: cfg.StartTimeout,
		Attempt: dialTimeout + time.Second,
	}
	var known map[string]string
	err = await.For(ctx, server, func(ctx context.Context) (err error) {
		known, err = sessionVariables(ctx, base)
		if n, _ := serverError(err); n == 1044 || n == 1045 || n == 1049 {
			return await.Permanent(err) // no right, wrong password, no such database
		}
		return err
	})
	if err != nil {
		return nil, err
	}

	common, writers := settings(known)
	maps.DeleteFunc(base.Params, func(name, _ string) bool {
		return slices.Contains(isolationVariables, strings.ToLower(name))
	})
	maps.Copy(base.Params, common)
	forWriting := base.Clone()
	maps.Copy(forWriting.Params, writers)
	writer, err := pool(forWriting, cfg.MaxConns)
	if err != nil {
		return nil, err
	}
	reader, err := pool(base, cfg.MaxConns)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	for _, p := range []*sql.DB{writer, reader} {
		if err := checkIsolation(ctx, p, known); err != nil {
			return nil, errors.Join(err, reader.Close(), writer.Close())
		}
	}
	_, mariaDB := known["idle_write_transaction_timeout"] // no other server has it
	return attach(&DB{Dialect: MySQL, MariaDB: mariaDB, writer: writer, reader: reader, admin: base}, cfg,
		func(pool *sql.DB) gorm.Dialector { return gormmysql.New(gormmysql.Config{Conn: pool}) })
}

// complete sets what Parley needs in an operator's DSN.
func complete(m *mysql.Config) error {
	m.InterpolateParams = true // one round trip a statement, and no statements kept by the server
	m.MultiStatements = false
	m.ClientFoundRows = false // affected rows tell whether something changed
	m.AllowAllFiles = false
	m.Logger = &mysql.NopLogger{} // it would tell of every broken connection, as our errors do
	if m.Timeout == 0 {
		m.Timeout = dialTimeout
	}
	if m.ReadTimeout == 0 {
		m.ReadTimeout = ioTimeout
	}
	if m.WriteTimeout == 0 {
		m.WriteTimeout = ioTimeout
	}
	if m.Params == nil {
		m.Params = make(map[string]string)
	}
	if err := m.Apply(mysql.Charset("utf8mb4", "utf8mb4_bin")); err != nil {
		return fmt.Errorf("complete %s: %w", key, err)
	}
	return nil
}

// sessionVariables asks a server what it has of the variables that settings
// may set. Its engine and version show in that better than in their names.
func sessionVariables(ctx context.Context, m *mysql.Config) (map[string]string, error) {
	one, err := pool(m, 1)
	if err != nil {
		return nil, err
	}
	defer one.Close()
	rows, err := one.QueryContext(ctx, `SHOW SESSION VARIABLES WHERE Variable_name IN (
		'transaction_isolation', 'tx_isolation', 'wait_timeout', 'innodb_lock_wait_timeout',
		'idle_write_transaction_timeout', 'tidb_idle_transaction_timeout', 'tidb_txn_mode')`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := make(map[string]string)
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		known[strings.ToLower(name)] = value
	}
	return known, rows.Err()
}

// settings returns what every session sets and what writers set beyond that,
// as far as the server knows it.
//
// A process may freeze between taking the position and its commit, and would
// stop everybody. So the server itself must end a writer's session that says
// nothing for seconds, which gives its locks back.
func settings(known map[string]string) (common, writers map[string]string) {
	common = map[string]string{
		"autocommit": "1",
		// Values that do not fit are errors, never cut.
		"sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
	}
	if name := isolationVariable(known); name != "" {
		common[name] = "'" + isolation + "'"
	}
	if _, ok := known["tidb_txn_mode"]; ok {
		common["tidb_txn_mode"] = "'pessimistic'"
	}
	seconds := fmt.Sprint(int(lockTimeout.Seconds()))
	writers = make(map[string]string)
	for _, name := range []string{"wait_timeout", "innodb_lock_wait_timeout",
		"idle_write_transaction_timeout", "tidb_idle_transaction_timeout"} {
		if _, ok := known[name]; ok {
			writers[name] = seconds
		}
	}
	return common, writers
}

func isolationVariable(known map[string]string) string {
	for _, name := range isolationVariables {
		if _, ok := known[name]; ok {
			return name
		}
	}
	return ""
}

// checkIsolation refuses a server, or something between us and it, that does
// not give the isolation that was asked for.
func checkIsolation(ctx context.Context, p *sql.DB, known map[string]string) error {
	name := isolationVariable(known)
	if name == "" {
		return fmt.Errorf("the server of %s does not tell its transaction isolation", key)
	}
	var is string
	if err := p.QueryRowContext(ctx, "SELECT @@SESSION."+name).Scan(&is); err != nil {
		return fmt.Errorf("read the transaction isolation: %w", err)
	}
	if is != isolation {
		return fmt.Errorf("the sessions of %s have the transaction isolation %s, but Parley needs %s", key, is, isolation)
	}
	return nil
}

func pool(m *mysql.Config, size int) (*sql.DB, error) {
	connector, err := mysql.NewConnector(m)
	if err != nil {
		return nil, fmt.Errorf("use %s: %w", key, err)
	}
	p := sql.OpenDB(traced{connector, "mysql"})
	p.SetMaxOpenConns(size)
	p.SetMaxIdleConns(size)
	p.SetConnMaxIdleTime(idleTime)
	return p, nil
}
