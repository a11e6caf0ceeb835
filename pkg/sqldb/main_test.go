package sqldb_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"parley/e2e/servers/fixture"
	"parley/pkg/sqldb/sqldbtest"
)

// TestMain makes sure that there is a MariaDB: what this package promises is
// for the most part a promise about servers.
func TestMain(m *testing.M) {
	os.Exit(withMariaDB(m.Run))
}

func withMariaDB(run func() int) int {
	if os.Getenv(sqldbtest.EnvMySQL) != "" {
		return run()
	}
	server, err := fixture.StartMariaDB(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Stop()
	os.Setenv(sqldbtest.EnvMySQL, server.DefaultDSN())
	return run()
}
