package sqldb

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func TestAServerWithAnotherIsolationIsRefused(t *testing.T) {
	t.Parallel()
	dsn := os.Getenv("PARLEY_TEST_MYSQL")
	if dsn == "" {
		t.Skip("it needs a real server: make test-servers")
	}
	m, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pool(m, 1) // what a server gives that is not asked for anything
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	known := map[string]string{"tx_isolation": ""}
	if err := checkIsolation(t.Context(), p, known); err == nil || !strings.Contains(err.Error(), "REPEATABLE-READ") {
		t.Errorf("sessions with repeatable read gave the error %v", err)
	}
	if err := checkIsolation(t.Context(), p, nil); err == nil {
		t.Error("a server that does not tell its isolation was taken")
	}
}

func TestSessionsAreSetUpAsTheEngineKnowsIt(t *testing.T) {
	t.Parallel()
	for engine, c := range map[string]struct {
		knows           []string
		common, writers map[string]string
	}{
		"MySQL 8": {
			knows:   []string{"transaction_isolation", "wait_timeout", "innodb_lock_wait_timeout"},
			common:  map[string]string{"transaction_isolation": "'READ-COMMITTED'"},
			writers: map[string]string{"wait_timeout": "5", "innodb_lock_wait_timeout": "5"},
		},
		"MariaDB 10": {
			knows:   []string{"tx_isolation", "wait_timeout", "innodb_lock_wait_timeout", "idle_write_transaction_timeout"},
			common:  map[string]string{"tx_isolation": "'READ-COMMITTED'"},
			writers: map[string]string{"wait_timeout": "5", "innodb_lock_wait_timeout": "5", "idle_write_transaction_timeout": "5"},
		},
		"MariaDB 11, which has both names": {
			knows:   []string{"tx_isolation", "transaction_isolation", "wait_timeout"},
			common:  map[string]string{"transaction_isolation": "'READ-COMMITTED'"},
			writers: map[string]string{"wait_timeout": "5"},
		},
		"TiDB": {
			knows:   []string{"tx_isolation", "transaction_isolation", "wait_timeout", "innodb_lock_wait_timeout", "tidb_txn_mode", "tidb_idle_transaction_timeout"},
			common:  map[string]string{"transaction_isolation": "'READ-COMMITTED'", "tidb_txn_mode": "'pessimistic'"},
			writers: map[string]string{"wait_timeout": "5", "innodb_lock_wait_timeout": "5", "tidb_idle_transaction_timeout": "5"},
		},
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			known := make(map[string]string)
			for _, name := range c.knows {
				known[name] = "whatever"
			}
			maps.Copy(c.common, map[string]string{"autocommit": "1", "sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"})
			common, writers := settings(known)
			if !maps.Equal(common, c.common) {
				t.Errorf("every session sets %v, want %v", common, c.common)
			}
			if !maps.Equal(writers, c.writers) {
				t.Errorf("a writer sets %v, want %v", writers, c.writers)
			}
		})
	}
}

func TestAWriterLosesItsSessionLaterThanThePoolItsConnection(t *testing.T) {
	t.Parallel()
	if !slices.IsSorted([]int64{int64(idleTime), int64(lockTimeout), int64(ioTimeout)}) {
		t.Errorf("idle time %s, lock time-out %s, silence of a server %s must rise", idleTime, lockTimeout, ioTimeout)
	}
}
