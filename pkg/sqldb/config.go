package sqldb

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"parley/pkg/secret"
	"parley/pkg/tlsx"
)

// Config says where the database is. The zero value means the embedded one.
type Config struct {
	// DSN is the address of a MariaDB, MySQL or TiDB server and its database,
	// as user:password@tcp(host:3306)/parley. ?tls=true means TLS with the
	// authorities of the system, and goes without TLS below. Empty means the
	// embedded SQLite file in the data folder.
	DSN string `yaml:"DSN"`
	// PasswordFile names a file that holds the password of the user in DSN,
	// for a DSN without one. White space at its end does not count.
	PasswordFile string `yaml:"PasswordFile"`
	tlsx.ClientConfig
	// StartTimeout is how long the start waits for a server that is down.
	// Default 60s.
	StartTimeout time.Duration `yaml:"StartTimeout"`
	// MaxConns bounds the connections of one process, once for reading and
	// once for writing. More than about 16 make batches slower. Default 16.
	MaxConns int `yaml:"MaxConns"`
	// SlowQuery is how long a statement may take before it is logged, without
	// its parameters. Default 500ms.
	SlowQuery time.Duration `yaml:"SlowQuery"`
}

// key is where the configuration keeps a Config, for messages to operators.
const key = "Database.DSN"

func (c Config) withDefaults() Config {
	c.StartTimeout = cmp.Or(c.StartTimeout, 60*time.Second)
	c.MaxConns = cmp.Or(c.MaxConns, 16)
	c.SlowQuery = cmp.Or(c.SlowQuery, 500*time.Millisecond)
	return c
}

// Check reports what is wrong with c without connecting to anything.
func (c Config) Check() error {
	var errs []error
	if c.MaxConns < 0 {
		errs = append(errs, fmt.Errorf("Database.MaxConns is %d and must be at least 0", c.MaxConns))
	}
	if c.StartTimeout < 0 {
		errs = append(errs, fmt.Errorf("Database.StartTimeout is %s and must be at least 0s", c.StartTimeout))
	}
	if c.SlowQuery < 0 {
		errs = append(errs, fmt.Errorf("Database.SlowQuery is %s and must be at least 0s", c.SlowQuery))
	}
	if c.DSN != "" {
		_, err := c.parse()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// parse reads the DSN and the files. Its errors never hold the DSN,
// which may have a password in it.
func (c Config) parse() (*mysql.Config, error) {
	m, err := mysql.ParseDSN(c.DSN)
	if err != nil {
		return nil, fmt.Errorf("%s is not of the form user:password@tcp(host:port)/database: %w", key, err)
	}
	if m.DBName == "" {
		return nil, fmt.Errorf("%s names no database", key)
	}
	if c.PasswordFile != "" {
		if m.Passwd, err = secret.Read("Database.PasswordFile", c.PasswordFile); err != nil {
			return nil, err
		}
	}
	secured, err := tlsx.Load("Database", c.ClientConfig)
	if err != nil {
		return nil, err
	}
	if secured != nil {
		// The driver would go by one of them, and the other one might be meant.
		if m.TLSConfig != "" || m.AllowFallbackToPlaintext {
			return nil, fmt.Errorf("%s has tls or allowFallbackToPlaintext and must not where Database.TLS is true", key)
		}
		m.TLS = secured
	}
	return m, nil
}
