package sqldb_test

import (
	"strings"
	"testing"
	"time"

	"github.com/zeromicro/go-zero/core/logx/logtest"

	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
)

// It is not parallel: there is one log for the whole process.
func TestASlowStatementIsLoggedWithoutItsValues(t *testing.T) {
	log := logtest.NewCollector(t)
	const secret = "what alice wrote"
	for name, config := range engines {
		cfg, file := config(t)
		cfg.SlowQuery = time.Nanosecond
		db := sqldbtest.Open(t, cfg, file)
		log.Reset()
		if err := db.Writer.Exec(insertEvent, 1, "scope", "id", []byte(secret)).Error; err != nil {
			t.Fatal(err)
		}
		db.Writer.Exec(insertEvent, 1, "scope", "id", []byte(secret)) // fails
		if text := log.String(); !strings.Contains(text, "INSERT INTO log_event") || strings.Contains(text, secret) {
			t.Errorf("%s: the log says %q", name, text)
		}

		cfg.SlowQuery = time.Hour
		fast, err := sqldb.Open(t.Context(), cfg, file)
		if err != nil {
			t.Fatal(err)
		}
		log.Reset()
		fast.Reader.Exec("SELECT 1")
		fast.Reader.Exec("SELECT nonsense")
		if text := log.String(); text != "" {
			t.Errorf("%s: a statement that is not slow is logged: %q", name, text)
		}
		if err := fast.Close(); err != nil {
			t.Error(err)
		}
	}
}
